import assert from "node:assert/strict";
import { test } from "node:test";
import { compareStored } from "./oracle.ts";

test("the first 2,000 of the histories that lincheck was asked about, and its verdicts (test/sim/oracle.ts has all)", (t) => {
  const { bad, different } = compareStored(2_000);
  t.diagnostic(`${bad} bad`);
  assert.deepEqual(different, []);
  assert.ok(bad > 200);
});
