/** What a replica does to its own log without being asked: leading an instance, and beginning a recovery. Steps 9-11, 19, 20, 25, 28. */
import { assert } from "./assert.ts";
import { compareBallots, nextBallot } from "./ballot.ts";
import { conflictingIds, register } from "./conflict-index.ts";
import { makeDeps, NO_DEPS, sameDeps } from "./deps.ts";
import { fateOf, fateOfSlot, isOf, mayTake, notVoting, recordIn, refusesNew, type Standing, standingOf } from "./epoch-fence.ts";
import { covers } from "./frontier.ts";
import { ownerOf } from "./ids.ts";
import { blankInstance, type CommitInput, commitInstance, getInstance, putInstance } from "./instance.ts";
import { limits } from "./limits.ts";
import type { RefusedByEpoch } from "./messages.ts";
import { inSettled } from "./settled.ts";
import type { Ballot, Deps, Epoch, InstanceId, InstanceRecord, Payload, ReplicaId, Step, Value, View } from "./types.ts";

/** Steps 9-11: takes a fresh slot of this replica's own column for `payload`, with every conflict known here. */
export function submit(
  view: View,
  input: { id: InstanceId; payload: Payload },
): Step<{ kind: "submitted"; deps: Deps } | { kind: "slotTaken" } | RefusedByEpoch> {
  const { id, payload } = input;
  const standing = standingOf(view);
  const refused = refusesNew(standing);
  if (refused !== null) return { reply: refused, writes: [] };
  assert(standing !== null && standing.link !== null, "a replica that does not vote was not refused");
  const { replica, chain, link, progress } = standing;
  assert(ownerOf(id) === replica.self, `slot of replica ${ownerOf(id)} submitted by ${replica.self}`);
  // Step 9. An executed slot may have lost its record, and a slot that an earlier epoch could have decided is never used again.
  const before = getInstance(view, id);
  const fresh = before === null || (before.epoch === replica.epoch && before.phase === "initial" && before.ballot.counter === 0);
  if (!fresh || covers(progress.executed, id) || covers(progress.globalFloor, id) || fateOf(chain, replica.epoch, id) !== "open") {
    return { reply: { kind: "slotTaken" }, writes: [] };
  }
  // Step 10.
  const conflicts = conflictingIds(view, payload, id).filter((other) => !inSettled(link.settled, other));
  const deps = makeDeps(progress.executed, conflicts);
  // Step 11.
  const record: InstanceRecord = {
    ...(before ?? blankInstance(replica.epoch, id)),
    phase: "preaccepted",
    value: payload,
    deps,
    initPayload: payload,
    initDeps: deps,
  };
  const writes = [...register(view, { id, payload, globalFloor: progress.globalFloor }), putInstance(record)];
  return { reply: { kind: "submitted", deps }, writes };
}

/** Step 19: both guards, every time. The same step again after a lost answer finds its own commit. */
export function fastCommit(
  view: View,
  input: { id: InstanceId },
): Step<{ kind: "committed"; value: Value; deps: Deps } | { kind: "lost" }> {
  const { standing, record } = ownRound(view, input.id);
  if (record?.phase === "committed" && record.path === "fast" && record.value !== null) {
    return { reply: { kind: "committed", value: record.value, deps: record.deps }, writes: [] };
  }
  if (record === null || record.phase !== "preaccepted" || record.ballot.counter !== 0) return { reply: { kind: "lost" }, writes: [] };
  if (fateOf(standing.chain, record.epoch, input.id) !== "open") return { reply: { kind: "lost" }, writes: [] };
  const { epoch, initPayload: value, initDeps: deps } = record;
  assert(value !== null && deps !== null, "pre-accepted without its initial value");
  return {
    reply: { kind: "committed", value, deps },
    writes: commitInstance(view, standing, { id: input.id, epoch, value, deps, path: "fast" }),
  };
}

/** Step 20: closes the fast path for good. `deps` is the union of the replies. */
export function selfAccept(view: View, input: { id: InstanceId; deps: Deps }): Step<{ kind: "accepted" } | { kind: "lost" }> {
  const { id, deps } = input;
  const { standing, record } = ownRound(view, id);
  if (record === null || record.ballot.counter !== 0) return { reply: { kind: "lost" }, writes: [] };
  if (record.phase === "accepted" && sameDeps(record.deps, deps)) return { reply: { kind: "accepted" }, writes: [] };
  if (record.phase !== "preaccepted" || record.epoch !== standing.replica.epoch) return { reply: { kind: "lost" }, writes: [] };
  if (!standing.voter || !mayTake(standing, id) || fateOf(standing.chain, record.epoch, id) !== "open")
    return { reply: { kind: "lost" }, writes: [] };
  const accepted: InstanceRecord = { ...record, phase: "accepted", acceptedBallot: record.ballot, value: record.initPayload, deps };
  return { reply: { kind: "accepted" }, writes: [putInstance(accepted)] };
}

function ownRound(view: View, id: InstanceId): { standing: Standing; record: InstanceRecord | null } {
  const standing = standingOf(view);
  assert(standing !== null, "a replica without identity leads nothing");
  assert(ownerOf(id) === standing.replica.self, `round 0 of replica ${ownerOf(id)} at ${standing.replica.self}`);
  return { standing, record: getInstance(view, id) };
}

/**
 * Step 25 for what this replica found decided itself. `lost`: it was executed here and dropped long ago, nothing is written.
 *
 * @throws Contradiction when it is committed here as something else
 */
export function ownCommit(
  view: View,
  input: CommitInput & { path: "fast" | "slow" | "recovered" },
): Step<{ kind: "committed"; value: Value; deps: Deps } | { kind: "lost" }> {
  const standing = standingOf(view);
  assert(standing !== null, "a replica without identity decides nothing");
  const dropped = getInstance(view, input.id) === null && covers(standing.progress.executed, input.id);
  if (dropped || covers(standing.progress.globalFloor, input.id)) return { reply: { kind: "lost" }, writes: [] };
  const { value } = input;
  const deps = value === "nop" ? NO_DEPS : input.deps;
  return { reply: { kind: "committed", value, deps }, writes: commitInstance(view, standing, input) };
}

/**
 * Step 28: a ballot of this replica that was never used, durable before Recover is sent. This replica's own RecoverOK comes
 * from `stepAcceptor` at that ballot (step 30). A Nop known by the chain alone is answered as committed and not written.
 * `above` is the highest ballot that others answered with, so that the next one is not refused for the same reason.
 */
export function startRecovery(
  view: View,
  input: { id: InstanceId; self: ReplicaId; above: Ballot | null },
): Step<
  { kind: "started"; ballot: Ballot; epoch: Epoch } | { kind: "committed"; value: Value; deps: Deps } | { kind: "settled" } | RefusedByEpoch
> {
  const { id, self, above } = input;
  const standing = standingOf(view);
  if (standing === null) return { reply: notVoting(null), writes: [] };
  const { replica, chain, progress } = standing;
  assert(replica.self === self, `replica ${replica.self} asked for a ballot of ${self}`);
  const known = getInstance(view, id);
  if (covers(progress.globalFloor, id) || (known === null && covers(progress.executed, id)))
    return { reply: { kind: "settled" }, writes: [] };
  if (known?.phase === "committed") {
    assert(known.value !== null, "committed without a value");
    return { reply: { kind: "committed", value: known.value, deps: known.deps }, writes: [] };
  }
  if (!standing.voter) return { reply: notVoting(standing), writes: [] };
  const fate = isOf(known, replica.epoch) ? fateOf(chain, replica.epoch, id) : fateOfSlot(chain, replica.epoch, id);
  if (fate === "nop") return { reply: { kind: "committed", value: "nop", deps: NO_DEPS }, writes: [] };
  // Decided by an earlier epoch, and this replica lacks the value: it is fetched, never voted on again.
  if (fate === "earlier") return { reply: notVoting(standing), writes: [] };
  // Nor of one that may be an instance of the epoch to come.
  if (!mayTake(standing, id)) return { reply: { kind: "frozen", epoch: replica.epoch }, writes: [] };
  const record = recordIn(known, replica.epoch) ?? blankInstance(replica.epoch, id);
  const ballot = nextBallot(seenBallot(record.ballot, above), self);
  return { reply: { kind: "started", ballot, epoch: replica.epoch }, writes: [putInstance({ ...record, ballot })] };
}

/** Step 8 holds for what others say, too: nobody may use up the counters with one message. */
function seenBallot(own: Ballot, above: Ballot | null): Ballot {
  if (above === null || above.epoch !== own.epoch || above.counter >= own.counter + limits.ballotJumpMax) return own;
  return compareBallots(above, own) > 0 ? above : own;
}
