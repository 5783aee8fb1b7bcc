/** One decree closes an epoch: consensus 4.2 R2 and R4, spec/RECONFIGURE.md steps 6 and 7. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { chooseClose, closeAccept, closePrepare, makeLink, reserveCloseBallot } from "../../protocol/cluster.ts";
import { replicaId } from "../../protocol/ids.ts";
import { thresholds } from "../../protocol/quorum.ts";
import { NOTHING_SETTLED } from "../../protocol/settled.ts";
import type { Ballot, ChainLink, ReplicaId } from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { noMembers } from "./arbitrary.ts";
import { ballot, chain, epoch, first, hash, ids, replica, second, settled, third } from "./chain-records.ts";

describe("close: one decree (R2, R4)", () => {
  const at = epoch(2);
  const voter = () => testView([replica(1, 2), chain(first, second)]);

  test("a promise refuses what is below it and repeats itself", () => {
    const view = voter();
    assert.deepEqual(view.run(closePrepare(view, { epoch: at, ballot: ballot(2, 3, 2) })), { kind: "closePromise", accepted: null });
    assert.deepEqual(closePrepare(view, { epoch: at, ballot: ballot(2, 3, 2) }), {
      reply: { kind: "closePromise", accepted: null },
      writes: [],
    });
    assert.deepEqual(closePrepare(view, { epoch: at, ballot: ballot(2, 3, 1) }).reply, { kind: "closeNack", ballot: ballot(2, 3, 2) });
    assert.deepEqual(closeAccept(view, { epoch: at, ballot: ballot(2, 2, 9), link: third }).reply, {
      kind: "closeNack",
      ballot: ballot(2, 3, 2),
    });
  });

  test("an accepted link is named by every later promise", () => {
    const view = voter();
    assert.deepEqual(view.run(closeAccept(view, { epoch: at, ballot: ballot(2, 1, 2), link: third })), { kind: "closeAccepted" });
    assert.deepEqual(view.run(closePrepare(view, { epoch: at, ballot: ballot(2, 2, 3) })), {
      kind: "closePromise",
      accepted: { ballot: ballot(2, 1, 2), link: third },
    });
    assert.deepEqual(closeAccept(view, { epoch: at, ballot: ballot(2, 1, 2), link: third }).reply, {
      kind: "closeNack",
      ballot: ballot(2, 2, 3),
    });
  });

  test("a link that does not follow is no candidate", () => {
    const view = voter();
    assert.throws(() => closeAccept(view, { epoch: at, ballot: ballot(2, 1, 2), link: second }), { name: "MalformedError" });
  });

  test("own ballots are never given twice, and climb over a refusal", () => {
    const view = voter();
    const one = view.run(reserveCloseBallot(view, { epoch: at, above: null }));
    const two = view.run(reserveCloseBallot(view, { epoch: at, above: null }));
    const three = view.run(reserveCloseBallot(view, { epoch: at, above: ballot(2, 7, 3) }));
    assert.deepEqual(
      [one, two, three].map((reply) => reply.kind === "reserved" && reply.ballot),
      [ballot(2, 1, 1), ballot(2, 2, 1), ballot(2, 8, 1)],
    );
  });

  test("the proposer adopts the highest accepted link", () => {
    const other = makeLink({ previous: second, voters: ids(1), settled: second.settled, members: noMembers }, hash);
    const accepted = [
      { accepted: null },
      { accepted: { ballot: ballot(2, 1, 3), link: other } },
      { accepted: { ballot: ballot(2, 2, 1), link: third } },
    ];
    assert.equal(chooseClose(accepted, other), third);
    assert.equal(chooseClose([...accepted].reverse(), other), third);
    assert.equal(chooseClose([{ accepted: null }], other), other);
  });
});

type Proposer = {
  readonly own: ChainLink;
  readonly self: ReplicaId;
  ballot: Ballot | null;
  promises: Map<number, { accepted: { ballot: Ballot; link: ChainLink } | null }>;
  link: ChainLink | null;
  accepts: Set<number>;
};
type Schedule = readonly { readonly proposer: number; readonly acceptor: number; readonly what: "start" | "prepare" | "accept" }[];

/** Runs proposers in any interleaving with loss and repetition; every link that some quorum accepted at one ballot. */
function runClose(voters: number, schedule: Schedule): ReadonlySet<string> {
  const { slow } = thresholds(voters);
  const list = Array.from({ length: voters }, (_, i) => i + 1);
  const link = makeLink({ previous: first, voters: ids(...list), settled: NOTHING_SETTLED, members: noMembers }, hash);
  const views: TestView[] = list.map((self) => testView([replica(self, 2), chain(first, link)]));
  const proposers: Proposer[] = [1, 2, 3].map((top) => ({
    own: makeLink({ previous: link, voters: ids(1), settled: settled([[1, top]]), members: noMembers }, hash),
    // Proposers 1 and 2 are two processes of one replica.
    self: replicaId(top === 3 ? 2 : 1),
    ballot: null,
    promises: new Map(),
    link: null,
    accepts: new Set(),
  }));
  const decided = new Set<string>();
  for (const { proposer, acceptor, what } of schedule) {
    const p = proposers[proposer] as Proposer;
    const view = views[acceptor % voters] as TestView;
    if (what === "start") {
      const home = views[p.self - 1] as TestView;
      const reserved = home.run(reserveCloseBallot(home, { epoch: epoch(2), above: p.ballot }));
      if (reserved.kind === "reserved") Object.assign(p, { ballot: reserved.ballot, promises: new Map(), link: null, accepts: new Set() });
    } else if (p.ballot === null) continue;
    else if (what === "prepare") {
      const reply = view.run(closePrepare(view, { epoch: epoch(2), ballot: p.ballot }));
      if (reply.kind === "closePromise" && p.link === null) p.promises.set(acceptor % voters, reply);
      if (p.link === null && p.promises.size >= slow) p.link = chooseClose([...p.promises.values()], p.own);
    } else if (p.link !== null) {
      const reply = view.run(closeAccept(view, { epoch: epoch(2), ballot: p.ballot, link: p.link }));
      if (reply.kind === "closeAccepted") p.accepts.add(acceptor % voters);
      if (p.accepts.size >= slow) decided.add(p.link.hash);
    }
  }
  return decided;
}

test("whatever the schedule, one configuration at most is decided for an epoch", () => {
  const anyStep = fc.record({
    proposer: fc.integer({ min: 0, max: 2 }),
    acceptor: fc.integer({ min: 0, max: 8 }),
    what: fc.constantFrom(
      "start" as const,
      "prepare" as const,
      "prepare" as const,
      "prepare" as const,
      "accept" as const,
      "accept" as const,
      "accept" as const,
    ),
  });
  let decisions = 0;
  fc.assert(
    fc.property(fc.constantFrom(2, 3, 4, 5), fc.array(anyStep, { minLength: 30, maxLength: 120 }), (voters, schedule) => {
      const decided = runClose(voters, schedule);
      decisions += decided.size;
      assert.ok(decided.size <= 1);
    }),
    { numRuns: 500 },
  );
  assert.ok(decisions > 50, `a test in which nothing is ever decided says nothing: ${decisions}`);
});
