/**
 * A record whose checksum is wrong: found when it is read, never served, and mended from a peer where that is certainly the same
 * record. Until then this replica does not vote: it may have forgotten a promise.
 */
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import type { Key } from "../protocol/types.ts";
import { audience, type Context } from "./context.ts";
import { about } from "./log-subject.ts";
import type { Store } from "./ports.ts";
import { refOfName } from "./store/keys.ts";
import { DamagedRecord } from "./store/sealing.ts";

/** The store of a replica: what is damaged is noted, and whoever asked hears that this replica cannot serve it. */
export function noticing(store: Store, note: (record: string) => void): Store {
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      note(error.record);
      throw new EpoxyError("notReady", "a record on this replica's disk is damaged; it is not served from it", {}, { cause: error });
    }
  };
  return {
    ...store,
    transact: (step) => watch(store.transact(step)),
    read: (kind, ids) => watch(store.read(kind, ids)),
    look: (kind, ids) => watch(store.look(kind, ids)),
    changes: (after, limit) => watch(store.changes(after, limit)),
  };
}

/** Said once for each record, with its name, which for a value is the key. */
export function noteDamage(ctx: Context, record: string): void {
  // The stream of changes is for watchers and learners: no vote and no read depends on it.
  if (ctx.damaged.has(record) || refOfName(record) === null) return;
  ctx.damaged.add(record);
  ctx.meter.count("epoxy_damaged_records_total", { kind: refOfName(record)?.kind ?? "" });
  ctx.log.error({ record }, "a record on this disk is damaged: its checksum is wrong. This replica does not vote until it is mended");
}

/** Why a damaged disk must not vote; null for a whole one. */
export function damageOf({ damaged, known }: Context): string | null {
  if (damaged.size === 0) return null;
  const self = known.replica?.self ?? "ID";
  return `${damaged.size} damaged record(s) on this disk (its log names them): a value is mended by itself where a peer has the same one; where that does not help, replace this replica: epoxy members remove ${self}, then add it anew with an empty Redis`;
}

/** One try at every damaged record. Only the value of a key is the same at a peer, and only one that fits the checksum is taken. */
export async function mendDamage(ctx: Context): Promise<void> {
  for (const name of ctx.damaged) {
    const ref = refOfName(name);
    if (ref?.kind !== "value") continue;
    for (const peer of audience(ctx)) {
      const { reply } = await ctx.peers
        .request(peer, { kind: "kvGet", key: ref.id as Key }, { timeoutMs: limits.peerTimeoutMs, signal: ctx.stop.signal })
        .catch(() => ({ reply: null }));
      if (reply?.kind !== "kvValue") continue;
      if (!(await ctx.store.mend(ref, { value: reply.value, version: reply.version }))) continue;
      ctx.damaged.delete(name);
      about(ctx.log, { peer }).info({ record: name }, "a damaged record was mended from a peer's copy, which fits its checksum");
      break;
    }
  }
}
