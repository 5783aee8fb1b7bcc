import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Members } from "../../protocol/types.ts";
import { accept, Refusal } from "../../workflows/accept.ts";
import { adopt, learnIdOf, nextStep, nextVoters, phaseOf, unfinished, waitingOf } from "../../workflows/plan.ts";
import type { ClusterView, Desired } from "../../workflows/state.ts";

const url = (id: number) => ({ name: `dc-${id}`, peerUrl: `http://h${id}:1`, apiUrl: `http://h${id}:2` });
type Change = Partial<{ id: number; voter: boolean; incarnation: string | null; leaving: boolean }>;
const member = (id: number, change: Change = {}) => ({ ...url(id), id, voter: true, incarnation: `s${id}`, leaving: false, ...change });

function view(voters: readonly number[], members: readonly ReturnType<typeof member>[], coordinator = 1): ClusterView {
  const peers = members.map((m) => ({ id: m.id, reachable: m.id !== 2, lag: 0 }));
  return {
    clusterId: "c",
    self: 1,
    epoch: 4,
    voters,
    members: { coordinator, nextId: 90, members, removed: [] } as unknown as Members,
    peers,
  };
}

const NONE: Desired = { generation: 0, wanted: [], after: [], nextTicket: 1, settledTickets: [] };
const settled = (v: ClusterView) => adopt(NONE, v, 7);

describe("next step of a wanted replica", () => {
  const learnt = { "4": learnIdOf(member(4) as never) };
  const cases: { name: string; voters: number[]; it: Change; learned: Record<string, string>; want?: boolean; step: string | null }[] = [
    { name: "its store is not known: health check", voters: [1], it: { incarnation: null }, learned: {}, step: "check" },
    { name: "it has not learned", voters: [1], it: {}, learned: {}, step: "learn" },
    { name: "it learned with a store that is gone", voters: [1], it: { incarnation: "other" }, learned: learnt, step: "learn" },
    { name: "it has learned: it shall vote", voters: [1], it: {}, learned: learnt, step: "promote" },
    { name: "a learner has learned: nothing", voters: [1], it: { voter: false }, learned: learnt, want: false, step: null },
    { name: "it votes: nothing", voters: [1, 4], it: {}, learned: {}, step: null },
    { name: "it votes and shall not: first its record", voters: [1, 4], it: {}, learned: {}, want: false, step: "update" },
    { name: "it votes and shall not", voters: [1, 4], it: { voter: false }, learned: {}, want: false, step: "demote" },
    { name: "it was leaving and is wanted again", voters: [1, 4], it: { leaving: true }, learned: {}, step: "update" },
  ];
  for (const { name, voters, it, learned, want, step } of cases) {
    test(name, () => {
      const now = view(voters, [member(1), member(4, it)]);
      const wanted = [1, 4].map((id) => ({ ticket: `r${id}`, id, ...url(id), voter: id === 1 ? true : (want ?? true) }));
      assert.equal(nextStep({ desired: { ...NONE, wanted }, learned, view: now }, "r4")?.kind ?? null, step);
    });
  }
});

describe("next step of a replica that shall go", () => {
  test("marked, then no voter, then gone", () => {
    const steps = [
      view([1, 2], [member(1), member(2)]),
      view([1, 2], [member(1), member(2, { leaving: true })]),
      view([1], [member(1), member(2, { leaving: true })]),
    ].map(
      (now) =>
        nextStep({ desired: { ...NONE, wanted: [{ ticket: "r1", id: 1, ...url(1), voter: true }] }, learned: {}, view: now }, "x2")?.kind,
    );
    assert.deepEqual(steps, ["markLeaving", "demote", "drop"]);
  });

  test("it waits for those who come in its stead, but with every seat taken it makes room", () => {
    const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    for (const [voters, expected] of [
      [ids.slice(0, 8), "wait"],
      [ids, "demote"],
    ] as const) {
      const members = [...voters.map((id) => member(id, { leaving: id === 3 })), member(20)];
      const now = view(voters, members);
      const { desired } = accept(
        settled(
          view(
            voters,
            members.slice(0, -1).map((m) => ({ ...m, leaving: false })),
          ),
        ),
        now,
        0,
        "replaceReplica",
        { id: 3, by: url(20) },
      );
      const wanted = desired.wanted.map((w) => (w.name === "dc-20" ? { ...w, id: 20 } : w));
      const learned = { "20": learnIdOf(member(20) as never) };
      assert.equal(nextStep({ desired: { ...desired, wanted }, learned, view: now }, "x3")?.kind, expected);
    }
  });

  test("the coordinator's own datacenter hands over to a voter that is heard from", () => {
    const now = view([1, 2, 3], [member(1, { leaving: true }), member(2), member(3)]);
    const desired = { ...NONE, wanted: [2, 3].map((id) => ({ ticket: `r${id}`, id, ...url(id), voter: true })) };
    assert.deepEqual(nextStep({ desired, learned: {}, view: now }, "x1"), { kind: "handOver", id: 1, to: 3 });
  });
});

test("a coordinator that starts anew has only unfinished business to do", () => {
  const now = view([1, 2, 3], [member(1), member(2), member(3, { leaving: true }), member(4, { incarnation: null })]);
  assert.deepEqual(unfinished({ desired: settled(now), learned: {}, view: now }), ["r4", "x3"]);
});

describe("the voters of the next epoch", () => {
  const cases: [number[], number[], number[], number[] | null][] = [
    [[1, 2, 3], [5, 4], [], [1, 2, 3, 4, 5]],
    [[1, 2, 3], [4], [3], [1, 2, 4]],
    [[1], [], [1], null],
    [[1, 2], [2], [], null],
    [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10], [], [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9], [10], [], null],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9], [10], [1], [2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ];
  for (const [voters, coming, going, expected] of cases) {
    test(`${voters} + ${coming} - ${going}`, () => assert.deepEqual(nextVoters(voters, coming, going), expected));
  }
});

describe("what is refused", () => {
  const now = view([1, 2], [member(1), member(2)]);
  const cases: [string, Parameters<typeof accept>[3], unknown, RegExp][] = [
    ["a name that is taken", "addReplica", { ...url(3), name: "dc-2" }, /two replicas would have the name dc-2/],
    ["an address that is taken", "addReplica", { ...url(3), peerUrl: "http://h2:1/" }, /two replicas would have the peerUrl/],
    ["no URL", "addReplica", { name: "x", peerUrl: "h3:1", apiUrl: "http://h3:2" }, /peerUrl must be an http or https URL/],
    ["a URL with credentials", "addReplica", { ...url(3), peerUrl: "http://user:pw@h3:1" }, /peerUrl must be/],
    ["an unknown id", "removeReplica", { id: 9 }, /replica 9 is not a member/],
    ["an id that is none", "removeReplica", { id: "2" }, /id must be a whole number/],
    ["no voter left", "setReplicas", { replicas: [{ ...url(1), voter: false }] }, /at least one voter/],
    ["too many voters", "setReplicas", { replicas: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(url) }, /at most 9 replicas can vote/],
    [
      "an outdated generation",
      "setReplicas",
      { replicas: [url(1)], expectedGeneration: 6 },
      /expectedGeneration is 6, the generation is 7/,
    ],
    ["a cancel of what is done", "cancelReconfiguration", { generation: 7 }, /nothing to cancel/],
    ["nothing at all", "addReplica", null, /must be an object/],
  ];
  for (const [name, change, argument, message] of cases) {
    test(name, () =>
      assert.throws(
        () => accept(settled(now), now, 7, change, argument),
        (error) => error instanceof Refusal && message.test(error.message),
      ),
    );
  }

  test("a replacement may have the name and address of the one it replaces", () => {
    const { desired } = accept(settled(now), now, 7, "replaceReplica", { id: 2, by: url(2) });
    assert.deepEqual(desired.after, [{ id: 2, tickets: ["n1"] }]);
  });
});

test("the phase is that of whoever has come furthest", () => {
  assert.equal(phaseOf([], false), "settled");
  assert.equal(phaseOf([{ kind: "check" }], false), "checking");
  assert.equal(phaseOf([{ kind: "check" }, { kind: "learn", id: 4 }], false), "learning");
  assert.equal(phaseOf([{ kind: "check" }], true), "freezing");
});

test("what waits goes over to the next coordinator: newcomers, and who waits for them", () => {
  const three = view([1, 2, 3], [member(1), member(2), member(3)]);
  const asked = [
    ["addReplica", url(8)],
    ["addReplica", url(9)],
    ["replaceReplica", { id: 2, by: url(10) }],
  ] as const;
  let desired = settled(three);
  for (const [name, argument] of asked) ({ desired } = accept(desired, three, 7, name, argument));
  // 9 was admitted before its coordinator was lost; 2 was marked as leaving.
  const now = view([1, 2, 3], [member(1), member(2, { leaving: true }), member(3), member(9)], 3);
  const next = adopt(NONE, now, 100, waitingOf(desired));
  assert.deepEqual(
    next.wanted.map(({ name, id, ticket }) => [name, id, ticket]),
    [
      ["dc-1", 1, "r1"],
      ["dc-3", 3, "r3"],
      ["dc-9", 9, "r9"],
      ["dc-8", null, "n1"],
      ["dc-10", null, "n2"],
    ],
  );
  assert.deepEqual(next.after, [{ id: 2, tickets: ["n2"] }]);
  assert.deepEqual([next.generation, next.nextTicket], [100, 3]);
  assert.deepEqual(waitingOf(settled(three)), { wanted: [], after: [] });
});
