/** Sets of instances as closing an epoch needs them: Rep of one voter, and K. spec/RECONFIGURE.md steps 5 and 7. */
import { includesId, makeDeps } from "./deps.ts";
import { covers, frontierOf, frontierSlot, maxFrontier } from "./frontier.ts";
import { instanceId, ownerOf, slotOf } from "./ids.ts";
import type { Frontier, InstanceId, Settled, Slot } from "./types.ts";

export const NOTHING_SETTLED: Settled = { frontier: [], listed: [] };

/** Normal form of a frontier and any ids: ascending, once each, none at or below the frontier. */
export function makeSettled(frontier: Frontier, ids: Iterable<InstanceId>): Settled {
  const { floor, explicit } = makeDeps(frontier, ids);
  return { frontier: floor, listed: explicit };
}

/** The union. */
export function mergeSettled(list: readonly Settled[]): Settled {
  return makeSettled(
    maxFrontier(list.map((settled) => settled.frontier)),
    list.flatMap((settled) => settled.listed),
  );
}

export function inSettled(settled: Settled, id: InstanceId): boolean {
  return covers(settled.frontier, id) || includesId(settled.listed, id);
}

/** The highest slot of each column that the set names. */
export function boundary(settled: Settled): Frontier {
  const slots = new Map<number, number>(settled.frontier);
  // Ascending ids: the last one of a column wins, and each is above the frontier.
  for (const id of settled.listed) slots.set(ownerOf(id), slotOf(id));
  return frontierOf(slots);
}

/** The members of the set above a frontier: column by column, so ascending. */
export function* idsOf(settled: Settled, from: Frontier): Generator<InstanceId, void, undefined> {
  for (const [replica] of boundary(settled)) {
    const start = frontierSlot(from, replica);
    const solid = frontierSlot(settled.frontier, replica);
    for (let slot = start + 1; slot <= solid; slot++) yield instanceId(replica, slot as Slot);
    for (const id of settled.listed) if (ownerOf(id) === replica && slotOf(id) > start) yield id;
  }
}
