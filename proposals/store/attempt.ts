import { createHash } from "node:crypto";
import { assert } from "../../protocol/assert.ts";
import type { Change, KeyState, RecordKind, Records, Write } from "../../protocol/types.ts";
import type { RecordRef, Transaction } from "../ports.ts";
import type { BatchTransaction } from "./backend.ts";
import type { Cache, CacheEntry } from "./cache.ts";
import { derive, hashOfState, needsBefore, type Replacement } from "./derive.ts";
import { recordName } from "./keys.ts";
import { ENTRY_BYTES } from "./load.ts";
import type { Sealing } from "./sealing.ts";

/** One run of a step, ready to be checked. */
export type Attempt = {
  readonly tag: string;
  readonly reads: ReadonlyMap<string, CacheEntry>;
  /** What it put, by record name, as it is in the cache from now on. */
  readonly written: ReadonlyMap<string, CacheEntry>;
  readonly transaction: BatchTransaction;
};
export type Run<T> = { readonly attempt: Attempt; readonly outcome: { readonly value: T } | { readonly error: unknown } };
type Scratch = { readonly reads: Map<string, CacheEntry>; readonly writes: Map<string, Write>; readonly appends: Change[] };

/** Thrown through a step to learn what it reads. Never leaves this file; one object, since a stack trace costs more than the step. */
class Missing extends Error {
  refs: readonly RecordRef[] = [];
}
const missing = new Missing("a step must not catch this");

export type Runner = {
  /** Runs `step` on what is cached or held. `claims`: see BatchTransaction. */
  run<T>(
    step: (tx: Transaction) => T,
    held: ReadonlyMap<string, CacheEntry>,
    claims: boolean,
  ): Run<T> | { readonly missing: readonly RecordRef[] };
};

export function createRunner({
  cache,
  sealing,
  processId,
}: {
  readonly cache: Cache;
  readonly sealing: Sealing;
  readonly processId: string;
}): Runner {
  const nonce = createHash("sha256").update(processId).digest().toString("latin1", 0, 6);
  let serial = 0;
  return {
    run(step, held, claims) {
      const scratch: Scratch = { reads: new Map(), writes: new Map(), appends: [] };
      const tx = openTransaction(scratch, (name) => cache.get(name) ?? held.get(name));
      let outcome: { readonly value: ReturnType<typeof step> } | { readonly error: unknown };
      try {
        outcome = { value: step(tx) };
      } catch (error) {
        if (error === missing) return { missing: missing.refs };
        // What it read may have been a mixture of old and new: the error counts only if all of it was current.
        outcome = { error };
        scratch.writes.clear();
        scratch.appends.length = 0;
      }
      return { attempt: conclude(scratch, { tag: nonce + serialBytes(++serial), claims, sealing }), outcome };
    },
  };
}

function openTransaction(scratch: Scratch, known: (name: string) => CacheEntry | undefined): Transaction {
  const look = (kind: RecordKind, id: string, name: string): CacheEntry => {
    const seen = scratch.reads.get(name);
    if (seen !== undefined) return seen;
    const entry = known(name);
    if (entry === undefined) {
      missing.refs = [{ kind, id }];
      throw missing;
    }
    scratch.reads.set(name, entry);
    return entry;
  };
  return {
    get<K extends RecordKind>(kind: K, id: string): Records[K] | null {
      const name = recordName(kind, id);
      const write = scratch.writes.get(name);
      return (write === undefined ? look(kind, id, name).record : write.record) as Records[K] | null;
    },
    put(write) {
      const name = recordName(write.kind, write.id);
      if (needsBefore(write.kind)) look(write.kind, write.id, name);
      scratch.writes.set(name, write);
    },
    need(refs) {
      const absent = refs.filter(({ kind, id }) => known(recordName(kind, id)) === undefined);
      if (absent.length === 0) return;
      missing.refs = absent;
      throw missing;
    },
    append: (change) => void scratch.appends.push(change),
  };
}

type Conclusion = { readonly tag: string; readonly claims: boolean; readonly sealing: Sealing };

/** What the backend is asked, and what the cache holds from now on. */
function conclude({ reads, writes, appends }: Scratch, { tag, claims, sealing }: Conclusion): Attempt {
  const written = new Map<string, CacheEntry>();
  const replacements: Replacement[] = [];
  const puts: { name: string; bytes: Uint8Array }[] = [];
  const drops: string[] = [];
  for (const [name, write] of writes) {
    const { kind, id, record } = write;
    const before = reads.get(name);
    if (record === null && before !== undefined && before.record === null) continue;
    let size = name.length + ENTRY_BYTES;
    if (record === null) drops.push(name);
    else {
      const bytes = sealing.seal({ kind, name, tag }, record);
      puts.push({ name, bytes });
      size += bytes.length;
    }
    const hash = kind === "value" ? hashOfState(id, record as KeyState | null) : 0n;
    written.set(name, { tag: record === null ? null : tag, record, bytes: size, writer: tag, confirmed: false, hash });
    replacements.push({ write, before, hash });
  }
  const checks = [...reads].map(([name, entry]) => ({ name, tag: entry.tag }));
  const transaction = {
    checks,
    claims,
    puts,
    drops,
    appends: appends.map((change) => sealing.sealChange(change)),
    ...derive(replacements),
  };
  return { tag, reads, written, transaction };
}

/** Six bytes of a number below 2^48. */
function serialBytes(serial: number): string {
  assert(serial < 2 ** 48, "this process has used up its tags");
  const [high, low] = [Math.floor(serial / 2 ** 24), serial % 2 ** 24];
  return String.fromCharCode(high >>> 16, (high >>> 8) & 255, high & 255, low >>> 16, (low >>> 8) & 255, low & 255);
}
