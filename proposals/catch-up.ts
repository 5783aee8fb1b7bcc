/** How a replica that was away converges by itself: each tells the others what it has executed, and asks for what it lacks. */

import { stepAcceptor } from "../protocol/acceptor.ts";
import { NO_DEPS } from "../protocol/deps.ts";
import { epochOfAbandoned } from "../protocol/epoch-fence.ts";
import { frontierOf, frontierSlot, minFrontier } from "../protocol/frontier.ts";
import { instanceId, instanceName, ownerOf, slotOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { CommittedInstance, PeerReply, PeerRequestOf, SlotRange, SyncState } from "../protocol/messages.ts";
import type { Frontier, InstanceId, ReplicaId, Slot } from "../protocol/types.ts";
import { applyWrites, audience, barred, type Context } from "./context.ts";
import { digestText } from "./epoch-ends.ts";
import { afterExecution, executeBlockedOn, tryExecute } from "./execute.ts";
import { heardFrom, peerOf, rememberSync } from "./health.ts";
import { about } from "./log-subject.ts";
import { touchedByExecuting, touchedByRegistering } from "./touched.ts";
import { fetchChain } from "./voter-duties.ts";

/** One round with every member: heartbeat, frontiers, and then what is missing here. */
export async function syncRound(ctx: Context): Promise<void> {
  const advertisedFloor = await ownFloor(ctx);
  const digest = digestText(await ctx.store.digest());
  ctx.ownSync = { advertisedFloor, digest };
  const asked = audience(ctx).filter((peer) => !ctx.syncing.has(peer));
  // One that does not answer costs its own rounds, not those of the others.
  const patience = new AbortController();
  await Promise.race([Promise.all(asked.map((peer) => syncWith(ctx, peer))), ctx.clock.sleep(limits.syncEveryMs, patience.signal)]);
  patience.abort();
}

async function syncWith(ctx: Context, peer: ReplicaId): Promise<void> {
  const startMs = ctx.clock.monotonicMs();
  ctx.syncing.add(peer);
  try {
    const answer = await ctx.peers.request(
      peer,
      { kind: "sync", ...syncState(ctx, peer) },
      { timeoutMs: limits.peerTimeoutMs, signal: ctx.stop.signal },
    );
    if (!heardFrom(ctx, peer, answer, ctx.clock.monotonicMs() - startMs) || answer.reply.kind !== "syncOk") return;
    rememberSync(ctx, peer, answer.reply);
    if (answer.reply.chainEpoch > (ctx.known.chain.at(-1)?.epoch ?? 0)) await fetchChain(ctx, peer);
  } catch (error) {
    ctx.fatal(error);
    about(ctx.log, { peer }).debug({ error: String(error) }, "no answer to sync");
  } finally {
    ctx.syncing.delete(peer);
  }
}

/** An answer says that this replica could vote now. What it has to say else goes out with its own rounds as well. */
export async function answerSync(ctx: Context, request: PeerRequestOf<"sync">, from: ReplicaId): Promise<PeerReply> {
  rememberSync(ctx, from, request);
  const storeAway = ctx.clock.monotonicMs() - ctx.storeSeenMs > limits.suspectMs;
  const bar = storeAway ? "the store cannot be reached" : barred(ctx);
  return bar === null ? { kind: "syncOk", ...syncState(ctx, from) } : { kind: "refused", code: "notReady", message: bar };
}

function syncState(ctx: Context, peer: ReplicaId): SyncState {
  const { incarnation, counter } = peerOf(ctx, peer);
  return {
    executed: ctx.known.progress.executed,
    advertisedFloor: ctx.ownSync.advertisedFloor,
    wallMs: ctx.clock.wallMs(),
    seenCounter: counter,
    seenIncarnation: incarnation,
    chainEpoch: ctx.known.chain.at(-1)?.epoch ?? 0,
    digest: ctx.ownSync.digest,
  };
}

/**
 * What this replica says towards the global floor: its executed prefix, held back by the floor of each own instance that is
 * not committed here (consensus section 2). The prefix is read before the list: a later submit has at least that floor.
 */
async function ownFloor(ctx: Context): Promise<Frontier> {
  const [progress] = await ctx.store.read("progress", [""]);
  const { replica } = ctx.known;
  if (progress === null || progress === undefined || replica === null) return [];
  const { self } = replica;
  const floors: Frontier[] = [progress.executed];
  // All of them: one left out could let the others drop what it has yet to be compared with.
  for (let after = instanceId(self, frontierSlot(progress.executed, self) as Slot); ; ) {
    const page = await ctx.store.openInstances(after, limits.pageEntriesMax);
    const own = page.filter((id) => ownerOf(id) === self && !ctx.executed.has(id));
    for (const record of await ctx.store.read("instance", own.map(instanceName))) {
      if (record !== null && record.phase !== "committed" && record.initDeps !== null) floors.push(record.initDeps.floor);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limits.pageEntriesMax || ownerOf(last) !== self) return minFrontier(floors);
    after = last;
  }
}

/** Committed instances of these ranges as far as one page goes. */
export async function committedIn(ctx: Context, ranges: readonly SlotRange[]): Promise<CommittedInstance[]> {
  const ids = ranges.flatMap(({ replica, from, to }) => {
    const count = Math.max(0, Math.min(to - from + 1, limits.pageEntriesMax));
    return Array.from({ length: count }, (_, i) => instanceId(replica, (from + i) as Slot));
  });
  const records = await ctx.store.read("instance", ids.slice(0, limits.pageEntriesMax).map(instanceName));
  const page: CommittedInstance[] = [];
  let bytes = 0;
  for (const record of records) {
    if (record === null || record.phase !== "committed" || record.value === null) continue;
    bytes += payloadBytes(record.value);
    if (page.length > 0 && bytes > limits.pageBytesMax) break;
    page.push({ id: record.id, epoch: record.epoch, value: record.value, deps: record.deps });
  }
  return page;
}

/** Roughly what a value weighs, so that a page stays below the message limit. */
function payloadBytes(value: CommittedInstance["value"]): number {
  if (value === "nop") return 16;
  let bytes = 64;
  const weigh = (data: Uint8Array | null | undefined) => {
    bytes += 16 + (data?.byteLength ?? 0);
  };
  for (const { commands } of value.entries) {
    for (const command of commands) {
      const inner = command.kind === "txn" ? command.commands : [command];
      for (const one of inner) {
        bytes += "key" in one ? one.key.length + 16 : 16;
        if (one.kind === "set") weigh(one.value);
        if (one.kind === "checkAndSet") {
          weigh(one.newValue);
          if (one.expect.kind === "oneOf") one.expect.values.forEach(weigh);
        }
      }
      if (command.kind === "txn")
        for (const { key, expect } of command.checks) {
          bytes += key.length + 16;
          if (expect.kind === "oneOf") expect.values.forEach(weigh);
        }
    }
  }
  return bytes;
}

/**
 * Fetches from its peers what this replica lacks. Only what a peer had executed by its sync before the last one counts as
 * lacking: newer commits are on their way.
 */
export async function catchUp(ctx: Context): Promise<void> {
  if (ctx.known.replica === null || ctx.known.replica.epoch === 0) return;
  for (const [peer, { previousSync }] of ctx.health) {
    if (previousSync !== null) await fetchUpTo(ctx, peer, previousSync.executed);
  }
}

/**
 * Fetches what `peer` has executed up to `target` and this replica has not committed, page by page while that helps: a page
 * has its part of each column, since what stands side by side depends on one another.
 */
export async function fetchUpTo(ctx: Context, peer: ReplicaId, target: Frontier): Promise<void> {
  let inVain = 0;
  const each = Math.ceil(limits.pageEntriesMax / Math.max(1, target.length));
  const { executed } = ctx.known.progress;
  for (let done = 0; !ctx.stop.signal.aborted; done += each) {
    const parts = target.flatMap(([replica, slot]): SlotRange[] => {
      const from = frontierSlot(executed, replica) + done + 1;
      return from > slot ? [] : [{ replica, from, to: Math.min(slot, from + each - 1) }];
    });
    if (parts.length === 0) return;
    const missing = await closeAbandoned(ctx, await missingIn(ctx, parts));
    // A peer may lack the first ones too (it has them by a snapshot, or they were never used) and have those that follow.
    if (missing.length > 0 && !(await fetchRanges(ctx, peer, missing)) && ++inVain >= limits.downloadsInVainMax) return;
  }
}

/** What a removed owner began and nobody else heard of, as a Nop: who has executed it may have it by a snapshot alone. Gives the rest. */
async function closeAbandoned(ctx: Context, missing: readonly SlotRange[]): Promise<readonly SlotRange[]> {
  const removed = ctx.known.members?.removed ?? [];
  if (!missing.some(({ replica }) => removed.includes(replica))) return missing;
  const nops = idsOf(missing).flatMap((id): CommittedInstance[] => {
    const epoch = epochOfAbandoned(ctx.known.chain, removed, id);
    return epoch === null ? [] : [{ id, epoch, value: "nop", deps: NO_DEPS }];
  });
  await commitPage(ctx, nops);
  const closed = new Set(nops.map(({ id }) => id));
  return rangesOf(idsOf(missing).filter((id) => !closed.has(id)));
}

async function missingIn(ctx: Context, ranges: readonly SlotRange[]): Promise<SlotRange[]> {
  const ids = idsOf(ranges).filter((id) => !ctx.executed.has(id));
  const records = await ctx.store.read("instance", ids.map(instanceName));
  return rangesOf(ids.filter((_, i) => records[i]?.phase !== "committed"));
}

/** Ids, ascending in each column, as ranges without gaps. */
export function rangesOf(ids: readonly InstanceId[]): SlotRange[] {
  const ranges: { replica: ReplicaId; from: number; to: number }[] = [];
  for (const id of ids) {
    const last = ranges.at(-1);
    if (last !== undefined && last.replica === ownerOf(id) && last.to + 1 === slotOf(id)) last.to++;
    else ranges.push({ replica: ownerOf(id), from: slotOf(id), to: slotOf(id) });
  }
  return ranges;
}

/** Fetches and commits; false when the peer did not help, so that asking on is in vain. */
export async function fetchRanges(ctx: Context, peer: ReplicaId, ranges: readonly SlotRange[]): Promise<boolean> {
  let left = ranges;
  while (left.length > 0) {
    const got = await download(ctx, peer, left);
    if (got.length === 0) return false;
    await commitPage(ctx, got);
    ctx.meter.count("epoxy_instances_caught_up_total", {}, got.length);
    const have = new Set(got.map(({ id }) => id));
    left = rangesOf(idsOf(left).filter((id) => !have.has(id)));
  }
  return true;
}

/** Commits and executes many in few transactions, about in the order in which they were submitted, so that few of them block. */
async function commitPage(ctx: Context, page: readonly CommittedInstance[]): Promise<void> {
  const seqOf = ({ value }: CommittedInstance) => (value === "nop" ? 0 : value.seq);
  const ordered = [...page].sort((a, b) => seqOf(a) - seqOf(b) || a.id - b.id);
  for (let at = 0; at < ordered.length; at += limits.catchUpBatch) {
    const batch = ordered.slice(at, at + limits.catchUpBatch);
    const results = await ctx.store.transact((tx) => {
      tx.need(
        batch.flatMap(({ id, value }) => (value === "nop" ? [] : [...touchedByRegistering(id, value), ...touchedByExecuting(value)])),
      );
      for (const instance of batch) applyWrites(tx, stepAcceptor(tx, { kind: "commit", ...instance }).writes);
      return batch.map(({ id }) => [id, tryExecute(ctx, tx, id)] as const);
    });
    for (const [id, result] of results) await afterExecution(ctx, id, result);
    await executeBlockedOn(ctx, ...batch.map(({ id }) => id));
  }
}

function idsOf(ranges: readonly SlotRange[]): InstanceId[] {
  return ranges.flatMap(({ replica, from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => instanceId(replica, (from + i) as Slot)),
  );
}

async function download(ctx: Context, peer: ReplicaId, ranges: readonly SlotRange[]): Promise<readonly CommittedInstance[]> {
  try {
    const { reply } = await ctx.peers.request(
      peer,
      { kind: "downloadInstances", ranges },
      { timeoutMs: limits.downloadTimeoutMs, signal: ctx.stop.signal },
    );
    return reply.kind === "instances" ? reply.instances : [];
  } catch {
    return [];
  }
}

/** How many instances some voter has executed that this replica has not. */
export function lagBehind(ctx: Context): number {
  let lag = 0;
  for (const { sync } of ctx.health.values()) {
    if (sync === null) continue;
    let behind = 0;
    for (const [replica, slot] of sync.executed) behind += Math.max(0, slot - frontierSlot(ctx.known.progress.executed, replica));
    lag = Math.max(lag, behind);
  }
  return lag;
}

/** The column heights some peer knows of, for finding holes. */
export function highestKnown(ctx: Context): Frontier {
  const slots = new Map<number, number>();
  for (const { sync } of ctx.health.values()) {
    for (const [replica, slot] of sync?.executed ?? []) slots.set(replica, Math.max(slot, slots.get(replica) ?? 0));
  }
  return frontierOf(slots);
}
