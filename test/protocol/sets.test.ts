/** ids, ballots, quorums, frontiers, deps: consensus sections 0 and 2. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareBallots, nextBallot, ownerBallot } from "../../protocol/ballot.ts";
import { hasDep, makeDeps, sameDeps, unionDeps } from "../../protocol/deps.ts";
import {
  covers,
  frontierIds,
  frontierOf,
  frontierSlot,
  frontierWithin,
  maxFrontier,
  minFrontier,
  sameFrontier,
} from "../../protocol/frontier.ts";
import {
  instanceId,
  instanceName,
  ownerOf,
  parseInstanceName,
  REPLICA_ID_MAX,
  replicaId,
  SLOT_MAX,
  slot,
  slotOf,
} from "../../protocol/ids.ts";
import { thresholds } from "../../protocol/quorum.ts";
import type { Ballot, Epoch } from "../../protocol/types.ts";
import { allIds, anyDeps, anyFrontier, anyId, id } from "./arbitrary.ts";

describe("instance ids", () => {
  test("the highest id is a safe integer and keeps its parts", () => {
    const highest = instanceId(replicaId(REPLICA_ID_MAX), slot(SLOT_MAX));
    assert.ok(Number.isSafeInteger(highest));
    assert.equal(ownerOf(highest), REPLICA_ID_MAX);
    assert.equal(slotOf(highest), SLOT_MAX);
  });

  test("ids order by (replica, slot), and names are read back", () => {
    const anyReplica = fc.integer({ min: 1, max: REPLICA_ID_MAX });
    const anySlot = fc.integer({ min: 1, max: SLOT_MAX });
    fc.assert(
      fc.property(anyReplica, anySlot, anyReplica, anySlot, (r1, s1, r2, s2) => {
        const [a, b] = [id(r1, s1), id(r2, s2)];
        assert.equal(Math.sign(a - b), Math.sign(r1 - r2 || s1 - s2));
        assert.equal(parseInstanceName(instanceName(a)), a);
      }),
    );
  });

  for (const name of [
    "",
    "1",
    "1.",
    ".1",
    "0.1",
    "1.0",
    "01.1",
    "1.01",
    "8192.1",
    `1.${SLOT_MAX + 1}`,
    "1.1.1",
    "-1.1",
    "1.1e3",
    " 1.1",
    "1.1\n",
  ]) {
    test(`${JSON.stringify(name)} names no instance`, () => assert.equal(parseInstanceName(name), null));
  }

  for (const value of [0, -1, 1.5, REPLICA_ID_MAX + 1, Number.NaN]) {
    test(`${value} is no replica id`, () => assert.throws(() => replicaId(value)));
  }
  for (const value of [0, -1, 1.5, SLOT_MAX + 1, Number.NaN]) test(`${value} is no slot`, () => assert.throws(() => slot(value)));
});

describe("ballots", () => {
  const anyBallot = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }))
    .map(([epoch, counter, replica]): Ballot => ({ epoch: epoch as Epoch, counter, replica: replicaId(replica) }));

  test("counter 0 is the owner's alone", () => {
    assert.deepEqual(ownerBallot(2 as Epoch, id(3, 9)), { epoch: 2, counter: 0, replica: 3 });
  });

  test("the order is total", () => {
    fc.assert(
      fc.property(anyBallot, anyBallot, anyBallot, (a, b, c) => {
        assert.equal(Math.sign(compareBallots(a, b)), -Math.sign(compareBallots(b, a)) + 0 || 0);
        if (compareBallots(a, b) === 0) assert.deepEqual(a, b);
        if (compareBallots(a, b) <= 0 && compareBallots(b, c) <= 0) assert.ok(compareBallots(a, c) <= 0);
      }),
    );
  });

  test("the next ballot is above what was seen, in the same epoch, and of the replica that asks", () => {
    fc.assert(
      fc.property(anyBallot, fc.integer({ min: 1, max: 3 }), (seen, replica) => {
        const next = nextBallot(seen, replicaId(replica));
        assert.ok(compareBallots(next, seen) > 0);
        assert.equal(next.epoch, seen.epoch);
        assert.equal(next.replica, replica);
      }),
    );
  });
});

describe("thresholds of section 0", () => {
  const table = [
    { n: 1, f: 0, e: 0, slow: 1, fast: 1 },
    { n: 2, f: 0, e: 0, slow: 2, fast: 2 },
    { n: 3, f: 1, e: 1, slow: 2, fast: 2 },
    { n: 4, f: 1, e: 1, slow: 3, fast: 3 },
    { n: 5, f: 2, e: 2, slow: 3, fast: 3 },
    { n: 6, f: 2, e: 2, slow: 4, fast: 4 },
    { n: 7, f: 3, e: 2, slow: 4, fast: 5 },
    { n: 8, f: 3, e: 3, slow: 5, fast: 5 },
    { n: 9, f: 4, e: 3, slow: 5, fast: 6 },
  ];
  for (const row of table) {
    test(`n=${row.n}`, () => {
      assert.deepEqual(thresholds(row.n), row);
      assert.ok(row.slow + row.slow > row.n, "two slow quorums meet");
      assert.ok(row.slow + row.fast > row.n, "a read quorum meets every fast quorum");
      assert.ok(row.slow - row.e >= 1, "rule d never asks for an empty R");
      assert.ok(row.n >= 2 * row.e + row.f - 1);
    });
  }
  for (const n of [0, -1, 2.5, 10, Number.NaN]) test(`n=${n} is refused`, () => assert.throws(() => thresholds(n)));
});

describe("frontiers", () => {
  test("normal form: columns ascending, no zeros", () => {
    assert.deepEqual(
      frontierOf([
        [3, 1],
        [1, 2],
        [2, 0],
      ]),
      [
        [1, 2],
        [3, 1],
      ],
    );
  });

  test("min covers what all cover, max what any covers", () => {
    fc.assert(
      fc.property(fc.array(anyFrontier, { minLength: 1, maxLength: 4 }), anyId, (list, one) => {
        assert.equal(
          covers(minFrontier(list), one),
          list.every((frontier) => covers(frontier, one)),
        );
        assert.equal(
          covers(maxFrontier(list), one),
          list.some((frontier) => covers(frontier, one)),
        );
      }),
    );
  });

  test("min and max do not care about order and give normal form", () => {
    fc.assert(
      fc.property(anyFrontier, anyFrontier, (a, b) => {
        assert.deepEqual(maxFrontier([a, b]), maxFrontier([b, a]));
        assert.deepEqual(minFrontier([a, b]), minFrontier([b, a]));
        assert.deepEqual(maxFrontier([a, a]), a);
        assert.deepEqual(minFrontier([a, a]), a);
        assert.equal(sameFrontier(a, b), frontierWithin(a, b) && frontierWithin(b, a));
        assert.ok(frontierWithin(minFrontier([a, b]), a) && frontierWithin(a, maxFrontier([a, b])));
      }),
    );
  });

  test("none covers nothing", () => {
    assert.deepEqual([minFrontier([]), maxFrontier([])], [[], []]);
    assert.equal(frontierSlot([], replicaId(1)), 0);
  });

  test("frontierIds names the top of each column", () => {
    assert.deepEqual(
      frontierIds(
        frontierOf([
          [1, 4],
          [3, 2],
        ]),
      ),
      [id(1, 4), id(3, 2)],
    );
  });
});

describe("deps", () => {
  test("membership is floor or listed", () => {
    fc.assert(
      fc.property(anyFrontier, fc.array(anyId), anyId, (floor, ids, one) => {
        assert.equal(hasDep(makeDeps(floor, ids), one), covers(floor, one) || ids.includes(one));
      }),
    );
  });

  test("union is the union of the members, in normal form", () => {
    fc.assert(
      fc.property(anyDeps, anyDeps, (a, b) => {
        const union = unionDeps(a, b);
        for (const one of allIds) assert.equal(hasDep(union, one), hasDep(a, one) || hasDep(b, one));
        assert.deepEqual(union, makeDeps(union.floor, union.explicit));
        assert.deepEqual(union, unionDeps(b, a));
      }),
    );
  });

  test("union is associative and idempotent", () => {
    fc.assert(
      fc.property(anyDeps, anyDeps, anyDeps, (a, b, c) => {
        assert.deepEqual(unionDeps(unionDeps(a, b), c), unionDeps(a, unionDeps(b, c)));
        assert.deepEqual(unionDeps(a, a), a);
      }),
    );
  });

  test("under one floor, equality of normal forms is equality of members", () => {
    fc.assert(
      fc.property(anyFrontier, fc.array(anyId), fc.array(anyId), (floor, some, others) => {
        const [a, b] = [makeDeps(floor, some), makeDeps(floor, others)];
        assert.equal(
          sameDeps(a, b),
          allIds.every((one) => hasDep(a, one) === hasDep(b, one)),
        );
      }),
    );
  });
});
