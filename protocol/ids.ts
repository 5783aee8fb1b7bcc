import { assert } from "./assert.ts";
import type { InstanceId, ReplicaId, Slot } from "./types.ts";

const COLUMN = 2 ** 40;
/** Highest replica id: with 40 bits of slot, an instance id stays a safe integer. */
export const REPLICA_ID_MAX = 8191;
export const SLOT_MAX = COLUMN - 1;

export function replicaId(value: number): ReplicaId {
  assert(Number.isInteger(value) && value >= 1 && value <= REPLICA_ID_MAX, `replica id out of range: ${value}`);
  return value as ReplicaId;
}

export function slot(value: number): Slot {
  assert(Number.isInteger(value) && value >= 1 && value <= SLOT_MAX, `slot out of range: ${value}`);
  return value as Slot;
}

export function instanceId(replica: ReplicaId, position: Slot): InstanceId {
  return (replica * COLUMN + position) as InstanceId;
}

/** The replica in whose column the instance stands. */
export function ownerOf(id: InstanceId): ReplicaId {
  return Math.floor(id / COLUMN) as ReplicaId;
}

export function slotOf(id: InstanceId): Slot {
  return (id % COLUMN) as Slot;
}

/** `R.SLOT`, as people and URLs write it. */
export function instanceName(id: InstanceId): string {
  return `${ownerOf(id)}.${slotOf(id)}`;
}

/** The inverse of `instanceName`; null for anything else. */
export function parseInstanceName(name: string): InstanceId | null {
  const match = /^([1-9]\d{0,3})\.([1-9]\d{0,12})$/.exec(name);
  if (match === null) return null;
  const [replica, position] = [Number(match[1]), Number(match[2])];
  if (replica > REPLICA_ID_MAX || position > SLOT_MAX) return null;
  return instanceId(replica as ReplicaId, position as Slot);
}
