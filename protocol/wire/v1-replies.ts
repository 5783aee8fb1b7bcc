/** Replies of version 1, each way. Where both sides have the same fields, the compiler is who checks that. */
import { unreachable } from "../assert.ts";
import { MalformedError } from "../errors.ts";
import type { AcceptorReply, PeerReply } from "../messages.ts";
import type * as v1 from "./generated/v1.ts";
import { changeFromWire, changeToWire, writeFromWire, writeToWire } from "./v1-state.ts";
import { payloadFromWire, payloadToWire, valueFromWire, valueToWire } from "./v1-values.ts";

type AcceptorTag =
  | "PreAcceptOk"
  | "AcceptOk"
  | "RecoverOk"
  | "ValidateOk"
  | "Committed"
  | "SettledInstance"
  | "Nack"
  | "Done"
  | "StaleEpoch"
  | "Frozen"
  | "NotVoting";
type AcceptorWire = Extract<v1.Reply, { tag: AcceptorTag }>;

export function replyFromV1(reply: v1.Reply): PeerReply {
  switch (reply.tag) {
    case "ReadIndexOk":
      return { kind: "readIndexOk", ...reply.val };
    case "SyncOk":
      return { kind: "syncOk", ...reply.val.state };
    case "Instances": {
      const instances = reply.val.instances.map(({ id, epoch, value, deps }) => ({ id, epoch, value: valueFromWire(value), deps }));
      return { kind: "instances", instances };
    }
    case "KvValue":
      return { kind: "kvValue", ...reply.val };
    case "HealthOk":
      return { kind: "healthOk", ...reply.val };
    case "CoordinatorReply":
      return { kind: "coordinatorReply", ...reply.val };
    case "Config":
      return { kind: "config", ...reply.val };
    case "FreezeOk":
      return { kind: "freezeOk", ...reply.val };
    case "ClosePromise":
      return { kind: "closePromise", ...reply.val };
    case "CloseAccepted":
      return { kind: "closeAccepted" };
    case "CloseNack":
      return { kind: "closeNack", ...reply.val };
    case "SnapshotRecords":
      return { kind: "snapshotRecords", writes: reply.val.writes.map(writeFromWire), cursor: reply.val.cursor };
    case "SnapshotChangesOk": {
      const { changes, position, executed } = reply.val;
      return { kind: "snapshotChangesOk", changes: changes.map(changeFromWire), position, executed };
    }
    case "Refused":
      return { kind: "refused", ...reply.val };
    default:
      return acceptorReplyFromV1(reply);
  }
}

function acceptorReplyFromV1(reply: AcceptorWire): AcceptorReply {
  switch (reply.tag) {
    case "PreAcceptOk":
      return { kind: "preAcceptOk", id: reply.val.id, deps: reply.val.deps };
    case "AcceptOk":
      return { kind: "acceptOk", id: reply.val.id, ballot: reply.val.ballot };
    case "RecoverOk":
      return recoverOkFromV1(reply.val);
    case "ValidateOk":
      return { kind: "validateOk", ...reply.val };
    case "Committed": {
      const { id, value, deps } = reply.val;
      return { kind: "committed", id, value: valueFromWire(value), deps };
    }
    case "SettledInstance":
      return { kind: "settled", id: reply.val.id };
    case "Nack":
      return { kind: "nack", ...reply.val };
    case "Done":
      return { kind: "ok" };
    case "StaleEpoch":
      return { kind: "staleEpoch", ...reply.val };
    case "Frozen":
      return { kind: "frozen", ...reply.val };
    case "NotVoting":
      return { kind: "notVoting", ...reply.val };
    default:
      return unreachable(reply);
  }
}

function recoverOkFromV1(reply: v1.RecoverOk): AcceptorReply {
  const { id, ballot, phase, acceptedBallot, value, deps, initPayload, initDeps } = reply;
  if ((initPayload === null) !== (initDeps === null)) throw new MalformedError("half of what the owner chose");
  return {
    kind: "recoverOk",
    id,
    ballot,
    phase,
    acceptedBallot,
    value: value === null ? null : valueFromWire(value),
    deps,
    initPayload: initPayload === null ? null : payloadFromWire(initPayload),
    initDeps,
  };
}

export function replyToV1(reply: PeerReply): v1.Reply {
  switch (reply.kind) {
    case "readIndexOk":
      return { tag: "ReadIndexOk", val: reply };
    case "syncOk":
      return { tag: "SyncOk", val: { state: reply } };
    case "instances": {
      const instances = reply.instances.map(({ id, epoch, value, deps }) => ({ id, epoch, value: valueToWire(value), deps }));
      return { tag: "Instances", val: { instances } };
    }
    case "kvValue":
      return { tag: "KvValue", val: reply };
    case "healthOk":
      return { tag: "HealthOk", val: reply };
    case "coordinatorReply":
      return { tag: "CoordinatorReply", val: reply };
    case "config":
      return { tag: "Config", val: reply };
    case "freezeOk":
      return { tag: "FreezeOk", val: reply };
    case "closePromise":
      return { tag: "ClosePromise", val: reply };
    case "closeAccepted":
      return { tag: "CloseAccepted", val: null };
    case "closeNack":
      return { tag: "CloseNack", val: reply };
    case "snapshotRecords":
      return { tag: "SnapshotRecords", val: { writes: reply.writes.map(writeToWire), cursor: reply.cursor } };
    case "snapshotChangesOk": {
      const { changes, position, executed } = reply;
      return { tag: "SnapshotChangesOk", val: { changes: changes.map(changeToWire), position, executed } };
    }
    case "refused":
      return { tag: "Refused", val: reply };
    default:
      return acceptorReplyToV1(reply);
  }
}

function acceptorReplyToV1(reply: AcceptorReply): AcceptorWire {
  switch (reply.kind) {
    case "preAcceptOk":
      return { tag: "PreAcceptOk", val: reply };
    case "acceptOk":
      return { tag: "AcceptOk", val: reply };
    case "recoverOk": {
      const { id, ballot, phase, acceptedBallot, deps, initDeps } = reply;
      const value = reply.value === null ? null : valueToWire(reply.value);
      const initPayload = reply.initPayload === null ? null : payloadToWire(reply.initPayload);
      return { tag: "RecoverOk", val: { id, ballot, phase, acceptedBallot, value, deps, initPayload, initDeps } };
    }
    case "validateOk":
      return { tag: "ValidateOk", val: reply };
    case "committed":
      return { tag: "Committed", val: { id: reply.id, value: valueToWire(reply.value), deps: reply.deps } };
    case "settled":
      return { tag: "SettledInstance", val: reply };
    case "nack":
      return { tag: "Nack", val: reply };
    case "ok":
      return { tag: "Done", val: null };
    case "staleEpoch":
      return { tag: "StaleEpoch", val: reply };
    case "frozen":
      return { tag: "Frozen", val: reply };
    case "notVoting":
      return { tag: "NotVoting", val: reply };
    default:
      return unreachable(reply);
  }
}
