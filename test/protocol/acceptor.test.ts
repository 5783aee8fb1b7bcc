/** One row for each sentence of steps 8 to 45, on the acceptor's side, of spec/PROPOSAL.md. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stepAcceptor } from "../../protocol/acceptor.ts";
import { Contradiction } from "../../protocol/assert.ts";
import { keyFootprint } from "../../protocol/conflict.ts";
import { blankInstance, getInstance, putInstance } from "../../protocol/instance.ts";
import { limits } from "../../protocol/limits.ts";
import type { AcceptorReply, AcceptorRequest } from "../../protocol/messages.ts";
import type { Deps, Frontier, InstanceRecord, Payload, Write } from "../../protocol/types.ts";
import { testView } from "../support/view.ts";
import { id, key } from "./arbitrary.ts";
import { ballot, deps, epoch, link, payload, voterRecords } from "./voters.ts";

const x = id(1, 1);
const y = id(2, 1);
const self = 3;
const record = (changes: Partial<InstanceRecord> = {}): InstanceRecord => ({ ...blankInstance(epoch(1), x), ...changes });
const preaccepted: Partial<InstanceRecord> = {
  phase: "preaccepted",
  value: payload(1),
  deps: deps(y),
  initPayload: payload(1),
  initDeps: deps(),
};
const progress = (executed: Frontier, globalFloor: Frontier = []): Write => ({
  kind: "progress",
  id: "",
  record: { executed, globalFloor },
});
const at = (column: number, slot: number): Frontier => [[column, slot]] as unknown as Frontier;
/** `y` is known here and writes `k`, as all payloads here do. */
const knowsY: readonly Write[] = [
  putInstance({ ...blankInstance(epoch(1), y), phase: "preaccepted", value: payload(2), initPayload: payload(2), initDeps: deps() }),
  { kind: "index", id: keyFootprint(key("k")), record: { entries: [{ id: y, access: "write" }] } },
];
const preAccept: AcceptorRequest = { kind: "preAccept", epoch: epoch(1), id: x, payload: payload(1), deps: deps() };
const accept = (counter: number, replica: number, value: Payload | "nop" = payload(1), chosen: Deps = deps()): AcceptorRequest => ({
  kind: "accept",
  epoch: epoch(1),
  id: x,
  ballot: ballot(counter, replica),
  value,
  deps: chosen,
});
const recover = (counter: number, replica: number): AcceptorRequest => ({
  kind: "recover",
  epoch: epoch(1),
  id: x,
  ballot: ballot(counter, replica),
});
const validate = (counter: number, replica: number, initDeps: Deps = deps()): AcceptorRequest => ({
  kind: "validate",
  epoch: epoch(1),
  id: x,
  ballot: ballot(counter, replica),
  payload: payload(1),
  deps: initDeps,
});
const commit = (value: Payload | "nop", chosen: Deps = deps()): AcceptorRequest => ({
  kind: "commit",
  epoch: epoch(1),
  id: x,
  value,
  deps: chosen,
});
const nack = (counter: number, replica: number): AcceptorReply => ({ kind: "nack", id: x, ballot: ballot(counter, replica) });
const committed = { kind: "committed", id: x, value: payload(1), deps: deps(y) } as const;
const isCommitted: Partial<InstanceRecord> = { ...preaccepted, phase: "committed" };

describe("the acceptor", () => {
  const cases: readonly {
    readonly name: string;
    readonly before?: readonly Write[];
    readonly known?: Partial<InstanceRecord>;
    readonly request: AcceptorRequest;
    readonly reply: Partial<AcceptorReply>;
    /** Fields of the record afterwards; null: nothing was written. */
    readonly after: Partial<InstanceRecord> | null;
  }[] = [
    { name: "step 8: counter 0 is no ballot to recover at", request: recover(0, 3), reply: nack(0, 1), after: null },
    { name: "step 8: counter 0 is the owner's", request: accept(0, 2), reply: nack(0, 1), after: null },
    { name: "step 8: a ballot of no voter", request: recover(1, 9), reply: nack(0, 1), after: null },
    {
      name: "step 8: a ballot of another epoch",
      request: { ...recover(1, 2), ballot: ballot(1, 2, 2) } as AcceptorRequest,
      reply: nack(0, 1),
      after: null,
    },
    { name: "step 8: a counter too far ahead", request: recover(limits.ballotJumpMax + 1, 2), reply: nack(0, 1), after: null },
    {
      name: "step 8: a counter just within the bound",
      request: recover(limits.ballotJumpMax, 2),
      reply: { kind: "recoverOk" },
      after: { ballot: ballot(limits.ballotJumpMax, 2) },
    },
    { name: "step 12: a recovery was promised", known: { ballot: ballot(1, 2) }, request: preAccept, reply: nack(1, 2), after: null },
    { name: "step 12: accepted", known: { ...preaccepted, phase: "accepted" }, request: preAccept, reply: nack(0, 1), after: null },
    { name: "step 12: committed", known: isCommitted, request: preAccept, reply: committed, after: null },
    {
      name: "step 13: the recorded dependencies again",
      known: preaccepted,
      request: preAccept,
      reply: { kind: "preAcceptOk", id: x, deps: deps(y) },
      after: null,
    },
    {
      name: "step 13: another payload under one id",
      known: preaccepted,
      request: { ...preAccept, payload: payload(9) } as AcceptorRequest,
      reply: nack(0, 1),
      after: null,
    },
    {
      name: "steps 14 and 15: every conflict known here",
      before: knowsY,
      request: preAccept,
      reply: { kind: "preAcceptOk", id: x, deps: deps(y) },
      after: { phase: "preaccepted", deps: deps(y), initDeps: deps(), value: payload(1), initPayload: payload(1) },
    },
    {
      name: "step 14: nothing below the owner's floor is listed",
      before: knowsY,
      request: { ...preAccept, deps: { floor: at(2, 1), explicit: [] } } as AcceptorRequest,
      reply: { kind: "preAcceptOk", id: x, deps: { floor: at(2, 1), explicit: [] } },
      after: { deps: { floor: at(2, 1), explicit: [] } },
    },
    {
      name: "step 14: later slots of the owner count too",
      before: [
        putInstance({ ...blankInstance(epoch(1), id(1, 2)), phase: "preaccepted" }),
        { kind: "index", id: keyFootprint(key("k")), record: { entries: [{ id: id(1, 2), access: "write" }] } },
      ],
      request: preAccept,
      reply: { kind: "preAcceptOk", id: x, deps: deps(id(1, 2)) },
      after: { initDeps: deps() },
    },
    { name: "step 21: committed", known: isCommitted, request: accept(5, 2, "nop"), reply: committed, after: null },
    { name: "step 22: a higher ballot was joined", known: { ballot: ballot(2, 2) }, request: accept(1, 3), reply: nack(2, 2), after: null },
    {
      name: "step 22: the same once more",
      known: { phase: "accepted", ballot: ballot(1, 3), acceptedBallot: ballot(1, 3), value: "nop" },
      request: accept(1, 3, "nop"),
      reply: { kind: "acceptOk" },
      after: null,
    },
    {
      name: "step 22: another value at the same ballot",
      known: { phase: "accepted", ballot: ballot(1, 3), acceptedBallot: ballot(1, 3), value: "nop" },
      request: accept(1, 3),
      reply: nack(1, 3),
      after: null,
    },
    {
      name: "step 23: both ballots move",
      known: { ...preaccepted, ballot: ballot(1, 3) },
      request: accept(2, 2, payload(1), deps(y)),
      reply: { kind: "acceptOk", id: x, ballot: ballot(2, 2) },
      after: { phase: "accepted", ballot: ballot(2, 2), acceptedBallot: ballot(2, 2), deps: deps(y), initDeps: deps() },
    },
    {
      name: "step 23: Nop replaces a value of a lower ballot, and keeps what was initial",
      known: preaccepted,
      request: accept(1, 2, "nop", deps(y)),
      reply: { kind: "acceptOk" },
      after: { value: "nop", deps: deps(), initPayload: payload(1), initDeps: deps() },
    },
    {
      name: "step 23: the initial values are not set by a recovery",
      request: accept(1, 2),
      reply: { kind: "acceptOk" },
      after: { initPayload: null, initDeps: null, value: payload(1) },
    },
    {
      name: "step 25: at any ballot",
      known: { phase: "accepted", ballot: ballot(7, 2), acceptedBallot: ballot(7, 2), value: "nop" },
      request: commit(payload(1), deps(y)),
      reply: { kind: "ok" },
      after: { phase: "committed", value: payload(1), deps: deps(y), ballot: ballot(7, 2), acceptedBallot: ballot(7, 2) },
    },
    {
      name: "step 25: without a pre-accept before it",
      request: commit(payload(1)),
      reply: { kind: "ok" },
      after: { phase: "committed", path: null },
    },
    { name: "step 26: once more", known: isCommitted, request: commit(payload(1), deps(y)), reply: { kind: "ok" }, after: null },
    {
      name: "step 27: executed in a snapshot",
      before: [progress(at(1, 1))],
      request: commit(payload(1)),
      reply: { kind: "ok" },
      after: null,
    },
    {
      name: "step 29: joins, and tells when it accepted",
      known: { phase: "accepted", ballot: ballot(1, 2), acceptedBallot: ballot(1, 2), value: "nop" },
      request: recover(2, 3),
      reply: { kind: "recoverOk", ballot: ballot(2, 3), acceptedBallot: ballot(1, 2), phase: "accepted" },
      after: { ballot: ballot(2, 3), acceptedBallot: ballot(1, 2), phase: "accepted" },
    },
    {
      name: "step 29: a higher ballot was joined",
      known: { ballot: ballot(2, 2) },
      request: recover(1, 3),
      reply: nack(2, 2),
      after: null,
    },
    {
      name: "step 29: replicas order equal counters",
      known: { ballot: ballot(1, 2) },
      request: recover(1, 3),
      reply: { kind: "recoverOk" },
      after: { ballot: ballot(1, 3) },
    },
    {
      name: "step 29: an unknown id is promised too",
      request: recover(1, 3),
      reply: { kind: "recoverOk", phase: "initial", value: null },
      after: { phase: "initial" },
    },
    {
      name: "step 30: the same ballot again",
      known: { ...preaccepted, ballot: ballot(1, 3) },
      request: recover(1, 3),
      reply: { kind: "recoverOk", phase: "preaccepted" },
      after: null,
    },
    {
      name: "step 30: not once something was accepted at it",
      known: { phase: "accepted", value: "nop", ballot: ballot(1, 3), acceptedBallot: ballot(1, 3) },
      request: recover(1, 3),
      reply: nack(1, 3),
      after: null,
    },
    { name: "step 37: below the ballot", request: validate(1, 2), reply: nack(0, 1), after: null },
    { name: "step 37: above the ballot", known: { ballot: ballot(2, 2) }, request: validate(1, 2), reply: nack(2, 2), after: null },
    {
      name: "step 37: other initial dependencies",
      known: { ...preaccepted, ballot: ballot(1, 2) },
      request: validate(1, 2, deps(y)),
      reply: nack(1, 2),
      after: null,
    },
    {
      name: "steps 38 and 39: names the conflict, registers, leaves the phase",
      before: knowsY,
      known: { ballot: ballot(1, 2) },
      request: validate(1, 2),
      reply: { kind: "validateOk", conflicts: [{ id: y, committed: false }] },
      after: { phase: "initial", value: null, initPayload: payload(1), initDeps: deps(), acceptedBallot: ballot(0, 1) },
    },
    {
      name: "step 38: not what it depends on",
      before: knowsY,
      known: { ballot: ballot(1, 2) },
      request: validate(1, 2, deps(y)),
      reply: { kind: "validateOk", conflicts: [] },
      after: {},
    },
    {
      name: "step 45: the highest count is kept",
      known: { waitingCount: 1 },
      request: { kind: "waiting", epoch: epoch(1), id: x, count: 2 },
      reply: { kind: "ok" },
      after: { waitingCount: 2 },
    },
    {
      name: "step 45: an older one is not",
      known: { waitingCount: 2 },
      request: { kind: "waiting", epoch: epoch(1), id: x, count: 1 },
      reply: { kind: "ok" },
      after: null,
    },
  ];
  for (const { name, before = [], known, request, reply, after } of cases) {
    test(name, () => {
      const view = testView([
        ...voterRecords(self, [link(1, [1, 2, 3])]),
        ...before,
        ...(known === undefined ? [] : [putInstance(record(known))]),
      ]);
      const step = stepAcceptor(view, request);
      assert.deepEqual({ ...step.reply, ...reply }, step.reply);
      if (after === null) return assert.deepEqual(step.writes, []);
      view.apply(step.writes);
      const now = getInstance(view, x);
      assert.deepEqual({ ...now, ...after }, now);
    });
  }

  test("step 26: another value for a committed instance is a contradiction", () => {
    for (const request of [commit("nop"), commit(payload(2), deps(y)), commit(payload(1), deps())]) {
      const view = testView([...voterRecords(self, [link(1, [1, 2, 3])]), putInstance(record(isCommitted))]);
      assert.throws(() => stepAcceptor(view, request), Contradiction);
    }
  });

  describe("step 38: what may be committed without seeing the other", () => {
    const cases: readonly { name: string; other: Partial<InstanceRecord>; conflicts: readonly object[] }[] = [
      {
        name: "committed, without it",
        other: { phase: "committed", value: payload(2), deps: deps() },
        conflicts: [{ id: y, committed: true }],
      },
      { name: "committed, with it", other: { phase: "committed", value: payload(2), deps: deps(x) }, conflicts: [] },
      { name: "committed Nop", other: { phase: "committed", value: "nop", deps: deps() }, conflicts: [] },
      {
        name: "accepted Nop, may still be a value",
        other: { phase: "accepted", value: "nop", initPayload: payload(2), initDeps: deps() },
        conflicts: [{ id: y, committed: false }],
      },
      {
        name: "initially with it",
        other: { phase: "preaccepted", deps: deps(x), initPayload: payload(2), initDeps: deps(x) },
        conflicts: [],
      },
      {
        name: "with it by this replica's vote only",
        other: { phase: "preaccepted", deps: deps(x), initPayload: payload(2), initDeps: deps() },
        conflicts: [{ id: y, committed: false }],
      },
      { name: "accepted only, initial values unknown", other: { phase: "accepted", value: payload(2), deps: deps() }, conflicts: [] },
      {
        name: "with it by its floor",
        other: { phase: "committed", value: payload(2), deps: { floor: at(1, 1), explicit: [] } },
        conflicts: [],
      },
    ];
    for (const { name, other, conflicts } of cases) {
      test(name, () => {
        const view = testView([
          ...voterRecords(self, [link(1, [1, 2, 3])]),
          ...knowsY,
          putInstance({ ...blankInstance(epoch(1), y), ...other }),
          putInstance(record({ ballot: ballot(1, 2) })),
        ]);
        assert.deepEqual(stepAcceptor(view, validate(1, 2)).reply, { kind: "validateOk", id: x, ballot: ballot(1, 2), conflicts });
      });
    }
  });
});
