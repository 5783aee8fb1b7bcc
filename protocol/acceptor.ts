/**
 * The acceptor: what one replica knows of one instance + one request -> one reply and what must be durable before it leaves.
 * Every guard is checked at every request: requests come late, twice, out of order and after crashes. spec/PROPOSAL.md.
 */
import { onValidate } from "./acceptor-validate.ts";
import { unreachable } from "./assert.ts";
import { compareBallots } from "./ballot.ts";
import { linkOf } from "./cluster.ts";
import { conflictingIds, register } from "./conflict-index.ts";
import { makeDeps, NO_DEPS, sameDeps } from "./deps.ts";
import { fateOf, fateOfSlot, isOf, mayTake, notVoting, recordIn, type Standing, staleEpoch, standingOf } from "./epoch-fence.ts";
import { covers } from "./frontier.ts";
import { ownerOf } from "./ids.ts";
import { blankInstance, commitInstance, getInstance, putInstance } from "./instance.ts";
import { limits } from "./limits.ts";
import type { AcceptorReply, AcceptorRequest } from "./messages.ts";
import { inSettled } from "./settled.ts";
import type { Ballot, ChainLink, Deps, InstanceId, InstanceRecord, Step, Value, View } from "./types.ts";
import { samePayload, sameValue } from "./value.ts";

export { fastCommit, ownCommit, selfAccept, startRecovery, submit } from "./acceptor-own.ts";
export { readIndex } from "./acceptor-read.ts";

type RequestOf<K extends AcceptorRequest["kind"]> = Extract<AcceptorRequest, { kind: K }>;
/** What asks for a vote, and so meets the fence. */
type VoteRequest = RequestOf<"preAccept" | "accept" | "recover" | "validate">;
type AcceptorStep = Step<AcceptorReply>;

/**
 * One request about one instance.
 *
 * @throws Contradiction for a Commit of something else than what is committed here
 */
export function stepAcceptor(view: View, request: AcceptorRequest): AcceptorStep {
  const standing = standingOf(view);
  if (standing === null) return answer(notVoting(null));
  const { id } = request;
  const notice = request.kind === "commit" || request.kind === "waiting";
  // Step 2.
  if (covers(standing.progress.globalFloor, id)) return answer(notice ? { kind: "ok" } : { kind: "settled", id });
  switch (request.kind) {
    case "commit":
      return onCommit(view, standing, request);
    case "waiting":
      return onWaiting(view, standing, request);
    case "preAccept":
    case "accept":
    case "recover":
    case "validate":
      return fence(view, standing, request) ?? vote(view, standing, request);
    default:
      return unreachable(request);
  }
}

function answer(reply: AcceptorReply): AcceptorStep {
  return { reply, writes: [] };
}

function committed(id: InstanceId, value: Value, deps: Deps): AcceptorStep {
  return answer({ kind: "committed", id, value, deps });
}

/** Steps 3 to 7: null lets the request through to the vote. */
function fence(view: View, standing: Standing, request: VoteRequest): AcceptorStep | null {
  const { replica, chain } = standing;
  const { id, epoch } = request;
  const known = getInstance(view, id);
  // Told only to who asks in its own epoch: the answer names none, and the asker would write it down as one of his.
  const isTold = known?.phase === "committed" && known.epoch === epoch;
  const decided = isTold && known.value !== null ? committed(id, known.value, known.deps) : null;
  const fate = isOf(known, epoch) ? fateOf(chain, epoch, id) : fateOfSlot(chain, epoch, id);
  // Step 3. The Nops of a closed epoch are known from the chain; what it settled and is not here must come from those who have it.
  if (epoch < replica.epoch) {
    if (decided !== null) return decided;
    return request.kind !== "preAccept" && fate === "nop" ? committed(id, "nop", NO_DEPS) : answer(staleEpoch(standing, epoch));
  }
  // Steps 4 and 5.
  if (epoch > replica.epoch || !standing.voter) return answer(notVoting(standing));
  if (decided !== null) return decided;
  if (known?.phase === "committed") return answer(known.epoch < epoch ? notVoting(standing) : { kind: "frozen", epoch });
  // Step 7, before step 6: the owner is told that the epoch ends, and asks again in the next one.
  if (request.kind === "preAccept" && standing.frozen) return answer({ kind: "frozen", epoch });
  // Step 6. An instance of an earlier epoch that was executed inside a snapshot has no record here, and nothing to vote on.
  if (fate === "nop") return committed(id, "nop", NO_DEPS);
  if (fate === "earlier" || (known === null && covers(standing.progress.executed, id))) return answer(notVoting(standing));
  // Step 7. Until K is known a Nop is possible: a slow quorum has joined the recovery that proposes it, so K will have the id.
  const isNop = request.kind === "accept" && request.value === "nop" && linkOf(chain, epoch + 1) === null;
  return isNop || mayTake(standing, id) ? null : answer({ kind: "frozen", epoch });
}

/** The request is of this replica's epoch, this replica votes in it, and the instance is not decided here. */
function vote(view: View, standing: Standing, request: VoteRequest): AcceptorStep {
  const { id, epoch } = request;
  const record = recordIn(getInstance(view, id), epoch) ?? blankInstance(epoch, id);
  if (request.kind === "preAccept") return onPreAccept(view, standing, record, request);
  if (!lawful(standing.link, record, request)) return nack(record);
  switch (request.kind) {
    case "accept":
      return onAccept(view, standing, record, request);
    case "recover":
      return onRecover(record, request);
    case "validate":
      return onValidate(view, standing, record, request);
    default:
      return unreachable(request);
  }
}

function nack({ id, ballot }: InstanceRecord): AcceptorStep {
  return answer({ kind: "nack", id, ballot });
}

/** Step 8: counter 0 is the owner's alone and only accepts; other ballots are a voter's, and counters are not used up at once. */
function lawful(link: ChainLink | null, record: InstanceRecord, request: Exclude<VoteRequest, { kind: "preAccept" }>): boolean {
  const { ballot, epoch, id } = request;
  if (ballot.epoch !== epoch || !(link?.voters.includes(ballot.replica) ?? false)) return false;
  if (ballot.counter === 0) return request.kind === "accept" && ballot.replica === ownerOf(id);
  return ballot.counter <= record.ballot.counter + limits.ballotJumpMax;
}

/** Steps 12 to 15. */
function onPreAccept(view: View, standing: Standing, record: InstanceRecord, request: RequestOf<"preAccept">): AcceptorStep {
  const { id, payload, deps: ownerDeps } = request;
  // Step 12: a recovery was here, or the owner itself has gone on.
  if (record.ballot.counter !== 0 || record.phase === "accepted") return nack(record);
  // Step 13: what was answered once stays the answer. Another payload under one id comes from a lost disk.
  if (record.phase === "preaccepted") {
    const same =
      record.initPayload !== null &&
      record.initDeps !== null &&
      samePayload(record.initPayload, payload) &&
      sameDeps(record.initDeps, ownerDeps);
    return same ? answer({ kind: "preAcceptOk", id, deps: record.deps }) : nack(record);
  }
  if (standing.link === null || !standing.link.voters.includes(ownerOf(id))) return nack(record);
  // Step 14. Every conflict known here counts, later slots of the owner's own column too: slots are reserved in blocks by
  // several processes, so their order is not the order of submission, and a member too many harms nothing.
  const { settled } = standing.link;
  const conflicts = conflictingIds(view, payload, id).filter((other) => !inSettled(settled, other));
  const deps = makeDeps(ownerDeps.floor, [...ownerDeps.explicit, ...conflicts]);
  // Step 15.
  const next: InstanceRecord = { ...record, phase: "preaccepted", value: payload, deps, initPayload: payload, initDeps: ownerDeps };
  const writes = [...register(view, { id, payload, globalFloor: standing.progress.globalFloor }), putInstance(next)];
  return { reply: { kind: "preAcceptOk", id, deps }, writes };
}

/** Steps 21 to 23. */
function onAccept(view: View, standing: Standing, record: InstanceRecord, request: RequestOf<"accept">): AcceptorStep {
  const { id, ballot, value } = request;
  const deps = value === "nop" ? NO_DEPS : request.deps;
  // Step 22.
  if (compareBallots(record.ballot, ballot) > 0) return nack(record);
  if (record.phase === "accepted" && compareBallots(record.acceptedBallot, ballot) === 0) {
    // One ballot proposes one value: a second one gets no vote.
    const same = record.value !== null && sameValue(record.value, value) && sameDeps(record.deps, deps);
    return same ? answer({ kind: "acceptOk", id, ballot }) : nack(record);
  }
  // Step 23.
  const writes = value === "nop" ? [] : register(view, { id, payload: value, globalFloor: standing.progress.globalFloor });
  const next: InstanceRecord = { ...record, phase: "accepted", ballot, acceptedBallot: ballot, value, deps };
  return { reply: { kind: "acceptOk", id, ballot }, writes: [...writes, putInstance(next)] };
}

/** Steps 29 and 30. */
function onRecover(record: InstanceRecord, { ballot }: RequestOf<"recover">): AcceptorStep {
  const order = compareBallots(ballot, record.ballot);
  if (order > 0) return { reply: recoverOk(record, ballot), writes: [putInstance({ ...record, ballot })] };
  // Step 30: the same question again, before anything was accepted at it, has the same answer. One lost reply must not kill a ballot.
  const again = order === 0 && compareBallots(record.acceptedBallot, ballot) < 0;
  return again ? answer(recoverOk(record, ballot)) : nack(record);
}

function recoverOk({ id, phase, acceptedBallot, value, deps, initPayload, initDeps }: InstanceRecord, ballot: Ballot): AcceptorReply {
  return { kind: "recoverOk", id, ballot, phase, acceptedBallot, value, deps, initPayload, initDeps };
}

/** Steps 25 to 27: of any epoch, by voters and learners alike, for a decision is one for all. */
function onCommit(view: View, standing: Standing, { id, epoch, value, deps }: RequestOf<"commit">): AcceptorStep {
  return { reply: { kind: "ok" }, writes: commitInstance(view, standing, { id, epoch, value, deps, path: null }) };
}

/** Step 45: a fact about the past, true in every ballot, so the highest count is kept. */
function onWaiting(view: View, standing: Standing, { id, epoch, count }: RequestOf<"waiting">): AcceptorStep {
  const { replica, chain, progress } = standing;
  const known = getInstance(view, id);
  const late = known?.phase === "committed" || (known === null && covers(progress.executed, id));
  if (late || epoch !== replica.epoch || !standing.voter || fateOf(chain, epoch, id) !== "open") return answer({ kind: "ok" });
  const record = recordIn(known, epoch) ?? blankInstance(epoch, id);
  if (count <= record.waitingCount) return answer({ kind: "ok" });
  return { reply: { kind: "ok" }, writes: [putInstance({ ...record, waitingCount: count })] };
}
