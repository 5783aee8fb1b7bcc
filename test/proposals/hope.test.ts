/** Step 18 of spec/PROPOSAL.md: how long a fast quorum is hoped for. Round trips in milliseconds, of real regions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fastIsNearer, hopeEndsMs } from "../../proposals/hope.ts";

describe("a fast quorum is hoped for", () => {
  const cases = [
    { name: "in Virginia while Europe is due soon", elapsedMs: 59.9, awaitedMs: [70.5], missing: 1, slowMs: 59.9, expected: true },
    { name: "not in California, where Europe is too far", elapsedMs: 59.9, awaitedMs: [141.2], missing: 1, slowMs: 59.9, expected: false },
    { name: "not when all have answered", elapsedMs: 10, awaitedMs: [], missing: 1, slowMs: 60, expected: false },
    { name: "by the farthest of those it needs", elapsedMs: 60, awaitedMs: [200, 70], missing: 2, slowMs: 60, expected: false },
    { name: "whoever else is far", elapsedMs: 60, awaitedMs: [200, 70], missing: 1, slowMs: 60, expected: true },
    { name: "not for as long as the slow path would take", elapsedMs: 60, awaitedMs: [120], missing: 1, slowMs: 60, expected: false },
    {
      name: "not in Europe, where California is as far as two rounds",
      elapsedMs: 71,
      awaitedMs: [141.2],
      missing: 1,
      slowMs: 70.5,
      expected: false,
    },
    { name: "for a quarter of that round", elapsedMs: 60, awaitedMs: [75], missing: 1, slowMs: 60, expected: true },
    { name: "not in California for Japan, to win little", elapsedMs: 60, awaitedMs: [112], missing: 1, slowMs: 60, expected: false },
  ];
  for (const { name, expected, ...outlook } of cases) test(name, () => assert.equal(fastIsNearer(outlook), expected));

  test("until the answers are late", () => {
    assert.equal(hopeEndsMs([60, 70], 60), 10 + 1.25 * 70);
    assert.equal(hopeEndsMs([60, 141], 60), 10 + 1.25 * 120);
    assert.equal(hopeEndsMs([], 0), 10);
  });
});
