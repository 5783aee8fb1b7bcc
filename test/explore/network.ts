/**
 * Everything that was ever said about one instance, and what its owner and the coordinators of its recoveries still hold.
 * Nothing said is ever taken back: a request may reach a replica at any later time, any number of times, or never. So delay,
 * loss, duplication and reordering need no steps of their own; neither does a crash, which is a replica that does nothing
 * more, nor a restart, which is one that goes on from its disk and never hears the answers to its earlier questions.
 */
import { compareBallots } from "../../protocol/ballot.ts";
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
export type Round = { readonly ballot: Ballot; readonly replies: ByVoter<RecoverOk>; readonly stage: Stage };

export type Network = {
  /** Index of the instance in the setup. */
  readonly instance: number;
  /** Dependencies sent with PreAccept. */
  readonly initial: Deps | null;
  readonly preAcceptOks: ByVoter<Deps>;
  /** Ascending by ballot. */
  readonly rounds: readonly Round[];
  /** Counts of the Waiting notices sent. */
  readonly waiting: readonly number[];
  readonly commit: Chosen | null;
  readonly fast: boolean;
};

export function blankNetwork(instance: number, n: number): Network {
  return { instance, initial: null, preAcceptOks: Array(n).fill(null), rounds: [], waiting: [], commit: null, fast: false };
}

export function replaced<T>(list: readonly T[], at: number, value: T): readonly T[] {
  const copy = [...list];
  copy[at] = value;
  return copy;
}

export function withRound(network: Network, round: Round): Network {
  const others = network.rounds.filter(({ ballot }) => compareBallots(ballot, round.ballot) !== 0);
  return { ...network, rounds: [...others, round].sort((a, b) => compareBallots(a.ballot, b.ballot)) };
}

/** A round whose value is proposed: what was asked before can change nothing any more. */
export function proposed(network: Network, round: Round, chosen: Chosen, oks: readonly boolean[]): Network {
  return withRound(network, { ballot: round.ballot, replies: round.replies.map(() => null), stage: { kind: "proposed", chosen, oks } });
}

/** `round`: the place in `rounds` of the one it belongs to, -1 for none. `to`: null for everyone. */
export type Sent = { readonly request: AcceptorRequest; readonly to: readonly ReplicaId[] | null };

/** All requests that may still reach somebody. */
export function sentRequests(network: Network, { id, payload }: Instance): Sent[] {
  const sent: Sent[] = [];
  const put = (request: AcceptorRequest, to: readonly ReplicaId[] | null = null) => sent.push({ request, to });
  if (network.initial !== null) put({ kind: "preAccept", epoch: EPOCH, id, payload, deps: network.initial });
  for (const { ballot, stage } of network.rounds) {
    if (ballot.counter > 0) put({ kind: "recover", epoch: EPOCH, id, ballot });
    if (stage.kind === "validating") {
      const { payload: initial, deps, quorum } = stage.candidate;
      put({ kind: "validate", epoch: EPOCH, id, ballot, payload: initial, deps }, quorum);
    }
    if (stage.kind === "proposed" || stage.kind === "done") put({ kind: "accept", epoch: EPOCH, id, ballot, ...stage.chosen });
  }
  for (const count of network.waiting) put({ kind: "waiting", epoch: EPOCH, id, count });
  if (network.commit !== null) put({ kind: "commit", epoch: EPOCH, id, ...network.commit });
  return sent;
}
