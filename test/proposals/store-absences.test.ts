/** Records that are taken for absent without asking: proposals/store/absences.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAbsences } from "../../proposals/store/absences.ts";

test("a kind is likely absent after many that were, until one was not", () => {
  const absences = createAbsences();
  for (let i = 0; i < 32; i++) {
    assert.equal(absences.areLikely("value"), false);
    absences.note("value", false);
  }
  assert.equal(absences.areLikely("value"), true);
  assert.equal(absences.areLikely("index"), false, "each kind for itself");
  absences.note("value", true);
  assert.equal(absences.areLikely("value"), false);
});

test("records of which there are few are always asked for", () => {
  const absences = createAbsences();
  for (let i = 0; i < 100; i++) absences.note("replica", false);
  assert.equal(absences.areLikely("replica"), false);
});
