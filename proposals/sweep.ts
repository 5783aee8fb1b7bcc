/** Finds instances nobody finishes and finishes them, unasked: PROPOSAL "sweep", consensus 6.4. */
import { linkOf } from "../protocol/cluster.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceId, instanceName, ownerOf, slotOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { InstanceId, ReplicaId, Slot } from "../protocol/types.ts";
import type { StuckInstance } from "./api.ts";
import { highestKnown } from "./catch-up.ts";
import { allOpen, barred, type Context, currentLink, suspected } from "./context.ts";
import { execute, executeBlockedOn } from "./execute.ts";
import { recover } from "./recover.ts";
import { quorumRoundTripMs } from "./round-trips.ts";

/** What the sweep remembers of an instance that is not decided here. */
export type Stuck = {
  readonly firstSeenMs: number;
  attempts: number;
  lastTryMs: number;
  /** When somebody's recovery of it last reached this replica. */
  tendedMs: number;
};

/** One look at everything that is open. */
export async function sweep(ctx: Context): Promise<void> {
  const { replica } = ctx.known;
  if (replica === null || replica.epoch === 0) return;
  // Every column: what stands still in one must not hide what is stuck in another.
  const unknown = (await allOpen(ctx)).filter((id) => !ctx.executed.has(id));
  ctx.openCount = unknown.length;
  noteColumns(ctx, unknown);

  const undecided = new Set<InstanceId>();
  const ready: InstanceId[] = [];
  // What holds up execution may have no record here.
  const looked = [...new Set([...unknown, ...ctx.urgent, ...ctx.blocked.on.keys()])];
  for (let at = 0; at < looked.length; at += limits.pageEntriesMax) {
    const page = looked.slice(at, at + limits.pageEntriesMax);
    const records = await ctx.store.read("instance", page.map(instanceName));
    records.forEach((record, i) => {
      const id = page[i] as InstanceId;
      if (ctx.executed.has(id)) ctx.urgent.delete(id);
      else if (record === null || record.phase !== "committed") undecided.add(id);
      else if (!record.executed) ready.push(id);
      else ctx.executed.add(id);
    });
  }
  for (const id of holes(ctx, unknown)) undecided.add(id);
  for (const id of ctx.stuck.keys()) if (!undecided.has(id)) ctx.stuck.delete(id);
  for (const id of ctx.ballotsSeen.keys()) if (!undecided.has(id) && !ctx.recovering.has(id)) ctx.ballotsSeen.delete(id);
  recoverDue(ctx, [...undecided]);
  // What another process has committed or executed, nobody here is told of.
  await executeBlockedOn(ctx, ...[...ctx.blocked.on.keys()].filter((id) => !undecided.has(id)));
  const free = ready.filter((id) => !ctx.blocked.by.has(id));
  await execute(ctx, free.slice(0, limits.executeBatchMax));
}

/** What `Replica.stuck` answers. */
export function stuckFor(ctx: Context, atLeastMs: number): StuckInstance[] {
  const now = ctx.clock.monotonicMs();
  const all = [...ctx.stuck].map(([id, { firstSeenMs, attempts }]) => ({ id, sinceMs: now - firstSeenMs, recoveries: attempts }));
  return all.filter(({ sinceMs }) => sinceMs >= atLeastMs).sort((a, b) => b.sinceMs - a.sinceMs);
}

/** Recovers those of these undecided instances whose turn it is. */
export function recoverDue(ctx: Context, undecided: readonly InstanceId[]): void {
  const now = ctx.clock.monotonicMs();
  for (const id of undecided)
    if (!ctx.stuck.has(id)) ctx.stuck.set(id, { firstSeenMs: now, attempts: 0, lastTryMs: now, tendedMs: -Infinity });
  const due = undecided.filter((id) => isDue(ctx, id)).sort((a, b) => firstSeen(ctx, a) - firstSeen(ctx, b) || a - b);
  for (const id of due) {
    if (ctx.recovering.size >= limits.recoveriesMax || !mayRecover(ctx)) return;
    // Under load all that is open may look old at once: recovering it all from owners that work on it would only add to the load.
    if (isLeftToOwner(ctx, id) && ctx.recovering.size >= limits.recoveriesOfLivingMax) continue;
    const stuck = ctx.stuck.get(id) as Stuck;
    stuck.attempts++;
    stuck.lastTryMs = ctx.clock.monotonicMs();
    void recover(ctx, id, ctx.ballotsSeen.get(id) ?? null);
  }
}

/** A voter of the epoch recovers this instance. */
export function noteTended(ctx: Context, id: InstanceId): void {
  const stuck = ctx.stuck.get(id);
  if (stuck !== undefined) stuck.tendedMs = ctx.clock.monotonicMs();
}

function mayRecover(ctx: Context): boolean {
  return barred(ctx) === null && (currentLink(ctx)?.voters.includes(ctx.known.replica?.self as ReplicaId) ?? false);
}

function noteColumns(ctx: Context, open: readonly InstanceId[]): void {
  ctx.openColumns.clear();
  for (const id of open) ctx.openColumns.add(ownerOf(id));
  const executed = ctx.executed.frontier();
  for (const [replica, top] of highestKnown(ctx)) if (top > frontierSlot(executed, replica)) ctx.openColumns.add(replica);
}

/** Slots below something known in their column of which there is no record here: perhaps never used. */
function holes(ctx: Context, open: readonly InstanceId[]): InstanceId[] {
  const highest = new Map<ReplicaId, number>();
  for (const id of [...open, ...ctx.executed.above()]) highest.set(ownerOf(id), Math.max(slotOf(id), highest.get(ownerOf(id)) ?? 0));
  const seen = new Set<InstanceId>(open);
  const found: InstanceId[] = [];
  const executed = ctx.executed.frontier();
  for (const [replica, top] of highest) {
    for (let at = frontierSlot(executed, replica) + 1; at < top && found.length < limits.recoveriesMax; at++) {
      const id = instanceId(replica, at as Slot);
      if (!seen.has(id) && !ctx.executed.has(id)) found.push(id);
    }
  }
  return found;
}

function firstSeen(ctx: Context, id: InstanceId): number {
  return ctx.stuck.get(id)?.firstSeenMs ?? 0;
}

/**
 * Left to its owner for a while, for seconds while the owner answers: a recovery that reaches an owner still at work makes
 * its instance a Nop (rule c), and the caller's command starts again. Then to one voter after the other, so that usually
 * one tries; at once where it holds up execution and its owner cannot finish it. The wait doubles with each try.
 */
function isDue(ctx: Context, id: InstanceId): boolean {
  const isOver = isClosing(ctx);
  // What this process leads itself it finishes itself: a recovery would only make it a Nop. In an epoch that is over it cannot.
  if (ctx.recovering.has(id) || (ctx.leading.has(id) && !isOver)) return false;
  const stuck = ctx.stuck.get(id);
  if (stuck === undefined) return false;
  const base = isOver ? drainTurnMs(ctx) : Math.max(limits.recoverAfterMs, 3 * slowestRoundTripMs(ctx));
  const ofLivingMs = Math.max(base, limits.ownerPatienceMs);
  const leftMs = isLeftToOwner(ctx, id) ? ofLivingMs : 0;
  const patience = ctx.urgent.has(id) || isOver ? leftMs : leftMs === 0 ? base : 2 * leftMs;
  const backoff = stuck.attempts === 0 ? 0 : Math.min(base * 2 ** stuck.attempts, limits.recoverBackoffMsMax) * (0.5 + ctx.random.next());
  const turn = rank(ctx, id) * (isOver ? base : base / 2);
  const sinceMs = stuck.attempts === 0 ? stuck.firstSeenMs : stuck.lastTryMs;
  // Whoever is at it gets his turn: two that recover one instance undo each other's work.
  return ctx.clock.monotonicMs() - (isOver ? Math.max(sinceMs, stuck.tendedMs) : sinceMs) >= patience + backoff + turn;
}

/** Its owner answers, so it works on it, perhaps in another process of this very replica; an epoch that is over ends that. */
function isLeftToOwner(ctx: Context, id: InstanceId): boolean {
  return !suspected(ctx, ownerOf(id)) && !isClosing(ctx);
}

/** The epoch of this replica has a successor: its owners get no further answers to a pre-accept (RECONFIGURE 4). */
function isClosing(ctx: Context): boolean {
  const { replica, chain } = ctx.known;
  return replica !== null && linkOf(chain, replica.epoch + 1) !== null;
}

/** This process's place in the order in which voters try: the owner first while it answers, then another order for each instance. */
function rank(ctx: Context, id: InstanceId): number {
  const owner = ownerOf(id);
  // Of an epoch that is over, the process that led the instance comes before its siblings.
  if (owner === ctx.known.replica?.self) return isClosing(ctx) && !ctx.leading.has(id) && !ctx.answers.has(id) ? 1 : 0;
  const voters = (currentLink(ctx)?.voters ?? []).filter((voter) => !suspected(ctx, voter));
  const place = voters.indexOf(ctx.known.replica?.self as ReplicaId);
  const first = (id * 31) % Math.max(1, voters.length);
  const turn = (place - first + voters.length) % Math.max(1, voters.length);
  return suspected(ctx, owner) ? turn : turn + 1;
}

/** Of the voters: how slow a newcomer is, or one that only learns, says nothing of how long an instance takes. */
function slowestRoundTripMs(ctx: Context): number {
  const voters = currentLink(ctx)?.voters ?? [];
  return Math.max(0, ...voters.map((id) => (suspected(ctx, id) ? 0 : (ctx.health.get(id)?.roundTripMs ?? 0))));
}

/** What a recovery by this replica takes, and the news of it: until then the next voter would only undo the work of this one (step 65a). */
function drainTurnMs(ctx: Context): number {
  const link = currentLink(ctx);
  if (link === null) return limits.drainTurnMs;
  const others = link.voters.filter((id) => id !== ctx.known.replica?.self);
  return Math.max(limits.drainTurnMs, 4 * quorumRoundTripMs(ctx, others, thresholds(link.voters.length).slow));
}
