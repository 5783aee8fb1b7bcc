import { instanceId, ownerOf, slotOf } from "./ids.ts";
import type { Frontier, InstanceId, ReplicaId, Slot } from "./types.ts";

/** The slot of `replica`'s column, 0 where it has none. */
export function frontierSlot(frontier: Frontier, replica: ReplicaId): number {
  for (const [column, slot] of frontier) if (column === replica) return slot;
  return 0;
}

export function covers(frontier: Frontier, id: InstanceId): boolean {
  return slotOf(id) <= frontierSlot(frontier, ownerOf(id));
}

/** Every instance of `low` is one of `high`. */
export function frontierWithin(low: Frontier, high: Frontier): boolean {
  return low.every(([replica, slot]) => slot <= frontierSlot(high, replica));
}

export function sameFrontier(a: Frontier, b: Frontier): boolean {
  return a.length === b.length && a.every(([replica, slot], i) => replica === b[i]?.[0] && slot === b[i]?.[1]);
}

/** What all of them cover; the empty frontier for none. */
export function minFrontier(frontiers: readonly Frontier[]): Frontier {
  const [first = [], ...rest] = frontiers;
  return frontierOf(first.map(([replica, slot]) => [replica, Math.min(slot, ...rest.map((f) => frontierSlot(f, replica)))]));
}

/** What any of them covers. */
export function maxFrontier(frontiers: readonly Frontier[]): Frontier {
  const slots = new Map<number, number>();
  for (const frontier of frontiers) {
    for (const [replica, slot] of frontier) slots.set(replica, Math.max(slot, slots.get(replica) ?? 0));
  }
  return frontierOf(slots);
}

/** Normal form: columns ascending, zeros dropped. */
export function frontierOf(slots: Iterable<readonly [number, number]>): Frontier {
  return [...slots]
    .filter(([, slot]) => slot > 0)
    .sort((a, b) => a[0] - b[0])
    .map(([replica, slot]) => [replica as ReplicaId, slot as Slot] as const);
}

/** The highest instance of each column that the frontier covers. */
export function frontierIds(frontier: Frontier): InstanceId[] {
  return frontier.map(([replica, slot]) => instanceId(replica, slot));
}
