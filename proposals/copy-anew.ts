/** A newcomer that does not hold what the old voters do: its copy is thrown away and made anew before it may vote. RECONFIGURE step 10b. */
import { isVoter } from "../protocol/cluster.ts";
import { copyAnew } from "../protocol/epoch-end.ts";
import { limits } from "../protocol/limits.ts";
import type { Epoch, ReplicaId } from "../protocol/types.ts";
import { type Context, identity, membersOf } from "./context.ts";
import { about } from "./log-subject.ts";
import { reportStatus } from "./report-status.ts";
import { loadIdentity } from "./voter-duties.ts";

/**
 * From here on this replica is a learner whose copy is not complete: it executes nothing, and is asked for nothing that it holds.
 * Never one that votes in the epoch it takes part in: it has made promises there.
 */
export async function throwCopyAway(ctx: Context, epoch: Epoch, from: readonly ReplicaId[]): Promise<void> {
  const isThrown = await ctx.store.transact((tx) => {
    const replica = tx.get("replica", "");
    const links = tx.get("chain", "")?.links ?? [];
    if (replica === null || replica.epoch !== epoch || isVoter(links, epoch, replica.self)) return false;
    tx.put({ kind: "replica", id: "", record: { ...replica, epoch: 0 as Epoch, reported: null } });
    tx.put({ kind: "progress", id: "", record: null });
    tx.put({ kind: "ends", id: "", record: { copiedIn: 0, differed: { epoch, from: [...from].sort((a, b) => a - b) }, ends: [] } });
    return true;
  });
  await loadIdentity(ctx);
  if (!isThrown) return;
  about(ctx.log, { epoch }).error(
    { from },
    `at the end of epoch ${epoch} this datacenter (${identity(ctx).self}) did not hold what datacenter ${from.join(", ")} did: it throws its copy away and makes a new one before it votes. Should that come again, look at its Redis and disk, and replace it`,
  );
  ctx.copyAskedMs = null;
  await askToCopy(ctx);
}

/** Has this replica's workflow copy, and the coordinator told of it; now and then again until the copy is complete. */
export async function askToCopy(ctx: Context): Promise<void> {
  if (ctx.known.replica?.epoch !== 0) return;
  const [ends] = await ctx.store.read("ends", [""]);
  const differed = ends?.differed ?? null;
  const now = ctx.clock.monotonicMs();
  if (differed === null || (ctx.copyAskedMs !== null && now - ctx.copyAskedMs < limits.copyAnewEveryMs)) return;
  ctx.copyAskedMs = now;
  const sources = sourcesOf(ctx, differed.from);
  const learnId = anewId(differed.epoch, sources);
  await ctx.workflows.beginLearning({ learnId, sources });
  // For its details alone: it has nothing to do for it.
  reportStatus(ctx, learnId).catch((error) => ctx.log.debug({ error: String(error) }, "the coordinator was not told"));
}

/** Who was right, as long as one of them can be asked; else whoever votes now. */
function sourcesOf(ctx: Context, from: readonly ReplicaId[]): readonly ReplicaId[] {
  const removed = membersOf(ctx)?.removed ?? [];
  const left = from.filter((id) => !removed.includes(id));
  const { self } = identity(ctx);
  return left.length > 0 ? left : (ctx.known.chain.at(-1)?.voters ?? []).filter((id) => id !== self);
}

/** Other sources are another copy. The coordinator knows it by how it begins. */
function anewId(epoch: Epoch, sources: readonly ReplicaId[]): string {
  return `${copyAnew}: differed at the end of epoch ${epoch}, from ${sources.join(" or ")}`;
}
