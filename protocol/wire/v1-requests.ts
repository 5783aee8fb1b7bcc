/** Requests of version 1, each way. Where both sides have the same fields, the compiler is who checks that. */
import { unreachable } from "../assert.ts";
import { MalformedError } from "../errors.ts";
import { SLOT_MAX } from "../ids.ts";
import type { PeerRequest, SlotRange } from "../messages.ts";
import type * as v1 from "./generated/v1.ts";
import { payloadFromWire, payloadToWire, valueFromWire, valueToWire } from "./v1-values.ts";

export function requestFromV1(request: v1.Request): PeerRequest {
  switch (request.tag) {
    case "PreAccept": {
      const { epoch, id, payload, deps } = request.val;
      return { kind: "preAccept", epoch, id, payload: payloadFromWire(payload), deps };
    }
    case "Accept": {
      const { epoch, id, ballot, value, deps } = request.val;
      return { kind: "accept", epoch, id, ballot, value: valueFromWire(value), deps };
    }
    case "Commit": {
      const { epoch, id, value, deps } = request.val;
      return { kind: "commit", epoch, id, value: valueFromWire(value), deps };
    }
    case "Recover":
      return { kind: "recover", ...request.val };
    case "Validate": {
      const { epoch, id, ballot, payload, deps } = request.val;
      return { kind: "validate", epoch, id, ballot, payload: payloadFromWire(payload), deps };
    }
    case "Waiting":
      return { kind: "waiting", ...request.val };
    case "ReadIndex":
      return { kind: "readIndex", ...request.val };
    case "Sync":
      return { kind: "sync", ...request.val.state };
    case "DownloadInstances":
      return { kind: "downloadInstances", ranges: request.val.ranges.map(rangeFromV1) };
    case "KvGet":
      return { kind: "kvGet", ...request.val };
    case "HealthCheck":
      return { kind: "healthCheck" };
    default:
      return controlFromV1(request);
  }
}

type DataTag =
  | "PreAccept"
  | "Accept"
  | "Commit"
  | "Recover"
  | "Validate"
  | "Waiting"
  | "ReadIndex"
  | "Sync"
  | "DownloadInstances"
  | "KvGet"
  | "HealthCheck";

/** Configuration and snapshots. */
function controlFromV1(request: Exclude<v1.Request, { tag: DataTag }>): PeerRequest {
  switch (request.tag) {
    case "BeginLearning":
      return { kind: "beginLearning", ...request.val };
    case "AbortLearning":
      return { kind: "abortLearning", ...request.val };
    case "UpdateReplicaStatus":
      return { kind: "updateReplicaStatus", ...request.val };
    case "CoordinatorRequest":
      return { kind: "coordinatorRequest", ...request.val };
    case "UpdateConfig":
      return { kind: "updateConfig", ...request.val };
    case "FetchConfig":
      return { kind: "fetchConfig", ...request.val };
    case "Freeze":
      return { kind: "freeze", ...request.val };
    case "ClosePrepare":
      return { kind: "closePrepare", ...request.val };
    case "CloseAccept":
      return { kind: "closeAccept", ...request.val };
    case "SnapshotPage":
      return { kind: "snapshotPage", ...request.val };
    case "SnapshotChanges":
      return { kind: "snapshotChanges", ...request.val };
    default:
      return unreachable(request);
  }
}

function rangeFromV1(range: v1.SlotRange): SlotRange {
  if (range.from > SLOT_MAX || range.to > SLOT_MAX) throw new MalformedError("slot out of range");
  return range;
}

export function requestToV1(request: PeerRequest): v1.Request {
  switch (request.kind) {
    case "preAccept": {
      const { epoch, id, payload, deps } = request;
      return { tag: "PreAccept", val: { epoch, id, payload: payloadToWire(payload), deps } };
    }
    case "accept": {
      const { epoch, id, ballot, value, deps } = request;
      return { tag: "Accept", val: { epoch, id, ballot, value: valueToWire(value), deps } };
    }
    case "commit": {
      const { epoch, id, value, deps } = request;
      return { tag: "Commit", val: { epoch, id, value: valueToWire(value), deps } };
    }
    case "recover":
      return { tag: "Recover", val: request };
    case "validate": {
      const { epoch, id, ballot, payload, deps } = request;
      return { tag: "Validate", val: { epoch, id, ballot, payload: payloadToWire(payload), deps } };
    }
    case "waiting":
      return { tag: "Waiting", val: request };
    case "readIndex":
      return { tag: "ReadIndex", val: request };
    case "sync":
      return { tag: "Sync", val: { state: request } };
    case "downloadInstances":
      return { tag: "DownloadInstances", val: request };
    case "kvGet":
      return { tag: "KvGet", val: request };
    case "healthCheck":
      return { tag: "HealthCheck", val: null };
    default:
      return controlToV1(request);
  }
}

type DataKind =
  | "preAccept"
  | "accept"
  | "commit"
  | "recover"
  | "validate"
  | "waiting"
  | "readIndex"
  | "sync"
  | "downloadInstances"
  | "kvGet"
  | "healthCheck";

function controlToV1(request: Exclude<PeerRequest, { kind: DataKind }>): v1.Request {
  switch (request.kind) {
    case "beginLearning":
      return { tag: "BeginLearning", val: request };
    case "abortLearning":
      return { tag: "AbortLearning", val: request };
    case "updateReplicaStatus":
      return { tag: "UpdateReplicaStatus", val: request };
    case "coordinatorRequest":
      return { tag: "CoordinatorRequest", val: request };
    case "updateConfig":
      return { tag: "UpdateConfig", val: request };
    case "fetchConfig":
      return { tag: "FetchConfig", val: request };
    case "freeze":
      return { tag: "Freeze", val: request };
    case "closePrepare":
      return { tag: "ClosePrepare", val: request };
    case "closeAccept":
      return { tag: "CloseAccept", val: request };
    case "snapshotPage":
      return { tag: "SnapshotPage", val: request };
    case "snapshotChanges":
      return { tag: "SnapshotChanges", val: request };
    default:
      return unreachable(request);
  }
}
