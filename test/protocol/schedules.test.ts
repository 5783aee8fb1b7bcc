/** Directed schedules: each is a way in which an earlier protocol, or this one without one of its rules, goes wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fastCommit, selfAccept, submit } from "../../protocol/acceptor.ts";
import { replicaId } from "../../protocol/ids.ts";
import { concludePreAccepts } from "../../protocol/owner.ts";
import { concludeWaiting } from "../../protocol/recovery.ts";
import type { Deps, InstanceRecord } from "../../protocol/types.ts";
import { id } from "./arbitrary.ts";
import { ballot, deps, epoch, makeVoters, NOP, payload } from "./voters.ts";

const x = id(1, 1);
const y = id(2, 1);
const z = id(3, 1);

test("T1 a vote is dated by the ballot it was given at, not by the ballot joined since", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.preAccept(3, x);
  const first = voters.recover(3, x, [2, 3]);
  assert(first.concluded.kind === "validate");
  const proposal = voters.validate(x, first.ballot, first.concluded);
  assert(proposal.kind === "accept" && proposal.value !== "nop");
  assert.equal(voters.accept(3, x, first.ballot, proposal).kind, "acceptOk");
  const second = voters.recover(2, x, [1, 2]);
  assert.deepEqual(second.concluded, NOP);
  for (const replica of [1, 2]) assert.equal(voters.accept(replica, x, second.ballot, NOP).kind, "acceptOk");
  const late = voters.ask(3, { kind: "recover", epoch: epoch(1), id: x, ballot: second.ballot });
  assert(late.kind === "recoverOk");
  assert.deepEqual(late.acceptedBallot, first.ballot);
  assert.deepEqual(voters.record(3, x)?.acceptedBallot, first.ballot);
  assert.deepEqual(voters.recover(3, x, [3, 1]).concluded, NOP);
});

test("T2 followers that agree with each other, but not with the owner, are no fast quorum", () => {
  const voters = makeVoters(5);
  const oks = new Map<ReturnType<typeof replicaId>, Deps>([
    [replicaId(1), deps()],
    [replicaId(2), deps(y)],
    [replicaId(3), deps(y)],
  ]);
  const ask = (timedOut: boolean) =>
    concludePreAccepts({ thresholds: voters.need, initDeps: deps(), oks, fastTimedOut: timedOut, refused: new Set() });
  assert.deepEqual(ask(false), { kind: "wait" });
  assert.deepEqual(ask(true), { kind: "slow", deps: deps(y) });
  for (const replica of [4, 5]) oks.set(replicaId(replica), deps());
  assert.deepEqual(ask(false), { kind: "fast" });
});

test("T3 a pre-accept seen by one replica does not come back after a conflicting commit", () => {
  for (const known of [[], [4], [4, 5]]) {
    const voters = makeVoters(5);
    voters.submit(x, payload(1));
    voters.preAccept(3, x);
    voters.submit(y, payload(2));
    for (const replica of [4, 5]) assert.deepEqual(voters.preAccept(replica, y), { kind: "preAcceptOk", id: y, deps: deps() });
    for (const replica of known) voters.commit(replica, y, payload(2), deps());
    const { ballot: at, concluded } = voters.recover(3, x, [3, 4, 5]);
    assert(concluded.kind === "validate");
    assert.equal(concluded.count, 1);
    // Rule g where someone knows the commit, rule h where nobody does.
    assert.deepEqual(voters.validate(x, at, concluded), NOP);
  }
});

test("T4 an owner that joined a recovery neither commits fast nor accepts at ballot 0", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.preAccept(2, x);
  assert.deepEqual(voters.recover(3, x, [1, 3]).concluded, NOP);
  const owner = voters.view(1);
  assert.deepEqual(fastCommit(owner, { id: x }), { reply: { kind: "lost" }, writes: [] });
  assert.deepEqual(selfAccept(owner, { id: x, deps: deps() }), { reply: { kind: "lost" }, writes: [] });
});

test("T5 an Accept below the ballot joined is refused", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.ask(2, { kind: "recover", epoch: epoch(1), id: x, ballot: ballot(2, 3) });
  const before = voters.record(2, x);
  assert.deepEqual(voters.accept(2, x, ballot(1, 1), NOP), { kind: "nack", id: x, ballot: ballot(2, 3) });
  assert.deepEqual(voters.record(2, x), before);
});

test("T6 a command pre-accepted between Validate and Accept lists the validated one", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.preAccept(3, x);
  const { ballot: at, concluded } = voters.recover(3, x, [2, 3]);
  assert(concluded.kind === "validate");
  assert(voters.validate(x, at, concluded).kind === "accept");
  assert.equal(voters.record(2, x)?.phase, "initial");
  assert.deepEqual(voters.submit(y, payload(2)), deps(x));
});

test("T8 a Waiting of exactly n-f-e proves nothing, one more does", () => {
  const voters = makeVoters(5);
  const { f, e, n } = voters.need;
  assert.equal(n - f - e, 1);
  const seen = (count: number): InstanceRecord | null => {
    voters.ask(3, { kind: "waiting", epoch: epoch(1), id: y, count });
    return voters.record(3, y);
  };
  const asked = { thresholds: voters.need, id: x, payload: payload(1), deps: deps(), quorum: [3, 4, 5].map(replicaId), count: 2 };
  const conclude = (record: InstanceRecord | null) =>
    concludeWaiting({ ...asked, waitFor: [y], conflicts: new Map([[y, record]]), late: new Map() });
  assert.deepEqual(conclude(seen(1)), { kind: "wait" });
  assert.deepEqual(conclude(seen(2)), NOP);
  assert.deepEqual(conclude(seen(1)), NOP, "an older notice does not lower the count");
});

test("T13 a PreAccept that comes twice has the same answer twice, also after new conflicts", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  const first = voters.preAccept(3, x);
  voters.submit(y, payload(2));
  voters.preAccept(3, y);
  assert.deepEqual(voters.preAccept(3, x), first);
  assert.deepEqual(first, { kind: "preAcceptOk", id: x, deps: deps() });
});

test("T14 an Accept after the commit is answered with the value and changes nothing", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.commit(2, x, payload(1), deps());
  const before = voters.record(2, x);
  assert.deepEqual(voters.accept(2, x, ballot(9, 3), NOP), { kind: "committed", id: x, value: payload(1), deps: deps() });
  assert.deepEqual(voters.record(2, x), before);
});

test("T15 an id that only dependencies name is recovered as Nop", () => {
  const voters = makeVoters(3);
  assert.deepEqual(voters.recover(2, x, [2, 3]).concluded, NOP);
});

test("T19 an instance accepted as Nop here is still a conflict: it may be recovered elsewhere", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.preAccept(3, x);
  const { ballot: at, concluded } = voters.recover(2, x, [1, 2]);
  assert.deepEqual(concluded, NOP);
  voters.accept(1, x, at, NOP);
  assert.deepEqual(voters.submit(id(1, 2), payload(2)), deps(x));
  // And in Validate, by the initial dependencies.
  voters.submit(z, payload(3));
  voters.ask(1, { kind: "recover", epoch: epoch(1), id: z, ballot: ballot(1, 2) });
  const reply = voters.ask(1, { kind: "validate", epoch: epoch(1), id: z, ballot: ballot(1, 2), payload: payload(3), deps: deps() });
  assert(reply.kind === "validateOk");
  assert.deepEqual(
    reply.conflicts.filter((conflict) => conflict.id === x),
    [{ id: x, committed: false }],
  );
});

test("T29 a committed Nop stays in the index, so a later command of its owner is not recovered wrongly", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  voters.preAccept(3, x);
  const { ballot: at, concluded } = voters.recover(2, x, [1, 2]);
  assert.deepEqual(concluded, NOP);
  for (const replica of [1, 2]) voters.accept(replica, x, at, NOP);
  for (const replica of [1, 2]) voters.commit(replica, x, "nop", deps());
  const next = id(1, 2);
  assert.deepEqual(voters.submit(next, payload(2)), deps(x), "the Nop is a dependency");
  assert.deepEqual(voters.preAccept(2, next), { kind: "preAcceptOk", id: next, deps: deps(x) });
  const owner = voters.view(1);
  const fast = owner.run(fastCommit(owner, { id: next }));
  assert(fast.kind === "committed");
  // The commit is lost with its owner: what 2 and 3 recover is the same.
  const recovery = voters.recover(3, next, [2, 3]);
  assert(recovery.concluded.kind === "validate");
  const decided = voters.validate(next, recovery.ballot, recovery.concluded);
  assert.deepEqual(decided, { kind: "accept", value: fast.value, deps: fast.deps });
});

test("T29 the same with the Nop only accepted", () => {
  const voters = makeVoters(3);
  voters.submit(x, payload(1));
  const { ballot: at } = voters.recover(2, x, [1, 2]);
  for (const replica of [1, 2]) voters.accept(replica, x, at, NOP);
  assert.deepEqual(voters.submit(id(1, 2), payload(2)), deps(x));
});

test("a slot that a recovery reached before its owner is not submitted into", () => {
  const voters = makeVoters(3);
  voters.recover(2, x, [1, 2]);
  assert.deepEqual(submit(voters.view(1), { id: x, payload: payload(1) }), { reply: { kind: "slotTaken" }, writes: [] });
});
