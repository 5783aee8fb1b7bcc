/** What follows from the records that a transaction puts: set members and the digest. Callers never manage these. */
import { hash as hashOf } from "node:crypto";
import { assert } from "../../protocol/assert.ts";
import { parseInstanceName } from "../../protocol/ids.ts";
import type { KeyState, Write } from "../../protocol/types.ts";
import { type BatchTransaction, DIGEST_MODULUS } from "./backend.ts";
import type { CacheEntry } from "./cache.ts";
import { isReplicated, openMember, openRanges, stateName } from "./keys.ts";

/** Kinds whose put depends on whether, or as what, the record was there before: the transaction reads it. */
export function needsBefore(kind: Write["kind"]): boolean {
  return kind === "instance" || isReplicated(kind);
}

export type Derived = Pick<BatchTransaction, "open" | "state" | "digestDelta">;

/** One put with the record it replaces (always known where `needsBefore`) and, for a key's state, the hash of the new one. */
export type Replacement = { readonly write: Write; readonly before: CacheEntry | undefined; readonly hash: bigint };

export function derive(replacements: readonly Replacement[]): Derived {
  const open = { adds: [] as string[], drops: [] as string[], upTo: [] as { from: string; to: string }[] };
  const state = { adds: [] as string[], drops: [] as string[] };
  let digest = 0n;
  for (const { write, before, hash } of replacements) {
    if (write.kind === "progress" && write.record !== null) open.upTo.push(...openRanges(write.record.executed));
    if (!needsBefore(write.kind)) continue;
    assert(before !== undefined, "a derived put reads what it replaces");
    const appears = before.record === null && write.record !== null;
    const disappears = before.record !== null && write.record === null;
    if (write.kind === "instance") {
      if (appears) open.adds.push(instanceMember(write.id));
      if (disappears) open.drops.push(instanceMember(write.id));
    } else if (isReplicated(write.kind)) {
      if (appears) state.adds.push(stateName(write.kind, write.id));
      if (disappears) state.drops.push(stateName(write.kind, write.id));
    }
    if (write.kind === "value") digest += hash - hashOfEntry(write.id, before);
  }
  return { open, state, digestDelta: ((digest % DIGEST_MODULUS) + DIGEST_MODULUS) % DIGEST_MODULUS };
}

/** What one key adds to the digest; 0 for a key without record. A deleted key counts by its version. */
export function hashOfState(key: string, state: KeyState | null): bigint {
  if (state === null) return 0n;
  const text = Buffer.allocUnsafe(13 + key.length + (state.value?.length ?? 0));
  text.writeUInt32BE(key.length, 0);
  text.writeDoubleBE(state.version, 4);
  text.writeUInt8(state.value === null ? 0 : 1, 12);
  text.write(key, 13, "latin1");
  if (state.value !== null) text.set(state.value, 13 + key.length);
  return BigInt(`0x${hashOf("sha256", text, "hex").slice(0, 32)}`);
}

function hashOfEntry(key: string, entry: CacheEntry): bigint {
  entry.hash ??= hashOfState(key, entry.record as KeyState | null);
  return entry.hash;
}

function instanceMember(name: string): string {
  const id = parseInstanceName(name);
  assert(id !== null, `not an instance name: ${name}`);
  return openMember(id);
}
