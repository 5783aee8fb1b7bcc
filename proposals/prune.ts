/**
 * Drops what nobody needs any more: index entries of instances below the global floor and, later, their records (PROPOSAL step 57),
 * and idempotency rows whose every repeat is refused by a closed bucket (KEYS, "Idempotency keys").
 */
import { footprints, stampHour } from "../protocol/conflict.ts";
import { covers } from "../protocol/frontier.ts";
import { ROW_HOURS, rowMayGo } from "../protocol/idempotency.ts";
import { instanceId, instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Frontier, IndexRecord, InstanceId, ReplicaId, Slot } from "../protocol/types.ts";
import type { Context } from "./context.ts";

/** How far dropping has come. */
export type Pruning = {
  /** Global floors as they were, oldest first: what was below one for a while has been looked at by everyone who waited for it. */
  readonly floors: { readonly atMs: number; readonly floor: Frontier }[];
  /** Columns up to where this process knows no index entry to be left. */
  readonly noEntries: Map<ReplicaId, number>;
  /** The same of records. */
  readonly noRecords: Map<ReplicaId, number>;
  /** The last row looked at in this pass over all of them; "" at its beginning. */
  row: string;
  /** The newest closed hour when this pass began: hours closed since count for the rows it has yet to come to, and for no others. */
  passHour: number | null;
  /** The newest closed hour as of which a whole pass has been made; null for none. */
  rowsHour: number | null;
};

export function newPruning(): Pruning {
  return { floors: [], noEntries: new Map(), noRecords: new Map(), row: "", passHour: null, rowsHour: null };
}

export async function prune(ctx: Context): Promise<void> {
  const { noEntries, noRecords } = ctx.pruning;
  // Entries first, which cannot be found without the records; and at once, while this process has both at hand.
  for (const [replica, slot] of ctx.known.progress.globalFloor) {
    if (!noEntries.has(replica)) {
      const lowest = await lowestKept(ctx, replica, slot);
      noEntries.set(replica, lowest);
      noRecords.set(replica, lowest);
    }
    await pruneColumn(ctx, replica, slot, { upTo: noEntries, drop: dropEntries });
  }
  for (const [replica, slot] of restingFloor(ctx))
    await pruneColumn(ctx, replica, Math.min(slot, noEntries.get(replica) ?? 0), { upTo: noRecords, drop: dropRecords });
  await pruneRows(ctx);
}

/** The global floor of a while ago. */
function restingFloor(ctx: Context): Frontier {
  const { floors } = ctx.pruning;
  const now = ctx.clock.monotonicMs();
  const newest = floors.at(-1);
  if (newest === undefined || now - newest.atMs >= limits.keepDecidedMs / 8)
    floors.push({ atMs: now, floor: ctx.known.progress.globalFloor });
  while ((floors[1]?.atMs ?? Number.POSITIVE_INFINITY) <= now - limits.keepDecidedMs) floors.shift();
  const oldest = floors[0];
  return oldest !== undefined && oldest.atMs <= now - limits.keepDecidedMs ? oldest.floor : [];
}

type Pass = { readonly upTo: Map<ReplicaId, number>; drop(ctx: Context, ids: readonly InstanceId[]): Promise<void> };

async function pruneColumn(ctx: Context, replica: ReplicaId, top: number, { upTo, drop }: Pass): Promise<void> {
  let from = upTo.get(replica) ?? 0;
  for (let pages = 0; from < top && pages < limits.prunePagesMax && !ctx.stop.signal.aborted; pages++) {
    const to = Math.min(top, from + limits.prunePage);
    await drop(ctx, idsIn(replica, from + 1, to));
    from = to;
  }
  upTo.set(replica, from);
}

function idsIn(replica: ReplicaId, from: number, to: number): InstanceId[] {
  return Array.from({ length: to - from + 1 }, (_, i) => instanceId(replica, (from + i) as Slot));
}

/** A process that has just started looks down the column until there is nothing for long. Slots never used are shorter rows than that. */
async function lowestKept(ctx: Context, replica: ReplicaId, top: number): Promise<number> {
  let kept = top;
  for (let at = top; at > 0 && kept - at < limits.pruneGapMax; at -= limits.prunePage) {
    const low = Math.max(1, at - limits.prunePage + 1);
    const records = await ctx.store.read("instance", idsIn(replica, low, at).map(instanceName));
    if (records.some((record) => record !== null)) kept = low - 1;
  }
  return kept;
}

/** An index that somebody still writes to drops its entries as it goes; the others would stay for ever. */
async function dropEntries(ctx: Context, ids: readonly InstanceId[]): Promise<void> {
  const { globalFloor } = ctx.known.progress;
  const records = await ctx.store.look("instance", ids.map(instanceName));
  const payloads = records.flatMap((record) => [record?.value ?? null, record?.initPayload ?? null]);
  const names = [...new Set(payloads.flatMap((payload) => (payload === null || payload === "nop" ? [] : [...footprints(payload).keys()])))];
  const indexes = await ctx.store.look("index", names);
  const isIdle = (index: IndexRecord | null) => index?.entries.every(({ id }) => covers(globalFloor, id)) ?? false;
  const idle = names.filter((_, i) => isIdle(indexes[i] ?? null));
  if (idle.length === 0) return;
  await ctx.store.transact((tx) => {
    tx.need(idle.map((id) => ({ kind: "index", id })));
    for (const id of idle) if (isIdle(tx.get("index", id))) tx.put({ kind: "index", id, record: null });
  });
}

/** The durable floor only grows, so what it covers once may be dropped at any later time. */
async function dropRecords(ctx: Context, ids: readonly InstanceId[]): Promise<void> {
  const records = await ctx.store.look("instance", ids.map(instanceName));
  const kept = records.flatMap((record) => (record === null ? [] : [instanceName(record.id)]));
  if (kept.length === 0) return;
  await ctx.store.transact((tx) => {
    tx.need(kept.map((id) => ({ kind: "instance", id })));
    for (const id of kept) if (tx.get("instance", id) !== null) tx.put({ kind: "instance", id, record: null });
  });
  ctx.meter.count("epoxy_instances_dropped_total", {}, kept.length);
}

/** One page of rows a step, over and over while hours are being closed. */
async function pruneRows(ctx: Context): Promise<void> {
  const { pruning, closedHour } = ctx;
  if (closedHour === null || pruning.rowsHour === closedHour) return;
  if (pruning.row === "") pruning.passHour = closedHour;
  const names = await ctx.store.stateNames({ prefix: "i", after: pruning.row === "" ? null : pruning.row, limit: limits.pageEntriesMax });
  const keys = names.map((name) => name.slice(1));
  const rows = await ctx.store.look("row", keys);
  const old = keys.filter((_, i) => rows[i] != null && stampHour(rows[i].stampMs) + ROW_HOURS <= closedHour);
  if (old.length > 0) {
    await ctx.store.transact((tx) => {
      for (const key of old) {
        const row = tx.get("row", key);
        // Every hour up to the closed one is refused here, so the first that is not is the one after it.
        if (row !== null && rowMayGo(tx, { key, row, firstHour: closedHour + 1 })) tx.put({ kind: "row", id: key, record: null });
      }
    });
  }
  pruning.row = names.length < limits.pageEntriesMax ? "" : (names.at(-1) ?? "");
  if (pruning.row === "") pruning.rowsHour = pruning.passHour;
}
