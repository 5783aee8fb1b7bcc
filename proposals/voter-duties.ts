/** What every replica does when asked about the config chain, and by itself once an epoch is closed. RECONFIGURE steps 4 to 12. */
import {
  type ActivateReply,
  activate,
  canActivate,
  closeAccept,
  closePrepare,
  freeze,
  isVoter,
  learnLinks,
  linkOf,
  makeSettled,
  report,
  settleOutside,
} from "../protocol/cluster.ts";
import { standsAtEnd, withEnd } from "../protocol/epoch-end.ts";
import { isOf } from "../protocol/epoch-fence.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceId, instanceName, ownerOf, slotOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply, PeerRequestOf } from "../protocol/messages.ts";
import type { ChainLink, Epoch, InstanceId, ReplicaId, ReplicaState, Slot } from "../protocol/types.ts";
import { releaseAll } from "./blocked.ts";
import { allOpen, applyWrites, type Context } from "./context.ts";
import { throwCopyAway } from "./copy-anew.ts";
import { bringIn } from "./drain.ts";
import { askEnds, compareWithVoters, digestText, type EndsAsked } from "./epoch-ends.ts";
import { execute, executeBlockedOn } from "./execute.ts";
import { sha256 } from "./hash.ts";
import { about } from "./log-subject.ts";
import type { Transaction } from "./ports.ts";
import { refreshProgress } from "./progress.ts";

/** Freezes, then fixes Rep: every id with a record here. Both durable before the answer leaves. */
export async function answerFreeze(ctx: Context, epoch: Epoch): Promise<PeerReply> {
  const first = await ctx.store.transact((tx) => {
    const step = freeze(tx, epoch);
    applyWrites(tx, step.writes);
    return step.reply;
  });
  if (first.kind === "already") return { kind: "freezeOk", reported: first.reported };
  if (first.kind !== "frozen") return first;
  await loadIdentity(ctx);
  // The list before the prefix: what is executed in between is under one of the two.
  const open = await allOpen(ctx);
  const [progress] = await ctx.store.read("progress", [""]);
  const reported = makeSettled(progress?.executed ?? [], open);
  const { reply } = await ctx.store.transact((tx) => {
    const step = report(tx, { epoch, reported });
    applyWrites(tx, step.writes);
    return step;
  });
  about(ctx.log, { epoch }).info({ listed: reported.listed.length }, "frozen");
  return { kind: "freezeOk", reported: reply.reported };
}

export async function answerClose(ctx: Context, request: PeerRequestOf<"closePrepare"> | PeerRequestOf<"closeAccept">): Promise<PeerReply> {
  return ctx.store.transact((tx): PeerReply => {
    const step = request.kind === "closePrepare" ? closePrepare(tx, request) : closeAccept(tx, request);
    applyWrites(tx, step.writes);
    return step.reply;
  });
}

/** Takes links of the chain that were decided; the sender is trusted to say so, the hashes tie them together. */
export async function learnChain(ctx: Context, links: readonly ChainLink[]): Promise<void> {
  const newest = ctx.known.chain.at(-1)?.epoch ?? 0;
  if (ctx.known.replica === null || links.every((link) => link.epoch <= newest)) return;
  await ctx.store.transact((tx) => applyWrites(tx, learnLinks(tx, links, sha256).writes));
  await loadIdentity(ctx);
  const link = ctx.known.chain.at(-1);
  // Learned now, or before by another process of this replica.
  if (link === undefined || link.epoch <= newest) return;
  about(ctx.log, { epoch: link.epoch }).info({ voters: link.voters }, "learned the next epoch's voters");
  void moveOn(ctx);
}

/** The same for links that came along with something else: if it fails, the next sync brings them again. */
export function takeLinks(ctx: Context, links: readonly ChainLink[]): void {
  learnChain(ctx, links).catch((error) => {
    ctx.fatal(error);
    ctx.log.debug({ error: String(error) }, "links put off");
  });
}

export async function fetchChain(ctx: Context, peer: ReplicaId): Promise<void> {
  const afterEpoch = ctx.known.chain.at(-1)?.epoch ?? 0;
  const { reply } = await ctx.peers.request(
    peer,
    { kind: "fetchConfig", afterEpoch },
    { timeoutMs: limits.peerTimeoutMs, signal: ctx.stop.signal },
  );
  if (reply.kind === "config") await learnChain(ctx, reply.links);
}

/** Reads identity and chain as the store has them now. */
export async function loadIdentity(ctx: Context): Promise<void> {
  const [replica] = await ctx.store.read("replica", [""]);
  const [chain] = await ctx.store.read("chain", [""]);
  ctx.storeSeenMs = ctx.clock.monotonicMs();
  const { length } = ctx.known.chain;
  const epoch = ctx.known.replica?.epoch;
  ctx.known.replica = replica ?? null;
  ctx.known.chain = chain?.links ?? [];
  if (replica !== null && replica !== undefined) ctx.incarnation = replica.incarnation;
  if (length !== ctx.known.chain.length) ctx.membersChanged();
  // Another epoch, or the end of one: what an instance needs may be less than it was.
  if (length !== ctx.known.chain.length || epoch !== ctx.known.replica?.epoch) releaseAll(ctx.blocked);
}

/** Goes from epoch to epoch while the next one is known: settles, fetches or recovers what K lacks here, executes it, activates. */
export function moveOn(ctx: Context): Promise<void> {
  ctx.moving ??= moveOnce(ctx)
    .catch((error) => {
      ctx.fatal(error);
      ctx.log.warn({ error: String(error) }, "not yet in the newest epoch");
    })
    .finally(() => {
      ctx.moving = null;
    });
  return ctx.moving;
}

async function moveOnce(ctx: Context): Promise<void> {
  for (let isMoving = true; isMoving && !ctx.stop.signal.aborted; ) {
    await loadIdentity(ctx);
    const { replica, chain } = ctx.known;
    const [progress] = await ctx.store.read("progress", [""]);
    // Without progress this replica is a learner whose copy is not complete.
    if (replica === null || progress === null || progress === undefined || linkOf(chain, replica.epoch + 1) === null) return;
    isMoving = await enterNext(ctx, replica);
  }
}

/** Steps 9 to 12. False: not now. */
async function enterNext(ctx: Context, { epoch, self }: ReplicaState): Promise<boolean> {
  const sinceMs = ctx.clock.monotonicMs();
  const [ends] = await ctx.store.read("ends", [""]);
  const standsThere = standsAtEnd(ends ?? null, epoch);
  // Who votes in it is who the others are compared with.
  const asked = standsThere && !isVoter(ctx.known.chain, epoch, self) ? askEnds(ctx, epoch) : null;
  try {
    if (!(await drain(ctx, epoch))) return !ctx.stop.signal.aborted;
    // Nothing is executed from here on until the activation, which is this one or another process's.
    const digest = digestText(await ctx.store.digest());
    if (asked !== null && !(await mayEnter(ctx, { epoch, digest, asked }))) return false;
    const reply = await ctx.store.transact((tx): ActivateReply => {
      if (!isStillIn(tx, epoch)) return { kind: "notReady", ids: [] };
      const step = activate(tx);
      applyWrites(tx, step.writes);
      if (standsThere && step.reply.kind === "activated")
        tx.put({ kind: "ends", id: "", record: withEnd(tx.get("ends", ""), epoch, digest) });
      return step.reply;
    });
    await loadIdentity(ctx);
    await refreshProgress(ctx);
    if (reply.kind !== "activated") return true;
    about(ctx.log, { epoch: reply.epoch }).info({ drainedMs: Math.round(ctx.clock.monotonicMs() - sinceMs) }, "activated");
    if (standsThere) void compareWithVoters(ctx, epoch, digest).catch(ctx.fatal);
    return true;
  } finally {
    asked?.stop();
  }
}

/** Another process of this replica may have gone on, or thrown the copy away. */
function isStillIn(tx: Transaction, epoch: Epoch): boolean {
  return tx.get("replica", "")?.epoch === epoch && tx.get("progress", "") !== null;
}

/** Steps 9 to 11: resolves once all of K is executed here. False: another process of this replica has gone on. */
async function drain(ctx: Context, epoch: Epoch): Promise<boolean> {
  while (!ctx.stop.signal.aborted) {
    await settleRest(ctx);
    const state = await ctx.store.transact((tx) => (isStillIn(tx, epoch) ? canActivate(tx, ctx.known.chain) : null));
    if (state === null) return false;
    if (state.kind === "ready") return true;
    await bringIn(ctx, state.ids);
    await loadIdentity(ctx);
  }
  return false;
}

type Comparison = { readonly epoch: Epoch; readonly digest: string; readonly asked: EndsAsked };

/** Steps 10a and 10b. */
async function mayEnter(ctx: Context, { epoch, digest, asked }: Comparison): Promise<boolean> {
  const judgement = await asked.judge(digest);
  if (ctx.stop.signal.aborted) return false;
  ctx.meter.count("epoxy_digests_compared_total", { with: "old voters", outcome: judgement.kind });
  if (judgement.kind === "differs") {
    await throwCopyAway(ctx, epoch, judgement.from);
    return false;
  }
  if (judgement.kind === "unknown")
    about(ctx.log, { epoch }).warn({}, "no voter of the last epoch could say what it held at its end: what is held here was not compared");
  return true;
}

/** What closed epochs did not settle is a Nop; whoever waits for one of those learns it now. */
async function settleRest(ctx: Context): Promise<void> {
  const open = await allOpen(ctx);
  const ids = [...open, ...(await neverUsed(ctx, open))];
  for (let at = 0; at < ids.length; at += limits.pageEntriesMax) {
    const page = ids.slice(at, at + limits.pageEntriesMax);
    const settled = await ctx.store.transact((tx) => {
      const writes = settleOutside(tx, page);
      applyWrites(tx, writes);
      return writes.flatMap((write) => (write.kind === "instance" && write.record !== null ? [write.record.id] : []));
    });
    await executeBlockedOn(ctx, ...settled);
    await execute(ctx, settled);
  }
}

/** Slots without a record below one of this replica's epoch or before: of such an epoch too, since slots only grow. */
async function neverUsed(ctx: Context, open: readonly InstanceId[]): Promise<InstanceId[]> {
  const epoch = ctx.known.replica?.epoch ?? 0;
  const tops = new Map<ReplicaId, number>();
  for (let at = 0; at < open.length; at += limits.pageEntriesMax) {
    const records = await ctx.store.read("instance", open.slice(at, at + limits.pageEntriesMax).map(instanceName));
    for (const record of records) {
      if (record == null || record.epoch > epoch || !isOf(record, record.epoch)) continue;
      tops.set(ownerOf(record.id), Math.max(slotOf(record.id), tops.get(ownerOf(record.id)) ?? 0));
    }
  }
  const known = new Set(open);
  const executed = ctx.executed.frontier();
  return [...tops].flatMap(([replica, top]) => {
    const below: InstanceId[] = [];
    for (let slot = frontierSlot(executed, replica) + 1; slot < top; slot++) below.push(instanceId(replica, slot as Slot));
    return below.filter((id) => !known.has(id) && !ctx.executed.has(id));
  });
}
