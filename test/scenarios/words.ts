/** What the protocol says, in the words of the scripts. */
import type { PeerReply, PeerRequest } from "../../protocol/messages.ts";
import type {
  Ballot,
  Bytes,
  CommandResult,
  Deps,
  EntryOutcome,
  Frontier,
  InstanceId,
  InstanceRecord,
  KeyState,
  Settled,
  Value,
} from "../../protocol/types.ts";
import type { Names } from "./names.ts";

export function textOf(bytes: Bytes | null): string {
  return bytes === null ? "absent" : Buffer.from(bytes).toString("latin1");
}

export function stateText({ value, version }: KeyState): string {
  return `${textOf(value)} v${version}`;
}

/** `{1.4.. x y}`: everything up to 1.4, and these. */
function setText(names: Names, frontier: Frontier, ids: readonly InstanceId[]): string {
  const floors = frontier.map(([replica, slot]) => `..${replica}.${slot}`);
  return `{${[...floors, ...ids.map(names.nameOf).sort()].join(" ")}}`;
}

export function depsText(names: Names, { floor, explicit }: Deps): string {
  return setText(names, floor, explicit);
}

export function settledText(names: Names, { frontier, listed }: Settled): string {
  return setText(names, frontier, listed);
}

export function frontierText(names: Names, frontier: Frontier): string {
  return setText(names, frontier, []);
}

/** As the scripts may write it: members in any order. */
export function normalSet(text: string): string {
  const members = text.replace(/[{},]/g, " ").trim().split(/\s+/).filter(Boolean);
  const floors = members.filter((member) => member.startsWith(".."));
  return `{${[...floors, ...members.filter((member) => !member.startsWith("..")).sort()].join(" ")}}`;
}

export function ballotText({ counter, replica }: Ballot): string {
  return counter === 0 ? "0" : `${counter}.${replica}`;
}

function valueText(value: Value | null): string {
  return value === null ? "unknown" : value === "nop" ? "nop" : "value";
}

/** Facts of a record by name; an expectation names some of them. */
export function recordFacts(names: Names, record: InstanceRecord | null): ReadonlyMap<string, string> {
  if (record === null) return new Map([["phase", "absent"]]);
  const { phase, value, ballot, acceptedBallot, deps, initDeps, executed, waitingCount, path, epoch } = record;
  return new Map([
    ["phase", phase],
    ["value", valueText(value)],
    ["executed", executed ? "executed" : "not executed"],
    ["bal", ballotText(ballot)],
    ["abal", ballotText(acceptedBallot)],
    ["deps", depsText(names, deps)],
    ["init", initDeps === null ? "unknown" : depsText(names, initDeps)],
    ["waiting", `${waitingCount}`],
    ["path", path ?? "unknown"],
    ["epoch", `${epoch}`],
  ]);
}

export function replyText(names: Names, reply: PeerReply): string {
  switch (reply.kind) {
    case "preAcceptOk":
      return `preAcceptOk ${depsText(names, reply.deps)}`;
    case "recoverOk":
      return `recoverOk ${reply.phase}${reply.phase === "accepted" ? ` ${valueText(reply.value)} abal ${ballotText(reply.acceptedBallot)}` : ""}${
        reply.phase === "preaccepted" ? ` ${depsText(names, reply.deps)}` : ""
      }`;
    case "validateOk":
      return `validateOk {${reply.conflicts.map(({ id, committed }) => `${names.nameOf(id)}${committed ? "!" : ""}`).join(" ")}}`;
    case "committed":
      return `committed ${valueText(reply.value)} ${depsText(names, reply.deps)}`;
    case "nack":
      return `nack ${ballotText(reply.ballot)}`;
    case "readIndexOk":
      return `readIndexOk {${reply.ids.map(names.nameOf).sort().join(" ")}}${reply.hasAdders ? " adders" : ""}`;
    case "freezeOk":
      return `freezeOk ${settledText(names, reply.reported)}`;
    case "closePromise":
      return `closePromise ${reply.accepted === null ? "nothing" : `${reply.accepted.link.voters.join(" ")}`}`;
    case "refused":
      return `refused ${reply.code}`;
    case "instances":
      return `instances {${reply.instances.map(({ id }) => names.nameOf(id)).join(" ")}}`;
    default:
      return reply.kind;
  }
}

export function requestText(names: Names, request: PeerRequest): string {
  const id = "id" in request ? ` ${names.nameOf(request.id)}` : "";
  const ballot = "ballot" in request && "id" in request ? ` bal ${ballotText(request.ballot)}` : "";
  const value =
    request.kind === "accept" || request.kind === "commit" ? ` ${valueText(request.value)} ${depsText(names, request.deps)}` : "";
  const initial = request.kind === "preAccept" || request.kind === "validate" ? ` ${depsText(names, request.deps)}` : "";
  const count = request.kind === "waiting" ? ` ${request.count}` : "";
  return `${request.kind}${id}${ballot}${value}${initial}${count}`;
}

export function outcomeText(outcome: EntryOutcome): string {
  return outcome.kind === "results" ? outcome.results.map(resultText).join(", ") : outcome.kind;
}

function resultText(result: CommandResult): string {
  switch (result.kind) {
    case "written":
      return `written v${result.version}`;
    case "value":
      return stateText(result);
    case "txn":
      return `txn (${result.results.map(resultText).join(", ")})`;
    case "expectedValueDoesNotMatch":
      return `mismatch ${textOf(result.current)} v${result.version}`;
    case "checkFailed":
      return `checkFailed ${result.failed}`;
    default:
      return result.kind;
  }
}
