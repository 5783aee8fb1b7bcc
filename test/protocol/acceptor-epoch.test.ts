/** Who may answer: steps 2 to 7 of spec/PROPOSAL.md, and the reads of steps 58 and 59. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readIndex, selfAccept, startRecovery, stepAcceptor, submit } from "../../protocol/acceptor.ts";
import { Contradiction } from "../../protocol/assert.ts";
import { keyFootprint } from "../../protocol/conflict.ts";
import { replicaId } from "../../protocol/ids.ts";
import { blankInstance, getInstance, putInstance } from "../../protocol/instance.ts";
import type { AcceptorRequest } from "../../protocol/messages.ts";
import type { Access, Frontier, InstanceId, InstanceRecord, ReplicaState, Settled, Value, Write } from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { id, key } from "./arbitrary.ts";
import { ballot, deps, epoch, link, payload, voterRecords } from "./voters.ts";

const x = id(1, 3);
const footprint = keyFootprint(key("k"));
const listed = (...ids: readonly InstanceId[]): Settled => ({ frontier: [], listed: ids });
const at = (column: number, slot: number): Frontier => [[column, slot]] as unknown as Frontier;
const progress = (executed: Frontier, globalFloor: Frontier = []): Write => ({
  kind: "progress",
  id: "",
  record: { executed, globalFloor },
});
const put = (of: InstanceId, changes: Partial<InstanceRecord>): Write => putInstance({ ...blankInstance(epoch(1), of), ...changes });
const index = (...entries: readonly (readonly [InstanceId, Access])[]): Write => ({
  kind: "index",
  id: footprint,
  record: { entries: entries.map(([each, access]) => ({ id: each, access })) },
});

type Situation = {
  readonly links?: readonly ReturnType<typeof link>[];
  readonly state?: Partial<ReplicaState>;
  readonly writes?: readonly Write[];
  readonly self?: number;
};
const one = link(1, [1, 2, 3]);
const replica = ({ links = [one], state = {}, writes = [], self = 3 }: Situation): TestView =>
  testView([...voterRecords(self, links, state), ...writes]);

const requests = (inEpoch: number, of: InstanceId = x, value: Value = payload(1)) =>
  ({
    preAccept: { kind: "preAccept", epoch: epoch(inEpoch), id: of, payload: payload(1), deps: deps() },
    accept: { kind: "accept", epoch: epoch(inEpoch), id: of, ballot: ballot(1, 2, inEpoch), value, deps: deps() },
    recover: { kind: "recover", epoch: epoch(inEpoch), id: of, ballot: ballot(1, 2, inEpoch) },
    validate: { kind: "validate", epoch: epoch(inEpoch), id: of, ballot: ballot(1, 2, inEpoch), payload: payload(1), deps: deps() },
    commit: { kind: "commit", epoch: epoch(inEpoch), id: of, value, deps: deps() },
    waiting: { kind: "waiting", epoch: epoch(inEpoch), id: of, count: 1 },
  }) as const satisfies Record<string, AcceptorRequest>;
type Kind = keyof ReturnType<typeof requests>;

function answers(situation: Situation, inEpoch = 1, of: InstanceId = x, value: Value = payload(1)): Record<Kind, string> {
  const all = requests(inEpoch, of, value);
  const entries = (Object.keys(all) as Kind[]).map((kind) => {
    const view = replica(situation);
    if (kind === "validate") view.run(stepAcceptor(view, all.recover));
    const { reply, writes } = stepAcceptor(view, all[kind]);
    const nop = reply.kind === "committed" && reply.value === "nop" ? " nop" : "";
    return [kind, `${reply.kind}${nop}${writes.length > 0 ? " written" : ""}`] as const;
  });
  return Object.fromEntries(entries) as Record<Kind, string>;
}
const every = (vote: string, more: Partial<Record<Kind, string>> = {}): Record<Kind, string> => ({
  preAccept: vote,
  accept: vote,
  recover: vote,
  validate: vote,
  commit: "ok written",
  waiting: "ok",
  ...more,
});
const open: Record<Kind, string> = {
  preAccept: "preAcceptOk written",
  accept: "acceptOk written",
  recover: "recoverOk written",
  validate: "validateOk written",
  commit: "ok written",
  waiting: "ok written",
};
const done: Write = put(x, { phase: "committed", value: payload(1), deps: deps() });
const two = (settled: Settled) => [one, link(2, [1, 2, 3], settled)];

describe("who may answer", () => {
  const cases: readonly { name: string; situation: Situation; inEpoch?: number; value?: Value; expected: Record<Kind, string> }[] = [
    { name: "a voter in its epoch", situation: {}, expected: open },
    {
      name: "step 2: below the global floor",
      situation: { writes: [progress(at(1, 9), at(1, 3))] },
      expected: every("settled", { commit: "ok" }),
    },
    {
      name: "step 2: in any epoch",
      situation: { writes: [progress(at(1, 9), at(1, 3))] },
      inEpoch: 7,
      expected: every("settled", { commit: "ok" }),
    },
    {
      name: "step 3: an earlier epoch, committed",
      situation: { links: two(listed(x)), state: { epoch: epoch(2) }, writes: [done] },
      expected: every("committed", { commit: "ok" }),
    },
    {
      name: "step 3: committed in a later epoch than the one asked about",
      situation: {
        links: two(listed(id(1, 2))),
        state: { epoch: epoch(2) },
        writes: [put(x, { epoch: epoch(2), phase: "committed", value: payload(1), deps: deps() })],
      },
      expected: every("staleEpoch", { commit: "ok" }),
    },
    {
      name: "step 3: a commit from ahead is told to nobody in this epoch",
      situation: { writes: [put(x, { epoch: epoch(2), phase: "committed", value: payload(1), deps: deps() })] },
      expected: every("frozen", { commit: "ok" }),
    },
    {
      name: "step 3: an earlier epoch, in K, not here",
      situation: { links: two(listed(x)), state: { epoch: epoch(2) } },
      expected: every("staleEpoch"),
    },
    {
      name: "step 3: an earlier epoch, outside K: known to be of it",
      situation: { links: two(listed(id(1, 2))), state: { epoch: epoch(2) }, writes: [put(x, { phase: "preaccepted" })] },
      value: "nop",
      expected: every("committed nop", { preAccept: "staleEpoch" }),
    },
    {
      name: "step 3: outside K, and only promised to a recovery: that shows no epoch",
      situation: { links: two(listed(id(1, 2))), state: { epoch: epoch(2) }, writes: [put(x, { phase: "initial", ballot: ballot(1, 3) })] },
      value: "nop",
      expected: every("staleEpoch", { commit: "ok written" }),
    },
    {
      name: "step 3: outside K, below its boundary",
      situation: { links: two(listed(id(1, 2), id(1, 4))), state: { epoch: epoch(2) } },
      value: "nop",
      expected: every("committed nop", { preAccept: "staleEpoch" }),
    },
    {
      name: "step 3: above the boundary: perhaps an instance of the epoch after",
      situation: { links: two(listed(id(1, 2))), state: { epoch: epoch(2) } },
      value: "nop",
      expected: every("staleEpoch", { commit: "ok written" }),
    },
    {
      name: "step 3: outside K of the epoch asked about, in K of a later one",
      situation: { links: [...two(listed(id(1, 2))), link(3, [1, 2, 3], { frontier: at(1, 5), listed: [] })], state: { epoch: epoch(3) } },
      value: "nop",
      expected: every("staleEpoch", { commit: "ok written" }),
    },
    { name: "step 4: a later epoch", situation: {}, inEpoch: 2, expected: every("notVoting") },
    {
      name: "step 4: a later epoch, though committed here",
      situation: { writes: [done] },
      inEpoch: 2,
      expected: every("notVoting", { commit: "ok" }),
    },
    { name: "step 5: no voter", situation: { self: 4 }, expected: every("notVoting") },
    {
      name: "step 5: a learner that has activated nothing",
      situation: { self: 4, state: { epoch: epoch(0) } },
      expected: every("notVoting"),
    },
    {
      name: "step 6: of K before, not here: no vote",
      situation: { links: two(listed(x)), state: { epoch: epoch(2) } },
      inEpoch: 2,
      expected: every("notVoting"),
    },
    {
      name: "step 6: of K before, executed in a snapshot",
      situation: { links: two(listed(x)), state: { epoch: epoch(2) }, writes: [progress(at(1, 3))] },
      inEpoch: 2,
      expected: every("notVoting", { commit: "ok" }),
    },
    {
      name: "step 6: below the boundary, outside K",
      situation: { links: two(listed(id(1, 4))), state: { epoch: epoch(2) } },
      inEpoch: 2,
      value: "nop",
      expected: every("committed nop"),
    },
    {
      name: "step 6: left behind undecided above the boundary: as absent",
      situation: {
        links: two(listed(id(1, 2))),
        state: { epoch: epoch(2) },
        writes: [
          put(x, {
            phase: "accepted",
            ballot: ballot(9, 1),
            acceptedBallot: ballot(9, 1),
            value: payload(7),
            initPayload: payload(7),
            initDeps: deps(),
          }),
        ],
      },
      inEpoch: 2,
      expected: open,
    },
    {
      name: "step 7: frozen, Rep not fixed",
      situation: { state: { frozen: true } },
      expected: { ...open, preAccept: "frozen", accept: "frozen", recover: "frozen", validate: "frozen" },
    },
    {
      name: "step 7: frozen, in Rep",
      situation: { state: { frozen: true, reported: listed(x) } },
      expected: { ...open, preAccept: "frozen" },
    },
    {
      name: "step 7: frozen, not in Rep",
      situation: { state: { frozen: true, reported: listed(id(2, 2)) } },
      expected: { ...open, preAccept: "frozen", accept: "frozen", recover: "frozen", validate: "frozen" },
    },
    {
      name: "step 7: Nop may be accepted until K is known",
      situation: { state: { frozen: true } },
      value: "nop",
      expected: { ...open, preAccept: "frozen", recover: "frozen", validate: "frozen" },
    },
    {
      name: "step 7: closed, in K though not in Rep",
      situation: { links: two(listed(x)), state: { frozen: true, reported: listed() } },
      expected: { ...open, preAccept: "frozen" },
    },
    {
      name: "steps 6 and 7: closed, in Rep but not in K",
      situation: { links: two(listed(id(1, 2))), state: { reported: listed(x) }, writes: [put(x, { phase: "preaccepted" })] },
      value: "nop",
      expected: every("committed nop", { preAccept: "frozen" }),
    },
    {
      name: "step 7: closed, above the boundary of K: perhaps an instance of the epoch after",
      situation: { links: two(listed(id(1, 2))) },
      value: "nop",
      expected: every("frozen", { commit: "ok written", waiting: "ok" }),
    },
  ];
  for (const { name, situation, inEpoch = 1, value = payload(1), expected } of cases) {
    test(name, () => assert.deepEqual(answers(situation, inEpoch, x, value), expected));
  }

  test("a replica without identity", () => {
    for (const request of Object.values(requests(1))) {
      assert.deepEqual(stepAcceptor(testView(), request), { reply: { kind: "notVoting", epoch: 0, status: "joining" }, writes: [] });
    }
  });

  test("step 3: the sender gets the links that it lacks, and no others", () => {
    const links = [...two(listed(x)), link(3, [1, 2, 3], listed(x))];
    const view = replica({ links, state: { epoch: epoch(3) } });
    assert.deepEqual(stepAcceptor(view, requests(2, id(2, 9)).preAccept).reply, { kind: "staleEpoch", links: [links[2]] });
  });

  test("step 6: a commit of what K leaves out is a contradiction", () => {
    const view = replica({ links: two(listed(id(1, 2))), state: { epoch: epoch(2) } });
    assert.throws(() => stepAcceptor(view, requests(1).commit), Contradiction);
  });

  test("steps 5 and 7: what begins something new", () => {
    const begins = (situation: Situation) => {
      const view = replica(situation);
      return [
        submit(view, { id: id(3, 1), payload: payload(1) }).reply.kind,
        readIndex(view, epoch(situation.state?.epoch ?? 1), [footprint]).reply.kind,
      ];
    };
    assert.deepEqual(begins({}), ["submitted", "readIndexOk"]);
    assert.deepEqual(begins({ state: { frozen: true } }), ["frozen", "frozen"]);
    assert.deepEqual(begins({ links: two(listed()) }), ["frozen", "frozen"]);
    assert.deepEqual(begins({ links: [link(1, [1, 2])] }), ["notVoting", "notVoting"]);
    assert.deepEqual(begins({ links: two(listed(id(3, 4))), state: { epoch: epoch(2) } }), ["slotTaken", "readIndexOk"]);
  });

  test("step 7: the owner's slow path is an Accept like any other", () => {
    const own = id(3, 1);
    const mine = put(own, { phase: "preaccepted", value: payload(1), initPayload: payload(1), initDeps: deps() });
    const ask = (situation: Situation) => selfAccept(replica({ ...situation, writes: [mine] }), { id: own, deps: deps() }).reply.kind;
    assert.equal(ask({ state: { frozen: true, reported: listed(own) } }), "accepted");
    assert.equal(ask({ state: { frozen: true, reported: null } }), "lost");
    assert.equal(ask({ links: two(listed()), state: { frozen: true, reported: listed(own) } }), "lost");
  });

  test("step 28: nobody recovers what an earlier epoch settled", () => {
    const start = (situation: Situation) => startRecovery(replica(situation), { id: x, self: replicaId(3), above: null }).reply;
    const state = { epoch: epoch(2) };
    assert.equal(start({ links: two(listed(x)), state }).kind, "notVoting");
    assert.deepEqual(start({ links: two(listed(id(1, 4))), state }), { kind: "committed", value: "nop", deps: deps() });
    assert.equal(start({ links: two(listed(x)), state, writes: [progress(at(1, 3))] }).kind, "settled");
    assert.equal(start({ writes: [progress(at(1, 3), at(1, 3))] }).kind, "settled");
    assert.deepEqual(start({ links: two(listed()), state: { epoch: epoch(2) } }), { kind: "started", ballot: ballot(1, 3, 2), epoch: 2 });
    // Above the boundary of K it may be an instance of the epoch after; one with a record of this epoch is none.
    assert.equal(start({ state: { frozen: true } }).kind, "frozen");
    assert.equal(start({ links: two(listed(id(1, 2))) }).kind, "frozen");
    assert.equal(start({ links: two(listed(id(1, 2))), writes: [put(x, { phase: "preaccepted" })] }).kind, "committed");
    assert.equal(start({ links: two(listed(x)) }).kind, "started");
    assert.equal(start({ state: { frozen: true, reported: listed(x) } }).kind, "started");
  });

  test("R7 of RECONFIGURE: epochs order, so ids of another one are no conflicts of Validate and no dependencies", () => {
    const [earlier, later] = [id(2, 1), id(2, 5)];
    const writes = [
      put(earlier, { phase: "committed", value: payload(2), deps: deps() }),
      put(later, { epoch: epoch(3), phase: "committed", value: payload(3), deps: deps() }),
      index([earlier, "write"], [later, "write"]),
    ];
    const view = replica({ links: two(listed(earlier)), state: { epoch: epoch(2) }, writes });
    view.run(stepAcceptor(view, requests(2).recover));
    const reply = stepAcceptor(view, requests(2).validate).reply;
    assert(reply.kind === "validateOk");
    assert.deepEqual(reply.conflicts, []);
    const ok = stepAcceptor(view, requests(2, id(1, 9)).preAccept).reply;
    assert.deepEqual(ok, { kind: "preAcceptOk", id: id(1, 9), deps: deps(later) });
  });
});

describe("steps 58 and 59: the ids that a read waits for", () => {
  const named = (writes: readonly Write[], inEpoch = 1) => readIndex(replica({ writes }), epoch(inEpoch), [footprint]).reply;
  const w = id(1, 1);
  const a = id(2, 1);

  test("writers and adders in whatever phase, no readers, no committed Nops", () => {
    const writes = [
      index([w, "write"], [id(1, 2), "read"], [id(1, 4), "write"], [a, "add"]),
      put(w, { phase: "preaccepted" }),
      put(id(1, 2), { phase: "committed", value: payload(1) }),
      put(id(1, 4), { phase: "committed", value: "nop" }),
      put(a, { phase: "accepted", value: "nop" }),
    ];
    assert.deepEqual(named(writes), { kind: "readIndexOk", ids: [w, a], hasAdders: true, globalFloor: [] });
  });

  test("nothing below the global floor", () => {
    const writes = [index([w, "write"], [a, "add"]), put(w, {}), progress(at(2, 1), at(2, 1))];
    assert.deepEqual(named(writes), { kind: "readIndexOk", ids: [w], hasAdders: false, globalFloor: at(2, 1) });
  });

  test("only in the reader's epoch", () => {
    assert.equal(named([], 2).kind, "notVoting");
    const view = replica({ links: two(listed()), state: { epoch: epoch(2) } });
    assert.equal(readIndex(view, epoch(1), [footprint]).reply.kind, "staleEpoch");
    assert.equal(readIndex(view, epoch(2), [footprint]).reply.kind, "readIndexOk");
  });

  test("what the end of an epoch made Nop is not waited for", () => {
    const view = replica({
      links: two(listed()),
      state: { epoch: epoch(2) },
      writes: [index([w, "write"]), put(w, { phase: "preaccepted" })],
    });
    assert.deepEqual(readIndex(view, epoch(2), [footprint]).reply, { kind: "readIndexOk", ids: [], hasAdders: false, globalFloor: [] });
    assert.equal(getInstance(view, w)?.phase, "preaccepted");
  });
});
