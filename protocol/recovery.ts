/** What the coordinator of a recovery concludes: rules a to j, steps 31 to 50 of spec/PROPOSAL.md. */
import { assert } from "./assert.ts";
import { compareBallots } from "./ballot.ts";
import { hasDep, NO_DEPS, sameDeps } from "./deps.ts";
import { instanceName, ownerOf } from "./ids.ts";
import type { PeerReplyOf, ValidateConflict } from "./messages.ts";
import type { Thresholds } from "./quorum.ts";
import type { Deps, InstanceId, InstanceRecord, Payload, ReplicaId, Value } from "./types.ts";

type RecoverOk = PeerReplyOf<"recoverOk">;
/** Propose this at the recovery's ballot. */
export type Proposal = { readonly kind: "accept"; readonly value: Value; readonly deps: Deps };
/** What is to be validated: an initial value that may have been committed fast, and the replies that say so. */
export type Candidate = {
  readonly payload: Payload;
  readonly deps: Deps;
  /** Everyone who answered Recover; Validate goes to exactly these. */
  readonly quorum: readonly ReplicaId[];
  /** How many of them pre-accepted it with the owner's own dependencies: |R|. */
  readonly count: number;
};

const NOP: Proposal = { kind: "accept", value: "nop", deps: NO_DEPS };

/**
 * Rules a to e, on all replies at hand. To be asked once for a ballot: an answer other than `wait` is final.
 *
 * @param input.replies of voters of the instance's epoch, all at the recovery's ballot
 */
export function concludeRecover(input: {
  readonly thresholds: Thresholds;
  readonly id: InstanceId;
  readonly replies: ReadonlyMap<ReplicaId, RecoverOk>;
}): Proposal | ({ readonly kind: "validate" } & Candidate) | { readonly kind: "wait" } {
  const { thresholds, id, replies } = input;
  // Step 31.
  if (replies.size < thresholds.slow) return { kind: "wait" };
  assertOneBallot(id, [...replies.values()]);
  // Steps 32 and 33: rules a and b.
  const decided = acceptedValue([...replies.values()]);
  if (decided !== null) return decided;
  // Step 34: rule c. The owner has not committed, and having joined this ballot never will at its own.
  if (replies.has(ownerOf(id))) return NOP;
  // Step 35: rule d.
  const agreed = [...replies.values()].filter(agreesWithOwner);
  const [first] = agreed;
  if (first !== undefined && agreed.length >= replies.size - thresholds.e) {
    const { initPayload: payload, initDeps: deps } = first;
    assert(payload !== null && deps !== null, "agreed without an initial value");
    for (const { initDeps } of agreed)
      assert(initDeps !== null && sameDeps(initDeps, deps), `${instanceName(id)}: two initial dependency sets`);
    return { kind: "validate", payload, deps, quorum: [...replies.keys()].sort((a, b) => a - b), count: agreed.length };
  }
  // Step 36: rule e.
  return NOP;
}

/** A committed value first, else the one accepted last, by its own ballot and never by the one joined. */
function acceptedValue(replies: readonly RecoverOk[]): Proposal | null {
  let best: RecoverOk | null = null;
  for (const reply of replies) {
    if (reply.phase === "committed") return proposalOf(reply);
    if (reply.phase !== "accepted") continue;
    if (best === null || compareBallots(reply.acceptedBallot, best.acceptedBallot) > 0) best = reply;
  }
  return best === null ? null : proposalOf(best);
}

function proposalOf({ id, value, deps }: RecoverOk): Proposal {
  assert(value !== null, `${instanceName(id)}: accepted without a value`);
  return { kind: "accept", value, deps };
}

function agreesWithOwner({ phase, deps, initDeps }: RecoverOk): boolean {
  return phase === "preaccepted" && initDeps !== null && sameDeps(deps, initDeps);
}

function assertOneBallot(id: InstanceId, replies: readonly RecoverOk[]): void {
  const [first] = replies;
  for (const reply of replies) {
    assert(reply.id === id, `a reply about ${instanceName(reply.id)} in the recovery of ${instanceName(id)}`);
    assert(first !== undefined && compareBallots(reply.ballot, first.ballot) === 0, `${instanceName(id)}: replies of two ballots`);
  }
}

/** Rules f to i. `incomplete` until all of the quorum answered: a member that dies costs the ballot. */
export function concludeValidate(
  input: Candidate & {
    readonly thresholds: Thresholds;
    readonly id: InstanceId;
    readonly conflicts: ReadonlyMap<ReplicaId, readonly ValidateConflict[]>;
  },
): Proposal | { readonly kind: "waitFor"; readonly ids: readonly InstanceId[] } | { readonly kind: "incomplete" } {
  const { thresholds, payload, deps, quorum, count, conflicts } = input;
  // Step 40.
  if (!quorum.every((replica) => conflicts.has(replica))) return { kind: "incomplete" };
  const all = quorum.flatMap((replica) => conflicts.get(replica) ?? []);
  // Step 41: rule f.
  if (all.length === 0) return { kind: "accept", value: payload, deps };
  // Step 42: rule g. Committed without a dependency on this one, which does not depend on it: so this one was never fast.
  if (all.some(({ committed }) => committed)) return NOP;
  // Step 43: rule h. Were it fast, all outside the quorum had agreed to it, that owner too, before its own submit: which would then list it.
  if (count === quorum.length - thresholds.e && all.some(({ id }) => !quorum.includes(ownerOf(id)))) return NOP;
  // Step 44: rule i.
  return { kind: "waitFor", ids: [...new Set(all.map(({ id }) => id))].sort((a, b) => a - b) };
}

/**
 * Rules j1 to j4; j5, a higher ballot, ends the recovery from outside.
 *
 * @param input.conflicts this replica's newest records of `waitFor`. An id whose record was dropped decides nothing: the
 *   floor passed it only because the owner knows this instance decided, so a new ballot finds the answer
 * @param input.late RecoverOks at this ballot from outside the quorum
 */
export function concludeWaiting(
  input: Candidate & {
    readonly thresholds: Thresholds;
    readonly id: InstanceId;
    readonly waitFor: readonly InstanceId[];
    readonly conflicts: ReadonlyMap<InstanceId, InstanceRecord | null>;
    readonly late: ReadonlyMap<ReplicaId, RecoverOk>;
  },
): Proposal | { readonly kind: "wait" } {
  const { thresholds, id, payload, deps, quorum, waitFor, conflicts } = input;
  assert(waitFor.length > 0, `${instanceName(id)} waits for nothing`);
  const late = [...input.late].filter(([replica]) => !quorum.includes(replica));
  // Step 49: rule j4, what was accepted before who has not.
  const decided = acceptedValue(late.map(([, reply]) => reply));
  if (decided !== null) return decided;
  if (late.some(([replica]) => replica === ownerOf(id))) return NOP;
  const records = waitFor.map((other) => conflicts.get(other) ?? null);
  const ordered = records.map((record) => record?.phase === "committed" && (record.value === "nop" || hasDep(record.deps, id)));
  // Step 46: rule j1.
  if (records.some((record, i) => record?.phase === "committed" && !ordered[i])) return NOP;
  // Step 47: rule j2.
  if (ordered.every(Boolean)) return { kind: "accept", value: payload, deps };
  // Step 48: rule j3. One more than n-f-e: at exactly that count both could have been fast.
  if (records.some((record) => (record?.waitingCount ?? 0) > thresholds.n - thresholds.f - thresholds.e)) return NOP;
  return { kind: "wait" };
}
