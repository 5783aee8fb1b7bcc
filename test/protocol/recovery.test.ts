/** Rules a to j of a recovery, steps 31 to 50 of spec/PROPOSAL.md. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { replicaId } from "../../protocol/ids.ts";
import { blankInstance } from "../../protocol/instance.ts";
import type { PeerReplyOf } from "../../protocol/messages.ts";
import { thresholds } from "../../protocol/quorum.ts";
import { concludeRecover, concludeValidate, concludeWaiting, type Proposal } from "../../protocol/recovery.ts";
import type { Deps, InstanceRecord, ReplicaId, Value } from "../../protocol/types.ts";
import { id } from "./arbitrary.ts";
import { ballot, deps, epoch, NOP, payload } from "./voters.ts";

const x = id(1, 1);
const y = id(2, 1);
const z = id(3, 1);
type Ok = PeerReplyOf<"recoverOk">;

const reply = (changes: Partial<Ok>): Ok => ({ ...blankInstance(epoch(1), x), kind: "recoverOk", ballot: ballot(9, 3), ...changes });
const initial = reply({});
const agreed = reply({ phase: "preaccepted", value: payload(1), initPayload: payload(1), initDeps: deps() });
const differs = reply({ ...agreed, deps: deps(y) });
/** Nothing but the initial values, from a Validate of an earlier ballot. */
const validated = reply({ initPayload: payload(1), initDeps: deps() });
const accepted = (counter: number, value: Value, chosen: Deps = deps()): Ok =>
  reply({ phase: "accepted", acceptedBallot: ballot(counter, 2), value, deps: chosen });
const value = (chosen: Deps = deps()): Proposal => ({ kind: "accept", value: payload(1), deps: chosen });
const repliesOf = (list: Readonly<Record<number, Ok>>) => new Map(Object.entries(list).map(([from, ok]) => [replicaId(Number(from)), ok]));

describe("rules a to e", () => {
  const validate = (count: number) => ({ kind: "validate", payload: payload(1), deps: deps(), count });
  const cases: readonly { name: string; n: number; replies: Readonly<Record<number, Ok>>; expected: object }[] = [
    { name: "step 31: one of three", n: 3, replies: { 3: agreed }, expected: { kind: "wait" } },
    { name: "step 31: two of four", n: 4, replies: { 3: agreed, 4: agreed }, expected: { kind: "wait" } },
    {
      name: "step 32, a: committed, before anything accepted",
      n: 3,
      replies: { 2: accepted(8, "nop"), 3: reply({ ...agreed, phase: "committed", deps: deps(y) }) },
      expected: value(deps(y)),
    },
    { name: "step 33, b: accepted", n: 3, replies: { 2: initial, 3: accepted(0, payload(1), deps(y)) }, expected: value(deps(y)) },
    {
      name: "step 33, b: the latest vote",
      n: 5,
      replies: { 2: accepted(1, payload(1)), 3: accepted(3, "nop"), 4: accepted(2, payload(1)) },
      expected: NOP,
    },
    { name: "step 33, b: before the owner's say", n: 3, replies: { 1: agreed, 3: accepted(1, payload(1)) }, expected: value() },
    { name: "step 34, c: the owner is there", n: 3, replies: { 1: agreed, 2: agreed, 3: agreed }, expected: NOP },
    { name: "step 35, d: |Q|-e of three", n: 3, replies: { 2: initial, 3: agreed }, expected: validate(1) },
    { name: "step 35, d: |Q|-e of four", n: 4, replies: { 2: agreed, 3: initial, 4: agreed }, expected: validate(2) },
    { name: "step 35, d: |Q|-e of five, tight", n: 5, replies: { 3: initial, 4: agreed, 5: differs }, expected: validate(1) },
    {
      name: "step 35, d: counted against Q, which may be larger than n-f",
      n: 5,
      replies: { 2: initial, 3: initial, 4: agreed, 5: differs },
      expected: NOP,
    },
    { name: "step 36, e: too few for a fast quorum", n: 4, replies: { 2: initial, 3: initial, 4: agreed }, expected: NOP },
    { name: "step 36, e: seven", n: 7, replies: { 2: initial, 3: initial, 4: initial, 5: agreed }, expected: NOP },
    { name: "step 36, e: pre-accepted with more than the owner's", n: 3, replies: { 2: differs, 3: differs }, expected: NOP },
    { name: "step 36, e: known by Validate only", n: 3, replies: { 2: validated, 3: initial }, expected: NOP },
    { name: "step 36, e: nobody knows it", n: 5, replies: { 2: initial, 3: initial, 4: initial }, expected: NOP },
  ];
  for (const { name, n, replies, expected } of cases) {
    test(name, () => {
      const concluded = concludeRecover({ thresholds: thresholds(n), id: x, replies: repliesOf(replies) });
      const quorum = concluded.kind === "validate" ? { quorum: Object.keys(replies).map(Number) } : {};
      assert.deepEqual(concluded, { ...expected, ...quorum });
    });
  }

  test("replies of two ballots are never counted together", () => {
    const replies = repliesOf({ 2: initial, 3: reply({ ballot: ballot(8, 3) }) });
    assert.throws(() => concludeRecover({ thresholds: thresholds(3), id: x, replies }), /two ballots/);
  });
});

describe("rules f to i", () => {
  const ask = (
    n: number,
    count: number,
    conflicts: Readonly<Record<number, readonly { id: typeof x; committed: boolean }[]>>,
    quorum = [3, 4, 5],
  ) =>
    concludeValidate({
      thresholds: thresholds(n),
      id: x,
      payload: payload(1),
      deps: deps(),
      quorum: quorum.map(replicaId),
      count,
      conflicts: new Map(Object.entries(conflicts).map(([from, list]) => [replicaId(Number(from)), list])),
    });
  const open = (other: typeof x) => ({ id: other, committed: false });
  const cases: readonly { name: string; actual: ReturnType<typeof ask>; expected: object }[] = [
    { name: "step 40: one of Q is missing", actual: ask(5, 2, { 3: [], 4: [] }), expected: { kind: "incomplete" } },
    { name: "step 40: another one does not stand in for it", actual: ask(5, 2, { 2: [], 3: [], 4: [] }), expected: { kind: "incomplete" } },
    { name: "step 41, f: nothing speaks against it", actual: ask(5, 2, { 3: [], 4: [], 5: [] }), expected: value() },
    {
      name: "step 42, g: committed without it",
      actual: ask(5, 2, { 3: [], 4: [open(z)], 5: [{ id: z, committed: true }] }),
      expected: NOP,
    },
    { name: "step 43, h: just enough, and an owner outside", actual: ask(5, 1, { 3: [open(z)], 4: [], 5: [open(y)] }), expected: NOP },
    {
      name: "step 44, i: just enough, all owners inside",
      actual: ask(5, 1, { 3: [open(z)], 4: [], 5: [] }),
      expected: { kind: "waitFor", ids: [z] },
    },
    {
      name: "step 44, i: more than just enough",
      actual: ask(5, 2, { 3: [open(z)], 4: [open(y)], 5: [open(y)] }),
      expected: { kind: "waitFor", ids: [y, z] },
    },
    { name: "step 43, h: counted against Q", actual: ask(5, 2, { 3: [open(x)], 4: [open(y)], 5: [], 1: [] }, [1, 3, 4, 5]), expected: NOP },
  ];
  for (const { name, actual, expected } of cases) test(name, () => assert.deepEqual(actual, expected));
});

describe("rules j1 to j4", () => {
  const record = (changes: Partial<InstanceRecord>): InstanceRecord => ({ ...blankInstance(epoch(1), y), ...changes });
  const ask = (records: readonly (InstanceRecord | null)[], late: Readonly<Record<number, Ok>> = {}) => {
    const waitFor = [y, z].slice(0, records.length);
    return concludeWaiting({
      thresholds: thresholds(5),
      id: x,
      payload: payload(1),
      deps: deps(),
      quorum: [3, 4, 5].map(replicaId),
      count: 2,
      waitFor,
      conflicts: new Map(waitFor.map((each, i) => [each, records[i] ?? null])),
      late: new Map<ReplicaId, Ok>(repliesOf(late)),
    });
  };
  const wait = { kind: "wait" };
  const nop = record({ phase: "committed", value: "nop" });
  const without = record({ phase: "committed", value: payload(2), deps: deps() });
  const within = record({ phase: "committed", value: payload(2), deps: deps(x) });
  const floor = record({ phase: "committed", value: payload(2), deps: { floor: [[replicaId(1), 1 as never]], explicit: [] } });
  const cases: readonly { name: string; actual: object; expected: object }[] = [
    { name: "nothing known yet", actual: ask([null, record({})]), expected: wait },
    { name: "step 46, j1: one committed without it", actual: ask([record({}), without]), expected: NOP },
    { name: "step 46, j1: though another has it", actual: ask([within, without]), expected: NOP },
    { name: "step 47, j2: all committed, Nop or with it", actual: ask([nop, within]), expected: value() },
    { name: "step 47, j2: with it by the floor", actual: ask([floor]), expected: value() },
    {
      name: "step 47, j2: not while one is open",
      actual: ask([nop, record({ phase: "accepted", value: payload(2), deps: deps(x) })]),
      expected: wait,
    },
    { name: "step 47, j2: a dropped record proves nothing", actual: ask([within, null]), expected: wait },
    { name: "step 48, j3: at n-f-e", actual: ask([record({ waitingCount: 1 })]), expected: wait },
    { name: "step 48, j3: above n-f-e", actual: ask([record({}), record({ waitingCount: 2 })]), expected: NOP },
    { name: "step 49, j4: a late vote", actual: ask([record({})], { 2: accepted(1, payload(1), deps(z)) }), expected: value(deps(z)) },
    {
      name: "step 49, j4: a late commit before a late vote",
      actual: ask([record({})], { 1: accepted(5, "nop"), 2: reply({ ...agreed, phase: "committed" }) }),
      expected: value(),
    },
    { name: "step 49, j4: the owner, late", actual: ask([record({})], { 1: agreed }), expected: NOP },
    { name: "step 49, j4: another one that knows nothing", actual: ask([record({})], { 2: initial }), expected: wait },
    { name: "step 49, j4: one of Q is not late", actual: ask([record({})], { 3: accepted(1, "nop") }), expected: wait },
  ];
  for (const { name, actual, expected } of cases) test(name, () => assert.deepEqual(actual, expected));
});
