/** What a replica does without being asked. Each loop is one small step again and again; none of them is on the path of an answer. */
import { isVoter, linkOf } from "../protocol/cluster.ts";
import { limits } from "../protocol/limits.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { closeOldBuckets } from "./buckets.ts";
import { catchUp, syncRound } from "./catch-up.ts";
import { barred, type Context, currentLink } from "./context.ts";
import { askToCopy } from "./copy-anew.ts";
import { mendDamage } from "./damage.ts";
import { savePeers } from "./health.ts";
import { checkDisk, loadMembers } from "./membership.ts";
import { advanceProgress, refreshProgress } from "./progress.ts";
import { prune } from "./prune.ts";
import { takeOver } from "./reconfigure.ts";
import { sweep } from "./sweep.ts";
import { loadIdentity, moveOn } from "./voter-duties.ts";

export function startLoops(ctx: Context, which: "all" | "sync"): readonly Promise<void>[] {
  const sync = loop(ctx, limits.syncEveryMs, "sync", () => syncStep(ctx));
  if (which === "sync") return [sync];
  return [
    sync,
    loop(ctx, limits.progressEveryMs, "progress", () => advanceProgress(ctx)),
    loop(ctx, limits.sweepEveryMs, "sweep", () => sweep(ctx)),
    loop(ctx, limits.catchUpEveryMs, "catch-up", () => catchUp(ctx)),
    loop(ctx, limits.frozenCheckMs, "frozen", () => finishFrozen(ctx)),
    loop(ctx, limits.bucketsEveryMs, "buckets", () => closeOldBuckets(ctx)),
    loop(ctx, limits.pruneEveryMs, "prune", () => prune(ctx)),
  ];
}

async function loop(ctx: Context, everyMs: number, name: string, step: () => Promise<void>): Promise<void> {
  while (!ctx.stop.signal.aborted) {
    try {
      await step();
    } catch (error) {
      ctx.fatal(error);
      if (!ctx.stop.signal.aborted) ctx.log.debug({ loop: name, error: String(error) }, "a background step failed; it is tried again");
    }
    // Replicas that started together do not stay in step.
    await ctx.clock.sleep(everyMs * (0.9 + 0.2 * ctx.random.next()), ctx.stop.signal);
  }
}

/** Another process of this replica may have moved on: what is known here follows the store. */
export async function syncStep(ctx: Context): Promise<void> {
  await loadIdentity(ctx);
  const { replica } = ctx.known;
  if (replica === null) return;
  await loadMembers(ctx);
  await refreshProgress(ctx);
  await syncRound(ctx);
  await judgeDisk(ctx);
  await mendDamage(ctx);
  await savePeers(ctx);
  await askToCopy(ctx);
  if (linkOf(ctx.known.chain, replica.epoch + 1) !== null) void moveOn(ctx);
}

/** Lifts or sets the fence by what the voters say of this disk. What one of them says late counts too. */
async function judgeDisk(ctx: Context): Promise<void> {
  const link = currentLink(ctx) ?? ctx.known.chain.at(-1) ?? null;
  if (link === null) return;
  const judge = () => checkDisk(ctx, link.voters, thresholds(link.voters.length).slow);
  const first = judge();
  if (first === null || (first.ok && ctx.fence === null)) return;
  // The counter as it is now: another process of this replica may have written what the voters have seen since.
  await ctx.store.transact((tx) => tx.get("replica", ""));
  const judged = judge();
  if (judged === null) return;
  if (judged.ok) ctx.fence = null;
  else if (ctx.fence !== judged.reason) {
    ctx.fence = judged.reason;
    ctx.log.error({}, judged.reason);
  }
}

/** An epoch frozen for long, with nobody bringing it to its end, is ended by this voter; staggered by rank. */
async function finishFrozen(ctx: Context): Promise<void> {
  const { replica, chain } = ctx.known;
  if (
    replica === null ||
    barred(ctx) !== null ||
    !replica.frozen ||
    !isVoter(chain, replica.epoch, replica.self) ||
    linkOf(chain, replica.epoch + 1) !== null
  ) {
    ctx.frozenSinceMs = null;
    return;
  }
  const now = ctx.clock.monotonicMs();
  ctx.frozenSinceMs ??= now;
  const place = (currentLink(ctx)?.voters ?? []).indexOf(replica.self as ReplicaId);
  if (now - ctx.frozenSinceMs < limits.frozenTakeoverMs + place * 1_000) return;
  ctx.frozenSinceMs = now;
  await takeOver(ctx);
}
