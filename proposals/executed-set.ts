import { frontierOf } from "../protocol/frontier.ts";
import { instanceId, ownerOf, slotOf } from "../protocol/ids.ts";
import type { Frontier, InstanceId, ReplicaId } from "../protocol/types.ts";

/**
 * What this process knows to be executed here: every column up to a slot, and those above it one by one. Executed is for
 * ever, so a set that lags behind the store is harmless.
 */
export type ExecutedSet = {
  has(id: InstanceId): boolean;
  add(id: InstanceId): void;
  /** Everything up to here is executed. */
  raise(frontier: Frontier): void;
  frontier(): Frontier;
  /** Those above the frontier. */
  above(): Iterable<InstanceId>;
};

export function createExecutedSet(): ExecutedSet {
  const upTo = new Map<ReplicaId, number>();
  const above = new Set<InstanceId>();
  let frontier: Frontier | null = [];

  /** Takes in what follows `slot` without a gap. */
  const settle = (replica: ReplicaId, id: InstanceId, slot: number): void => {
    let last = slot;
    while (above.delete((id + (last - slot) + 1) as InstanceId)) last++;
    upTo.set(replica, last);
    frontier = null;
  };
  return {
    has: (id) => slotOf(id) <= (upTo.get(ownerOf(id)) ?? 0) || above.has(id),
    add(id) {
      const [replica, slot] = [ownerOf(id), slotOf(id)];
      const last = upTo.get(replica) ?? 0;
      if (slot <= last) return;
      if (slot === last + 1) settle(replica, id, slot);
      else above.add(id);
    },
    raise(to) {
      for (const [replica, slot] of to) {
        const last = upTo.get(replica) ?? 0;
        if (slot <= last) continue;
        for (const id of above) if (ownerOf(id) === replica && slotOf(id) <= slot) above.delete(id);
        settle(replica, instanceId(replica, slot), slot);
      }
    },
    frontier() {
      frontier ??= frontierOf(upTo);
      return frontier;
    },
    above: () => above,
  };
}
