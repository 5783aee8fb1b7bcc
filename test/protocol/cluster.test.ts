/** Consensus section 4.2, by the steps of spec/RECONFIGURE.md. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  activate,
  canActivate,
  closeAccept,
  closePrepare,
  freeze,
  isVoter,
  learnLinks,
  linkOf,
  linkText,
  makeLink,
  report,
  reserveCloseBallot,
  settleOutside,
  statusOf,
  verifyLinks,
} from "../../protocol/cluster.ts";
import { NO_DEPS } from "../../protocol/deps.ts";
import { covers, frontierOf } from "../../protocol/frontier.ts";
import { instanceName, replicaId } from "../../protocol/ids.ts";
import { inSettled, NOTHING_SETTLED } from "../../protocol/settled.ts";
import type { ChainLink, InstanceId, InstanceRecord, ReplicaId, Slot, Write } from "../../protocol/types.ts";
import { testView } from "../support/view.ts";
import { allIds, anyFrontier, anyId, anySettled, id, noMembers } from "./arbitrary.ts";
import { ballot, chain, epoch, first, hash, ids, instance, replica, rival, second, settled, third } from "./chain-records.ts";

describe("the chain", () => {
  test("links name their epoch, their voters in order, and the link before", () => {
    assert.deepEqual([first.epoch, first.voters, first.previousHash], [1, [1], ""]);
    assert.deepEqual([second.epoch, second.voters, second.previousHash], [2, [1, 2, 3], first.hash]);
    assert.equal(second.hash, hash(linkText(second)));
  });

  test("each field is in the hash", () => {
    const changes: readonly Partial<ChainLink>[] = [
      { epoch: epoch(3) },
      { voters: ids(1, 2) },
      { settled: settled([[1, 4]]) },
      { members: { ...noMembers, nextId: replicaId(9) } },
      { previousHash: "" },
    ];
    for (const change of changes) assert.notEqual(linkText({ ...second, ...change }), linkText(second));
  });

  const cases: readonly {
    readonly name: string;
    readonly known: readonly ChainLink[];
    readonly more: readonly ChainLink[];
    readonly expected: string | readonly ChainLink[];
  }[] = [
    { name: "an empty chain begins with epoch 1", known: [], more: [first, second], expected: [first, second] },
    {
      name: "links come in any order, and known ones again",
      known: [first],
      more: [third, first, second],
      expected: [first, second, third],
    },
    { name: "nothing new is nothing new", known: [first, second], more: [first], expected: [first, second] },
    { name: "a gap is not taken (N9)", known: [first], more: [third], expected: "bad" },
    { name: "a chain does not begin in the middle", known: [], more: [second], expected: "bad" },
    { name: "two configurations of one epoch are a fork (N6)", known: [first, second], more: [rival], expected: "fork" },
    { name: "also within one message", known: [first], more: [second, rival], expected: "fork" },
    { name: "a link of another chain is not taken", known: [first, rival], more: [third], expected: "bad" },
    { name: "a changed link does not have its hash", known: [first], more: [{ ...second, voters: ids(1) }], expected: "bad" },
    { name: "voters stand in order, once each", known: [first], more: [rehash({ ...second, voters: ids(2, 1) })], expected: "bad" },
    { name: "an epoch has voters", known: [first], more: [rehash({ ...second, voters: [] })], expected: "bad" },
    { name: "K never shrinks", known: [first, second], more: [rehash({ ...third, settled: settled([[1, 5]]) })], expected: "bad" },
  ];
  for (const { name, known, more, expected } of cases) {
    test(name, () => {
      const result = verifyLinks(known, more, hash);
      assert.deepEqual(result.kind === "ok" ? result.chain : result.kind, expected);
    });
  }

  test("who votes is said by the chain alone", () => {
    assert.deepEqual(
      [isVoter([first, second], 2, replicaId(3)), isVoter([first, second], 1, replicaId(3)), isVoter([first], 2, replicaId(1))],
      [true, false, false],
    );
    assert.deepEqual([linkOf([first], 0), linkOf([first], 1), linkOf([first], 2)], [null, first, null]);
  });
});

function rehash(link: ChainLink): ChainLink {
  return { ...link, hash: hash(linkText(link)) };
}

describe("what a replica says it is", () => {
  const links = [first, second, third];
  const gone = { ...noMembers, removed: ids(1) };
  const cases = [
    { name: "without identity it is joining", self: null, at: 0, links, members: null, status: "joining" },
    { name: "a voter of its epoch is active", self: 2, at: 3, links, members: null, status: "active" },
    {
      name: "a voter that has not activated the newest epoch, but votes in both, is active",
      self: 2,
      at: 2,
      links,
      members: null,
      status: "active",
    },
    { name: "a newcomer that has not activated yet is learning", self: 4, at: 2, links, members: null, status: "learning" },
    { name: "a learner is learning", self: 5, at: 3, links, members: null, status: "learning" },
    { name: "a voter that was taken out is learning while it is a member", self: 1, at: 3, links, members: noMembers, status: "learning" },
    { name: "a removed one that votes no longer is removed", self: 1, at: 2, links, members: gone, status: "removed" },
    { name: "as long as the newest link counts on it, it is not", self: 1, at: 2, links: [first, second], members: gone, status: "active" },
  ] as const;
  for (const { name, self, at, links: known, members, status } of cases) {
    test(name, () => {
      const state = self === null ? null : (replica(self, at) as Extract<Write, { kind: "replica" }>).record;
      assert.equal(statusOf(state, known, members), status);
    });
  }
});

describe("freeze and report (R3)", () => {
  const rep = settled([[1, 2]], id(2, 9));

  test("freezing is durable, and Rep is fixed once", () => {
    const view = testView([replica(1, 2), chain(first, second)]);
    assert.deepEqual(view.run(freeze(view, epoch(2))), { kind: "frozen" });
    assert.equal(view.get("replica", "")?.frozen, true);
    assert.deepEqual(view.run(freeze(view, epoch(2))), { kind: "frozen" });
    assert.deepEqual(view.run(report(view, { epoch: epoch(2), reported: rep })), { reported: rep });
    assert.deepEqual(view.run(report(view, { epoch: epoch(2), reported: NOTHING_SETTLED })), { reported: rep });
    assert.deepEqual(view.run(freeze(view, epoch(2))), { kind: "already", reported: rep });
  });

  test("whoever has not frozen reports nothing", () => {
    const view = testView([replica(1, 2), chain(first, second)]);
    assert.throws(() => report(view, { epoch: epoch(2), reported: rep }), { name: "InvariantViolation" });
  });

  const refusals = [
    {
      name: "a closed epoch is stale: here is the chain after it",
      writes: [replica(1, 1), chain(first, second, third)],
      at: 1,
      reply: { kind: "staleEpoch", links: [second, third] },
    },
    {
      name: "who does not vote does not freeze",
      writes: [replica(9, 2), chain(first, second)],
      at: 2,
      reply: { kind: "notVoting", epoch: 2, status: "learning" },
    },
    {
      name: "an epoch not activated here is not frozen",
      writes: [replica(2, 1), chain(first, second)],
      at: 2,
      reply: { kind: "notVoting", epoch: 1, status: "learning" },
    },
    {
      name: "an epoch that nobody knows is not frozen",
      writes: [replica(1, 2), chain(first, second)],
      at: 3,
      reply: { kind: "notVoting", epoch: 2, status: "active" },
    },
    { name: "without identity there is nothing to freeze", writes: [], at: 1, reply: { kind: "notVoting", epoch: 0, status: "joining" } },
  ] as const;
  for (const { name, writes, at, reply } of refusals) {
    test(name, () => {
      const view = testView(writes);
      const asked = { epoch: epoch(at), ballot: ballot(at, 1, 1) };
      for (const step of [
        freeze(view, epoch(at)),
        closePrepare(view, asked),
        closeAccept(view, { ...asked, link: second }),
        reserveCloseBallot(view, { epoch: epoch(at), above: null }),
      ]) {
        assert.deepEqual(step, { reply, writes: [] });
      }
    });
  }
});

describe("learning links (R7, R8)", () => {
  test("a link above the own epoch freezes it", () => {
    const view = testView([replica(1, 1), chain(first)]);
    assert.deepEqual(view.run(learnLinks(view, [second], hash)), { learned: true });
    assert.equal(view.get("replica", "")?.frozen, true);
    assert.deepEqual(learnLinks(view, [second], hash), { reply: { learned: false }, writes: [] });
  });

  test("without identity the chain is learned all the same", () => {
    const view = testView();
    assert.deepEqual(view.run(learnLinks(view, [first, second], hash)), { learned: true });
    assert.deepEqual(view.get("chain", ""), { links: [first, second] });
  });

  test("a gap teaches nothing, a fork is a contradiction", () => {
    const view = testView([replica(1, 1), chain(first, second)]);
    assert.deepEqual(learnLinks(testView([chain(first)]), [third], hash).reply, { learned: false });
    assert.throws(() => learnLinks(view, [rival], hash), { name: "Contradiction" });
  });
});

describe("settleOutside (R4)", () => {
  const inside = id(1, 3);
  const outside = id(1, 5);
  test("what K lacks becomes a committed Nop and keeps the rest of its record", () => {
    const payload = { seq: 1, entries: [] };
    const view = testView([
      replica(1, 1),
      chain(first, second),
      instance(inside),
      instance(outside, { initPayload: payload, initDeps: NO_DEPS, deps: { floor: [], explicit: [inside] } }),
    ]);
    view.apply(settleOutside(view, [inside, outside, id(9, 9)]));
    assert.equal(view.get("instance", instanceName(inside))?.phase, "preaccepted");
    const { phase, value, deps, executed, initPayload } = view.get("instance", instanceName(outside)) as InstanceRecord;
    assert.deepEqual(
      { phase, value, deps, executed, initPayload },
      { phase: "committed", value: "nop", deps: NO_DEPS, executed: false, initPayload: payload },
    );
    assert.deepEqual(settleOutside(view, [inside, outside]), []);
  });

  test("a slot that was never used, below a known one outside K, is a Nop of the closed epoch; one that was executed stays", () => {
    const executed: Write = { kind: "progress", id: "", record: { executed: [[2 as ReplicaId, 4 as Slot]], globalFloor: [] } };
    const view = testView([replica(1, 1), chain(first, second), executed]);
    view.apply(settleOutside(view, [id(2, 4), id(2, 6)]));
    assert.equal(view.get("instance", instanceName(id(2, 4))), null);
    const { epoch, phase, value } = view.get("instance", instanceName(id(2, 6))) as InstanceRecord;
    assert.deepEqual({ epoch, phase, value }, { epoch: 1, phase: "committed", value: "nop" });
  });

  test("what was only promised to a recovery stays: it may be an instance of the epoch after", () => {
    const view = testView([replica(1, 1), chain(first, second), instance(id(2, 6), { phase: "initial" })]);
    assert.deepEqual(settleOutside(view, [id(2, 6)]), []);
  });

  test("an epoch that is not closed settles nothing", () => {
    const view = testView([replica(1, 2), chain(first, second), instance(id(2, 1), { at: 2 })]);
    assert.deepEqual(settleOutside(view, [id(2, 1)]), []);
  });

  test("a command committed outside K breaks I18 and stops the process", () => {
    const view = testView([chain(first, second), instance(outside, { phase: "committed" })]);
    assert.throws(() => settleOutside(view, [outside]), { name: "InvariantViolation" });
  });
});

describe("activate (R6)", () => {
  const executed = (...list: readonly InstanceId[]) => list.map((one) => instance(one, { phase: "committed", executed: true }));

  test("every id of K must be executed here; the rest below its boundary is Nop for ever", () => {
    const view = testView([
      replica(1, 1, { frozen: true, reported: NOTHING_SETTLED }),
      chain(first, second),
      {
        kind: "progress",
        id: "",
        record: {
          executed: frontierOf([
            [1, 2],
            [7, 1],
          ]),
          globalFloor: [],
        },
      },
    ]);
    assert.deepEqual(canActivate(view, [first, second]), { kind: "missing", ids: [id(1, 3), id(1, 4), id(1, 6)] });
    view.apply([...executed(id(1, 3), id(1, 6)), instance(id(1, 4), { phase: "committed" })]);
    assert.deepEqual(activate(view), { reply: { kind: "notReady", ids: [id(1, 4)] }, writes: [] });
    view.apply([...executed(id(1, 4)), { kind: "close", id: "", record: { epoch: epoch(1), promised: ballot(1, 1, 1), accepted: null } }]);
    assert.deepEqual(canActivate(view, [first, second]), { kind: "ready", boundary: [[1, 6]] });
    assert.deepEqual(view.run(activate(view)), { kind: "activated", epoch: 2 });
    assert.deepEqual(view.get("replica", ""), (replica(1, 2) as Extract<Write, { kind: "replica" }>).record);
    assert.deepEqual(view.get("progress", "")?.executed, [
      [1, 6],
      [7, 1],
    ]);
    assert.equal(view.get("close", ""), null);
  });

  test("without the next link there is nothing to activate", () => {
    const view = testView([replica(1, 2), chain(first, second)]);
    assert.deepEqual(activate(view), { reply: { kind: "notReady", ids: [] }, writes: [] });
    assert.deepEqual(activate(testView()), { reply: { kind: "notReady", ids: [] }, writes: [] });
  });

  test("a replica that is two epochs behind stays frozen in the one between", () => {
    const view = testView([
      replica(1, 1, { frozen: true }),
      chain(first, second, third),
      { kind: "progress", id: "", record: { executed: [], globalFloor: frontierOf([[1, 6]]) } },
    ]);
    assert.deepEqual(view.run(activate(view)), { kind: "activated", epoch: 2 });
    assert.equal(view.get("replica", "")?.frozen, true);
    assert.equal(activate(view).reply.kind, "notReady");
  });

  test("what is missing is always some of K, and nothing missing means ready", () => {
    fc.assert(
      fc.property(anySettled, anyFrontier, fc.uniqueArray(anyId), (k, prefix, done) => {
        const link = makeLink({ previous: first, voters: ids(1), settled: k, members: noMembers }, hash);
        const view = testView([
          replica(1, 1),
          chain(first, link),
          { kind: "progress", id: "", record: { executed: prefix, globalFloor: [] } },
          ...executed(...done),
        ]);
        const missing = allIds.filter((one) => inSettled(k, one) && !covers(prefix, one) && !done.includes(one));
        const reply = view.run(activate(view));
        assert.deepEqual(reply, missing.length > 0 ? { kind: "notReady", ids: missing } : { kind: "activated", epoch: 2 });
        if (missing.length === 0)
          for (const one of allIds)
            if (inSettled(k, one) || covers(prefix, one)) assert.ok(covers(view.get("progress", "")?.executed ?? [], one));
      }),
    );
  });
});
