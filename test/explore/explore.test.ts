/** A minute of the exhaustive exploration; the rest is `npm run explore`. It walks the shipped functions, not a model of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Budget, explore, type Report } from "./explorer.ts";
import { conflicting } from "./setup.ts";

function explored(report: Report): string {
  const { bound, states, transitions, depth, seconds, exhausted } = report;
  return `${bound.name}: ${states} states, ${transitions} transitions, depth ${depth}, ${seconds.toFixed(1)} s, ${exhausted ? "exhausted" : "NOT exhausted"}`;
}

const statesMax = 3_000_000;
const rows: readonly { readonly recoveries: readonly number[]; readonly n: number; readonly budget: Budget; readonly exhausts: boolean }[] =
  [
    { n: 3, recoveries: [1], budget: { statesMax, secondsMax: 30 }, exhausts: true },
    { n: 3, recoveries: [2], budget: { statesMax, secondsMax: 60 }, exhausts: true },
    { n: 3, recoveries: [1, 0], budget: { statesMax, secondsMax: 15 }, exhausts: false },
    { n: 3, recoveries: [1, 1], budget: { statesMax, secondsMax: 20 }, exhausts: false },
    { n: 4, recoveries: [1, 1], budget: { statesMax, secondsMax: 10 }, exhausts: false },
    { n: 5, recoveries: [1, 1], budget: { statesMax, secondsMax: 10 }, exhausts: false },
  ];

for (const { n, recoveries, budget, exhausts } of rows) {
  const bound = conflicting(n, recoveries);
  test(`${bound.name}${exhausts ? ", every interleaving" : `, ${budget.secondsMax} s of them`}: no invariant breaks`, (t) => {
    const report = explore(bound, budget);
    t.diagnostic(explored(report));
    assert.equal(report.violation, null, JSON.stringify(report.violation, null, 1));
    if (exhausts) assert.ok(report.exhausted, explored(report));
    assert.ok(report.states > 500, explored(report));
  });
}
