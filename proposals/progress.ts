/** Advances what is known to be executed here and everywhere; the only writer of the progress record beside activation. */
import { frontierSlot, frontierWithin, maxFrontier, minFrontier } from "../protocol/frontier.ts";
import { instanceId, instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Frontier, ReplicaId, Slot } from "../protocol/types.ts";
import { audience, type Context, MEMBERS_KEY } from "./context.ts";

const NOTHING = { executed: [], globalFloor: [] } as const;

/** One step: as far as executed instances reach without a gap. Cheap when nothing moved. */
export async function advanceProgress(ctx: Context): Promise<void> {
  const { replica, progress } = ctx.known;
  if (replica === null || replica.epoch === 0) return;
  await lookAtGaps(ctx);
  const executed = ctx.executed.frontier();
  const { membersVersion } = ctx;
  const globalFloor = everywhere(ctx);
  if (frontierWithin(executed, progress.executed) && frontierWithin(globalFloor, progress.globalFloor)) return;
  ctx.known.progress = await ctx.store.transact((tx) => {
    const current = tx.get("progress", "") ?? NOTHING;
    // By the members as executed so far: one that was added a moment ago has yet to say how far it is.
    const isOfAllMembers = (tx.get("value", MEMBERS_KEY)?.version ?? 0) === membersVersion;
    const next = {
      executed: maxFrontier([current.executed, executed]),
      globalFloor: isOfAllMembers ? maxFrontier([current.globalFloor, globalFloor]) : current.globalFloor,
    };
    if (frontierWithin(next.executed, current.executed) && frontierWithin(next.globalFloor, current.globalFloor)) return current;
    tx.put({ kind: "progress", id: "", record: next });
    return next;
  });
  ctx.executed.raise(ctx.known.progress.executed);
}

/** Reads the record again: another process may have advanced it. */
export async function refreshProgress(ctx: Context): Promise<void> {
  const [progress] = await ctx.store.read("progress", [""]);
  ctx.known.progress = progress ?? NOTHING;
  ctx.executed.raise(ctx.known.progress.executed);
}

/**
 * Where a column has not moved since the last step although there is something above: what stands next was perhaps executed
 * by another process, or before this one started.
 */
async function lookAtGaps(ctx: Context): Promise<void> {
  const executed = ctx.executed.frontier();
  for (const replica of ctx.openColumns) {
    const slot = frontierSlot(executed, replica);
    if (ctx.gapsSeen.get(replica) === slot) await lookAbove(ctx, replica, slot);
    ctx.gapsSeen.set(replica, slot);
  }
}

async function lookAbove(ctx: Context, replica: ReplicaId, from: number): Promise<void> {
  // Mostly it is still the same one that everything above waits for: then a page of records would be read in vain.
  const [next] = await ctx.store.read("instance", [instanceName(instanceId(replica, (from + 1) as Slot))]);
  if (next?.executed !== true) return;
  const ids = Array.from({ length: limits.progressPageMax }, (_, i) => instanceId(replica, (from + 1 + i) as Slot));
  const records = await ctx.store.read("instance", ids.map(instanceName));
  for (const record of records) {
    if (record === null || !record.executed) return;
    ctx.executed.add(record.id);
  }
}

/** The global floor as the members' own words allow it; the empty frontier while one of them has not spoken. */
function everywhere(ctx: Context): Frontier {
  if (ctx.known.members === null) return [];
  const floors: Frontier[] = [ctx.ownSync.advertisedFloor];
  for (const id of audience(ctx)) floors.push(ctx.health.get(id)?.sync?.advertisedFloor ?? []);
  return minFrontier(floors);
}
