/**
 * Everything that was ever said about one instance, and what its owner and the coordinators of its recoveries still hold.
 * Nothing said is ever taken back: a request may reach a replica at any later time, any number of times, or never. So delay,
 * loss, duplication and reordering need no steps of their own; neither does a crash, which is a replica that does nothing
 * more, nor a restart, which is one that goes on from its disk and never hears the answers to its earlier questions.
 */
import type { AcceptorRequest, PeerReplyOf, ValidateConflict } from "../../protocol/messages.ts";
import type { Candidate } from "../../protocol/recovery.ts";
import type { Ballot, Deps, InstanceId, ReplicaId, Value } from "../../protocol/types.ts";
import { EPOCH, type Instance } from "./setup.ts";

export type RecoverOk = PeerReplyOf<"recoverOk">;
export type Chosen = { readonly value: Value; readonly deps: Deps };
/** By voter (replica - 1): null where nothing was said. */
export type ByVoter<T> = readonly (T | null)[];

export type Stage =
  /** Recover was sent. */
  | { readonly kind: "asking" }
  /** All answers that each member of the quorum ever gave. */
  | { readonly kind: "validating"; readonly candidate: Candidate; readonly answers: readonly (readonly (readonly ValidateConflict[])[])[] }
  | { readonly kind: "waiting"; readonly candidate: Candidate; readonly ids: readonly InstanceId[] }
  | { readonly kind: "proposed"; readonly chosen: Chosen; readonly oks: readonly boolean[] }
  /** Committed by its coordinator. */
  | { readonly kind: "done"; readonly chosen: Chosen };

/** One ballot of one instance. Counter 0: the owner's second round. */
export type Round = {
  readonly ballot: Ballot;
  readonly replies: ByVoter<RecoverOk>;
  readonly stage: Stage;
  /** Count of the Waiting notice that it sent. */
  readonly waiting: number | null;
};

/** What every round of an instance may depend on. */
export type Facts = {
  /** Index of the instance in the setup. */
  readonly instance: number;
  /** Dependencies sent with PreAccept. */
  readonly initial: Deps | null;
  /** Recoveries begun so far. */
  readonly started: number;
  readonly commit: Chosen | null;
  readonly fast: boolean;
};

/** Answers to PreAccept, the owner's own among them. */
export type Oks = ByVoter<Deps>;

export type Network = {
  readonly facts: Facts;
  readonly oks: Oks;
  /** Ascending by ballot. */
  readonly rounds: readonly Round[];
};

export function blankFacts(instance: number): Facts {
  return { instance, initial: null, started: 0, commit: null, fast: false };
}

export function replaced<T>(list: readonly T[], at: number, value: T): readonly T[] {
  const copy = [...list];
  copy[at] = value;
  return copy;
}

/** A round whose value is proposed: what was asked before can change nothing any more. */
export function proposed(round: Pick<Round, "ballot" | "waiting">, chosen: Chosen, oks: readonly boolean[]): Round {
  return { ballot: round.ballot, replies: oks.map(() => null), stage: { kind: "proposed", chosen, oks }, waiting: round.waiting };
}

/** `to`: null for everyone. */
export type Sent = { readonly request: AcceptorRequest; readonly to: readonly ReplicaId[] | null };

/** The requests of the owner's first round, and the commit, that may still reach somebody. */
export function sentByOwner({ initial, commit }: Facts, { id, payload }: Instance): Sent[] {
  const sent: Sent[] = [];
  if (initial !== null) sent.push({ request: { kind: "preAccept", epoch: EPOCH, id, payload, deps: initial }, to: null });
  if (commit !== null) sent.push({ request: { kind: "commit", epoch: EPOCH, id, ...commit }, to: null });
  return sent;
}

/** The requests of one ballot that may still reach somebody. */
export function sentInRound({ ballot, stage, waiting }: Round, { id }: Instance): Sent[] {
  const sent: Sent[] = [];
  if (ballot.counter > 0) sent.push({ request: { kind: "recover", epoch: EPOCH, id, ballot }, to: null });
  if (stage.kind === "validating") {
    const { payload, deps, quorum } = stage.candidate;
    sent.push({ request: { kind: "validate", epoch: EPOCH, id, ballot, payload, deps }, to: quorum });
  }
  if (stage.kind === "proposed" || stage.kind === "done")
    sent.push({ request: { kind: "accept", epoch: EPOCH, id, ballot, ...stage.chosen }, to: null });
  if (waiting !== null) sent.push({ request: { kind: "waiting", epoch: EPOCH, id, count: waiting }, to: null });
  return sent;
}
