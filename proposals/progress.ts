/** Advances what is known to be executed here and everywhere; the only writer of the progress record beside activation. */
import { frontierSlot, frontierWithin, maxFrontier, minFrontier } from "../protocol/frontier.ts";
import { instanceId, instanceName, ownerOf, slotOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Frontier, InstanceId, Slot } from "../protocol/types.ts";
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
    const current = tx.get("progress", "");
    // Thrown away by another process, to be copied anew: only a complete copy has it again.
    if (current === null) return NOTHING;
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
  const next: InstanceId[] = [];
  for (const replica of ctx.openColumns) {
    const slot = frontierSlot(executed, replica);
    if (ctx.gapsSeen.get(replica) === slot) next.push(instanceId(replica, (slot + 1) as Slot));
    ctx.gapsSeen.set(replica, slot);
  }
  if (next.length === 0) return;
  // Mostly it is still the same one that everything above waits for: then pages of records would be read in vain.
  for (const record of await ctx.store.read("instance", next.map(instanceName))) {
    if (record?.executed === true) await lookFrom(ctx, record.id);
  }
}

async function lookFrom(ctx: Context, first: InstanceId): Promise<void> {
  const ids = Array.from({ length: limits.progressPageMax }, (_, i) => instanceId(ownerOf(first), (slotOf(first) + i) as Slot));
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
