/** Advances what is known to be executed here and everywhere; the only writer of the progress record. */
import { covers, frontierOf, frontierSlot, frontierWithin, maxFrontier, minFrontier, sameFrontier } from "../protocol/frontier.ts";
import { instanceId, instanceName, ownerOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Frontier, InstanceId, ReplicaId, Slot } from "../protocol/types.ts";
import { audience, type Context } from "./context.ts";

const NOTHING = { executed: [], globalFloor: [] } as const;

/** One step: as far as executed instances reach without a gap. Cheap when nothing moved. */
export async function advanceProgress(ctx: Context): Promise<void> {
  const { replica, progress } = ctx.known;
  if (replica === null || replica.epoch === 0) return;
  const executed = await contiguous(ctx, progress.executed);
  const globalFloor = maxFrontier([progress.globalFloor, everywhere(ctx)]);
  if (sameFrontier(executed, progress.executed) && sameFrontier(globalFloor, progress.globalFloor)) return;
  ctx.known.progress = await ctx.store.transact((tx) => {
    const current = tx.get("progress", "") ?? NOTHING;
    const next = { executed: maxFrontier([current.executed, executed]), globalFloor: maxFrontier([current.globalFloor, globalFloor]) };
    if (!frontierWithin(next.executed, current.executed) || !frontierWithin(next.globalFloor, current.globalFloor)) {
      tx.put({ kind: "progress", id: "", record: next });
      return next;
    }
    return current;
  });
  forget(ctx);
}

/** Reads the record again: another process may have advanced it. */
export async function refreshProgress(ctx: Context): Promise<void> {
  const [progress] = await ctx.store.read("progress", [""]);
  ctx.known.progress = progress ?? NOTHING;
  forget(ctx);
}

function forget(ctx: Context): void {
  for (const id of ctx.executed) if (covers(ctx.known.progress.executed, id)) ctx.executed.delete(id);
}

async function contiguous(ctx: Context, executed: Frontier): Promise<Frontier> {
  const columns = new Set<ReplicaId>(executed.map(([replica]) => replica));
  for (const id of ctx.executed) columns.add(ownerOf(id));
  for (const id of ctx.openColumns) columns.add(id);
  const slots = new Map<number, number>(executed.map(([replica, slot]) => [replica, slot]));
  for (const replica of columns) slots.set(replica, await contiguousIn(ctx, replica, frontierSlot(executed, replica)));
  return frontierOf(slots);
}

async function contiguousIn(ctx: Context, replica: ReplicaId, from: number): Promise<number> {
  let slot = from;
  const at = (position: number) => instanceId(replica, position as Slot);
  while (ctx.executed.has(at(slot + 1))) slot++;
  if (slot - from < limits.progressPageMax && !ctx.openColumns.has(replica)) return slot;
  // What stands next was perhaps executed by another process, or before this one started.
  const ids: InstanceId[] = Array.from({ length: limits.progressPageMax }, (_, i) => at(slot + 1 + i));
  const records = await ctx.store.read("instance", ids.map(instanceName));
  for (const record of records) {
    if (record === null || !record.executed) break;
    slot++;
  }
  while (ctx.executed.has(at(slot + 1))) slot++;
  return slot;
}

/** The global floor as the members' own words allow it; the empty frontier while one of them has not spoken. */
function everywhere(ctx: Context): Frontier {
  if (ctx.known.members === null) return [];
  const floors: Frontier[] = [ctx.ownSync.advertisedFloor];
  for (const id of audience(ctx)) floors.push(ctx.health.get(id)?.sync?.advertisedFloor ?? []);
  return minFrontier(floors);
}
