import { ownerOf } from "./ids.ts";
import type { Ballot, Epoch, InstanceId, ReplicaId } from "./types.ts";

/** The round in which only the owner speaks. */
export function ownerBallot(epoch: Epoch, id: InstanceId): Ballot {
  return { epoch, counter: 0, replica: ownerOf(id) };
}

/** Negative, zero or positive, by (epoch, counter, replica). */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.epoch - b.epoch || a.counter - b.counter || a.replica - b.replica;
}

/** A ballot of `replica` above `seen`. Persist it before it is sent: never used twice, also after a restart. */
export function nextBallot(seen: Ballot, replica: ReplicaId): Ballot {
  return { epoch: seen.epoch, counter: seen.counter + 1, replica };
}
