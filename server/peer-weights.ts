/** Which requests may share a message, and roughly how many bytes each takes there. */
import { limits } from "../protocol/limits.ts";
import type { PeerRequest } from "../protocol/messages.ts";
import type { Bytes, Command, Deps, Expectation, Value } from "../protocol/types.ts";

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

function valueWeight(value: Value): number {
  if (value === "nop") return 1;
  let bytes = 8;
  for (const entry of value.entries) {
    bytes += entry.idempotency === null ? 1 : entry.idempotency.key.length + 80;
    for (const command of entry.commands) bytes += commandWeight(command);
  }
  return bytes;
}

function commandWeight(command: Command): number {
  switch (command.kind) {
    case "set":
      return command.key.length + bytesWeight(command.value);
    case "checkAndSet":
      return command.key.length + bytesWeight(command.newValue) + expectationWeight(command.expect);
    case "txn":
      return (
        command.checks.reduce((sum, check) => sum + check.key.length + expectationWeight(check.expect), 8) +
        command.commands.reduce((sum, inner) => sum + commandWeight(inner), 8)
      );
    case "closeBucket":
      return 16;
    default:
      return command.key.length + 16;
  }
}

function expectationWeight(expect: Expectation): number {
  return expect.kind === "version" ? 10 : expect.values.reduce((sum, value) => sum + bytesWeight(value), 8);
}

function bytesWeight(value: Bytes | null): number {
  return 8 + (value === null ? 0 : value.length);
}

function depsWeight(deps: Deps): number {
  return 16 * deps.floor.length + ID * deps.explicit.length;
}
