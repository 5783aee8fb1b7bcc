/** The shipped owner's conclusion, asked with the lab's small numbers. */
import { concludePreAccepts } from "../protocol/owner.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { Deps, InstanceId, ReplicaId } from "../protocol/types.ts";

/** Dependencies of a commit in one round after these replies of followers, or null where there is none. The owner's own are none. */
export function ownerDeps(n: number, replies: readonly (readonly number[])[]): readonly number[] | null {
  const deps = (ids: readonly number[]): Deps => ({ floor: [], explicit: ids as readonly InstanceId[] });
  const oks = new Map<ReplicaId, Deps>([[1 as ReplicaId, deps([])]]);
  replies.forEach((reply, i) => {
    oks.set((i + 2) as ReplicaId, deps(reply));
  });
  const result = concludePreAccepts({ thresholds: thresholds(n), initDeps: deps([]), oks, fastTimedOut: true, refused: new Set() });
  return result.kind === "fast" ? [] : null;
}
