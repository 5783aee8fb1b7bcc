/** What a replica does to its own log: steps 9 to 11, 19, 20, 25, 28 of spec/PROPOSAL.md. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fastCommit, ownCommit, selfAccept, startRecovery, stepAcceptor, submit } from "../../protocol/acceptor.ts";
import { InvariantViolation } from "../../protocol/assert.ts";
import { keyFootprint } from "../../protocol/conflict.ts";
import { blankInstance, getInstance, putInstance } from "../../protocol/instance.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, Frontier, InstanceRecord, Write } from "../../protocol/types.ts";
import { testView } from "../support/view.ts";
import { bytes, id, key } from "./arbitrary.ts";
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
const knowsY: readonly Write[] = [
  putInstance({ ...blankInstance(epoch(1), y), phase: "preaccepted", value: payload(2), initPayload: payload(2), initDeps: deps() }),
  { kind: "index", id: keyFootprint(key("k")), record: { entries: [{ id: y, access: "write" }] } },
];

describe("the owner's own steps", () => {
  const own = id(3, 1);
  const fresh = (...more: readonly Write[]) => testView([...voterRecords(self, [link(1, [1, 2, 3])]), ...more]);
  const mine = (changes: Partial<InstanceRecord>): Write => putInstance({ ...blankInstance(epoch(1), own), ...preaccepted, ...changes });

  test("step 9: only a fresh slot", () => {
    const taken: readonly Write[][] = [
      [mine({})],
      [mine({ phase: "initial", ballot: ballot(1, 2) })],
      [progress(at(3, 1))],
      [progress([], at(3, 1))],
    ];
    for (const writes of taken)
      assert.deepEqual(submit(fresh(...writes), { id: own, payload: payload(1) }), { reply: { kind: "slotTaken" }, writes: [] });
    assert.equal(submit(fresh(), { id: own, payload: payload(1) }).reply.kind, "submitted");
  });

  test("steps 10 and 11: the floor is what is executed here, the rest is listed", () => {
    const view = fresh(...knowsY, progress(at(1, 4)));
    const reply = view.run(submit(view, { id: own, payload: payload(1) }));
    assert.deepEqual(reply, { kind: "submitted", deps: { floor: at(1, 4), explicit: [y] } });
    const now = getInstance(view, own);
    assert.equal(now?.phase, "preaccepted");
    assert.deepEqual(now?.initDeps, now?.deps);
    assert.deepEqual(view.get("index", keyFootprint(key("k")))?.entries, [
      { id: y, access: "write" },
      { id: own, access: "write" },
    ]);
  });

  test("step 10: reads do not depend on reads, nor adds on adds", () => {
    const get: Command = { kind: "get", key: key("k") };
    const add: Command = { kind: "add", key: key("k"), delta: 1n };
    const set: Command = { kind: "set", key: key("k"), value: bytes("v") };
    const view = fresh();
    const submitted = (slot: number, command: Command) => {
      const reply = view.run(submit(view, { id: id(3, slot), payload: payload(slot, command) }));
      return reply.kind === "submitted" ? reply.deps.explicit : null;
    };
    assert.deepEqual(submitted(1, get), []);
    assert.deepEqual(submitted(2, get), []);
    assert.deepEqual(submitted(3, add), [id(3, 1), id(3, 2)]);
    assert.deepEqual(submitted(4, add), [id(3, 1), id(3, 2)]);
    assert.deepEqual(
      submitted(5, set),
      [1, 2, 3, 4].map((slot) => id(3, slot)),
    );
  });

  test("step 57: entries below the global floor leave the index when it is written", () => {
    const view = fresh(...knowsY, progress(at(2, 1), at(2, 1)));
    view.run(submit(view, { id: own, payload: payload(1) }));
    assert.deepEqual(view.get("index", keyFootprint(key("k")))?.entries, [{ id: own, access: "write" }]);
  });

  test("step 19: bal 0 and preaccepted, every time", () => {
    const cases: readonly Partial<InstanceRecord>[] = [
      { ballot: ballot(1, 2) },
      { phase: "accepted" },
      { phase: "initial" },
      { phase: "committed", value: "nop", deps: deps(), path: "recovered" },
    ];
    for (const changes of cases) assert.deepEqual(fastCommit(fresh(mine(changes)), { id: own }), { reply: { kind: "lost" }, writes: [] });
    assert.deepEqual(fastCommit(fresh(), { id: own }), { reply: { kind: "lost" }, writes: [] });
    const view = fresh(mine({}));
    const reply = view.run(fastCommit(view, { id: own }));
    assert.deepEqual(reply, { kind: "committed", value: payload(1), deps: deps() });
    assert.equal(getInstance(view, own)?.path, "fast");
    assert.deepEqual(fastCommit(view, { id: own }), { reply, writes: [] });
  });

  test("step 20: the same guards, and the fast path is closed", () => {
    for (const changes of [{ ballot: ballot(1, 2) }, { phase: "initial" }, { phase: "committed" }] as const) {
      assert.deepEqual(selfAccept(fresh(mine(changes)), { id: own, deps: deps() }), { reply: { kind: "lost" }, writes: [] });
    }
    const view = fresh(mine({}));
    assert.deepEqual(view.run(selfAccept(view, { id: own, deps: deps(y) })), { kind: "accepted" });
    assert.deepEqual(fastCommit(view, { id: own }).reply, { kind: "lost" });
    assert.deepEqual(selfAccept(view, { id: own, deps: deps(y) }), { reply: { kind: "accepted" }, writes: [] });
    assert.deepEqual(selfAccept(view, { id: own, deps: deps(x) }), { reply: { kind: "lost" }, writes: [] }, "one value for one ballot");
  });

  test("step 25: the path is known once, the value never changes", () => {
    const view = fresh(mine({ phase: "committed" }));
    const input = { id: own, epoch: epoch(1), value: payload(1), deps: deps(y) };
    view.run(ownCommit(view, { ...input, path: "slow" }));
    assert.equal(getInstance(view, own)?.path, "slow");
    assert.deepEqual(ownCommit(view, { ...input, path: "recovered" }).writes, []);
    assert.throws(() => ownCommit(view, { ...input, value: "nop", path: "recovered" }), InvariantViolation);
  });

  test("step 28: a ballot of its own, above all it saw, never the same again", () => {
    const view = fresh(putInstance(record({ ballot: ballot(4, 2) })));
    const start = (above: ReturnType<typeof ballot> | null) => view.run(startRecovery(view, { id: x, self: 3 as never, above }));
    assert.deepEqual(start(null), { kind: "started", ballot: ballot(5, 3), epoch: 1 });
    assert.deepEqual(start(null), { kind: "started", ballot: ballot(6, 3), epoch: 1 });
    assert.deepEqual(start(ballot(20, 2)), { kind: "started", ballot: ballot(21, 3), epoch: 1 });
    assert.deepEqual(start(ballot(limits.ballotJumpMax * 2, 2)), { kind: "started", ballot: ballot(22, 3), epoch: 1 });
    assert.deepEqual(
      stepAcceptor(view, { kind: "recover", epoch: epoch(1), id: x, ballot: ballot(22, 3) }).reply.kind,
      "recoverOk",
      "its own answer, step 30",
    );
  });
});
