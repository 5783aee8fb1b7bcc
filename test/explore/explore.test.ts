/** The shipped acceptor, owner and recovery, in every order of messages, losses and crashes that small bounds allow. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bounds, walked } from "./bounds.ts";
import { explore } from "./explorer.ts";
import { linesOf, linesOfWalks } from "./report.ts";
import { walk } from "./walks.ts";

const secondsOfWalks = 1.5;
const seed = Date.now() % 2 ** 31;

describe("no interleaving breaks an invariant", () => {
  const met = new Set<string>();
  for (const { bound, secondsInTests } of bounds) {
    test(bound.name, (t) => {
      const report = explore(bound, { statesMax: 1e7, secondsMax: secondsInTests });
      t.diagnostic(linesOf(report)[0] ?? "");
      for (const each of report.met) met.add(each);
      assert.equal(report.violation, null, linesOf(report).join("\n"));
    });
  }

  test("every kind of end was met", () => {
    const kinds = [
      "Nop committed",
      "Nop recovered",
      "fast commit",
      "slow path",
      "validation",
      "value committed",
      "value recovered",
      "waiting",
    ];
    assert.deepEqual([...met].sort(), kinds);
  });
});

describe("no random walk breaks an invariant", () => {
  for (const bound of walked) {
    test(`${bound.name}, seed ${seed}`, (t) => {
      const result = walk(bound, { seed, walksMax: 1e6, secondsMax: secondsOfWalks });
      t.diagnostic(linesOfWalks(result)[0] ?? "");
      assert.equal(result.violation, null, linesOfWalks(result).join("\n"));
    });
  }
});
