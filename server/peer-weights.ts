/** Which requests may share a message, and roughly how many bytes each takes there. */
import { limits } from "../protocol/limits.ts";
import type { PeerRequest } from "../protocol/messages.ts";
import type { Deps } from "../protocol/types.ts";
import { valueWeight } from "../protocol/wire/weight.ts";

/** Their answers take long or are large: whoever shared a message with them would wait for nothing of his own. */
const SLOW = new Set<PeerRequest["kind"]>([
  "snapshotPage",
  "snapshotChanges",
  "downloadInstances",
  "healthCheck",
  "beginLearning",
  "abortLearning",
  "updateReplicaStatus",
  "coordinatorRequest",
  "updateConfig",
  "fetchConfig",
]);

export function isSlow(request: PeerRequest): boolean {
  return SLOW.has(request.kind);
}

const FIXED = 64;
/** Bytes of one id at most, as a variable-length integer. */
const ID = 8;

export function requestWeight(request: PeerRequest): number {
  switch (request.kind) {
    case "preAccept":
      return FIXED + valueWeight(request.payload) + depsWeight(request.deps);
    case "validate":
      return FIXED + valueWeight(request.payload) + depsWeight(request.deps);
    case "accept":
    case "commit":
      return FIXED + valueWeight(request.value) + depsWeight(request.deps);
    case "recover":
      // Its answer carries the payload up to twice, and answers share a message too.
      return limits.valueBytesMax;
    case "readIndex":
      return request.footprints.reduce((sum, footprint) => sum + footprint.length + 4, FIXED);
    case "sync":
      return FIXED + 16 * (request.executed.length + request.advertisedFloor.length);
    default:
      return FIXED * 4;
  }
}

function depsWeight(deps: Deps): number {
  return 16 * deps.floor.length + ID * deps.explicit.length;
}
