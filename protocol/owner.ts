/** What the owner of an instance concludes from the answers to its PreAccept. Steps 16 to 18 of spec/PROPOSAL.md. */
import { sameDeps, unionDeps } from "./deps.ts";
import type { Thresholds } from "./quorum.ts";
import type { Deps, ReplicaId } from "./types.ts";

export type PreAcceptConclusion = { readonly kind: "fast" } | { readonly kind: "slow"; readonly deps: Deps } | { readonly kind: "wait" };

/**
 * @param input.oks the dependencies each voter answered with, the owner's own among them
 * @param input.refused voters that will give no OK
 */
export function concludePreAccepts(input: {
  readonly thresholds: Thresholds;
  readonly initDeps: Deps;
  readonly oks: ReadonlyMap<ReplicaId, Deps>;
  readonly fastTimedOut: boolean;
  readonly refused: ReadonlySet<ReplicaId>;
}): PreAcceptConclusion {
  const { thresholds, initDeps, oks, fastTimedOut, refused } = input;
  const agreed = [...oks.values()].filter((deps) => sameDeps(deps, initDeps)).length;
  // Step 16: silence is no consent. Neither count can be reached by fewer answers than `slow`, since fast >= slow.
  if (oks.size < thresholds.slow) return { kind: "wait" };
  // Step 17: with the owner's set, not with each other.
  if (agreed >= thresholds.fast) return { kind: "fast" };
  // Step 18.
  const silent = thresholds.n - oks.size - [...refused].filter((id) => !oks.has(id)).length;
  const fastPossible = agreed + silent >= thresholds.fast;
  if (fastPossible && silent > 0 && !fastTimedOut) return { kind: "wait" };
  return { kind: "slow", deps: [...oks.values()].reduce(unionDeps, initDeps) };
}
