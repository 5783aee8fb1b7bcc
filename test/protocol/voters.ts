/** Replicas as Maps, for the pure steps of one instance: what a schedule of spec/PROPOSAL.md needs and nothing more. */
import assert from "node:assert/strict";
import { ownCommit, startRecovery, stepAcceptor, submit } from "../../protocol/acceptor.ts";
import { replicaId } from "../../protocol/ids.ts";
import { getInstance } from "../../protocol/instance.ts";
import type { AcceptorReply, AcceptorRequest, PeerReplyOf } from "../../protocol/messages.ts";
import { thresholds } from "../../protocol/quorum.ts";
import { type Candidate, concludeRecover, concludeValidate, type Proposal } from "../../protocol/recovery.ts";
import type {
  Ballot,
  ChainLink,
  Command,
  Deps,
  Epoch,
  InstanceId,
  InstanceRecord,
  Payload,
  ReplicaId,
  ReplicaState,
  Settled,
  Value,
  Write,
} from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { bytes, key, noMembers } from "./arbitrary.ts";

export const epoch = (number: number): Epoch => number as Epoch;
export const ballot = (counter: number, replica: number, inEpoch = 1): Ballot => ({
  epoch: epoch(inEpoch),
  counter,
  replica: replicaId(replica),
});
export const deps = (...ids: readonly InstanceId[]): Deps => ({ floor: [], explicit: [...ids].sort((a, b) => a - b) });

/** Writes `k` unless told otherwise: every two of these conflict. */
export function payload(seq: number, ...commands: readonly Command[]): Payload {
  const set: Command = { kind: "set", key: key("k"), value: bytes(`v${seq}`) };
  return { seq, entries: [{ commands: commands.length === 0 ? [set] : commands, idempotency: null }] };
}

export function link(number: number, voters: readonly number[], settled: Settled = { frontier: [], listed: [] }): ChainLink {
  return {
    epoch: epoch(number),
    voters: voters.map(replicaId),
    settled,
    members: noMembers,
    previousHash: `h${number - 1}`,
    hash: `h${number}`,
  };
}

/** The records of one replica that has just begun. */
export function voterRecords(self: number, links: readonly ChainLink[], state: Partial<ReplicaState> = {}): Write[] {
  const replica: ReplicaState = {
    clusterId: "c",
    clusterName: "test",
    self: replicaId(self),
    incarnation: `disk${self}`,
    epoch: epoch(1),
    frozen: false,
    reported: null,
    ...state,
  };
  return [
    { kind: "replica", id: "", record: replica },
    { kind: "chain", id: "", record: { links } },
  ];
}

export type Recovery = { readonly ballot: Ballot; readonly concluded: ReturnType<typeof concludeRecover> };

export type Voters = {
  readonly need: ReturnType<typeof thresholds>;
  view(replica: number): TestView;
  record(replica: number, id: InstanceId): InstanceRecord | null;
  submit(id: InstanceId, payload: Payload): Deps;
  ask(replica: number, request: AcceptorRequest): AcceptorReply;
  preAccept(replica: number, id: InstanceId): AcceptorReply;
  /** Recover from `quorum`, the coordinator among them or not, and rules a to e. */
  recover(coordinator: number, id: InstanceId, quorum: readonly number[]): Recovery;
  /** Rules f to i on the answers of the quorum. */
  validate(id: InstanceId, ballot: Ballot, candidate: Candidate): ReturnType<typeof concludeValidate>;
  accept(replica: number, id: InstanceId, ballot: Ballot, proposal: { value: Value; deps: Deps }): AcceptorReply;
  commit(replica: number, id: InstanceId, value: Value, deps: Deps): void;
};

export function makeVoters(n: number): Voters {
  const all = Array.from({ length: n }, (_, i) => i + 1);
  const views = new Map(all.map((self) => [self, testView(voterRecords(self, [link(1, all)]))]));
  const need = thresholds(n);
  const view = (replica: number): TestView => views.get(replica) as TestView;
  const ask = (replica: number, request: AcceptorRequest) => view(replica).run(stepAcceptor(view(replica), request));
  const sent = new Map<InstanceId, { payload: Payload; deps: Deps }>();
  return {
    need,
    view,
    ask,
    record: (replica, id) => getInstance(view(replica), id),
    submit(id, value) {
      const owner = view(Math.floor(id / 2 ** 40));
      const reply = owner.run(submit(owner, { id, payload: value }));
      assert.equal(reply.kind, "submitted");
      assert(reply.kind === "submitted");
      sent.set(id, { payload: value, deps: reply.deps });
      return reply.deps;
    },
    preAccept(replica, id) {
      const { payload: value, deps: d0 } = sent.get(id) as { payload: Payload; deps: Deps };
      return ask(replica, { kind: "preAccept", epoch: epoch(1), id, payload: value, deps: d0 });
    },
    recover(coordinator, id, quorum) {
      const at = view(coordinator);
      const started = at.run(startRecovery(at, { id, self: replicaId(coordinator), above: null }));
      assert(started.kind === "started");
      const replies = new Map<ReplicaId, PeerReplyOf<"recoverOk">>();
      for (const replica of quorum) {
        const reply = ask(replica, { kind: "recover", epoch: epoch(1), id, ballot: started.ballot });
        assert(reply.kind === "recoverOk", `replica ${replica} answered ${reply.kind}`);
        replies.set(replicaId(replica), reply);
      }
      return { ballot: started.ballot, concluded: concludeRecover({ thresholds: need, id, replies }) };
    },
    validate(id, at, candidate) {
      const conflicts = new Map<ReplicaId, PeerReplyOf<"validateOk">["conflicts"]>();
      for (const replica of candidate.quorum) {
        const reply = ask(replica, { kind: "validate", epoch: epoch(1), id, ballot: at, payload: candidate.payload, deps: candidate.deps });
        assert(reply.kind === "validateOk", `replica ${replica} answered ${reply.kind}`);
        conflicts.set(replica, reply.conflicts);
      }
      return concludeValidate({ ...candidate, thresholds: need, id, conflicts });
    },
    accept: (replica, id, at, { value, deps: chosen }) =>
      ask(replica, { kind: "accept", epoch: epoch(1), id, ballot: at, value, deps: chosen }),
    commit(replica, id, value, chosen) {
      const at = view(replica);
      at.run(ownCommit(at, { id, epoch: epoch(1), value, deps: chosen, path: "recovered" }));
    },
  };
}

export const NOP: Proposal = { kind: "accept", value: "nop", deps: { floor: [], explicit: [] } };
