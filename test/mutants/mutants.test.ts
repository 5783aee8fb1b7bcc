/** A few of what `npm run mutants` plants, and that every other one can still be planted. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hunt } from "./hunt.ts";
import { mutants } from "./list.ts";
import type { Mutant } from "./mutant.ts";
import { mutate, root } from "./tree.ts";

test("each mistake changes the code as it is now, and has its row in spec/INVARIANTS.md", () => {
  const table = readFileSync(join(root, "spec", "INVARIANTS.md"), "utf8");
  for (const mutant of mutants) {
    for (const [file, text] of mutate(mutant)) assert.notEqual(text, readFileSync(join(root, file), "utf8"), mutant.name);
    assert.ok(table.includes(`\n| ${mutant.name} |`), `no row for "${mutant.name}"`);
  }
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
});

describe("a mistake is caught, and the same tests pass without it", { concurrency: 2 }, () => {
  for (const name of ["no Validate", "the odd formula for even sizes"]) {
    test(name, async () => {
      const mutant = mutants.find((each) => each.name === name) as Mutant;
      const options = { tests: mutant.tests, seedsSeconds: 0 };
      const [planted, clean] = [await hunt(mutant, options), await hunt(null, options)];
      assert.notEqual(planted.test, null);
      assert.equal(clean.test, null);
    });
  }
});
