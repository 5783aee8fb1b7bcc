import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { addCounts, createCounter, emptyCounts, exitCodeOf, summaryLine } from "../../scripts/counts.mjs";
import { planSuites, readCounts, selectSuites } from "../../scripts/test.mjs";

const reporter = new URL("../../scripts/test-reporter.mjs", import.meta.url).href;

test("the last line has exactly the form that others parse", () => {
  assert.equal(summaryLine({ passed: 12, failed: 0, skipped: 3 }), "12 passed, 0 failed, 3 skipped");
});

test("nothing passed is a failure, and so is anything failed", () => {
  assert.equal(exitCodeOf({ passed: 0, failed: 0, skipped: 9 }), 1);
  assert.equal(exitCodeOf({ passed: 9, failed: 1, skipped: 0 }), 1);
  assert.equal(exitCodeOf({ passed: 1, failed: 0, skipped: 0 }), 0);
});

test("counts add up", () => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  assert.deepEqual(addCounts(one, addCounts(one, emptyCounts())), { passed: 2, failed: 4, skipped: 6 });
  assert.deepEqual(readCounts("passed\nskipped\npassed\n\n"), { passed: 2, failed: 0, skipped: 1 });
});

test("a parent counts only for what went wrong in itself", () => {
  const counter = createCounter();
  const event = (type: string, nesting: number, more = {}) =>
    counter.take({ type, data: { file: "a", name: "n", nesting, details: {}, ...more } });
  assert.equal(event("test:pass", 1), "passed");
  assert.equal(event("test:fail", 1, { details: { error: { failureType: "testCodeFailure" } } }), "failed");
  assert.equal(event("test:fail", 0, { details: { error: { failureType: "subtestsFailed" } } }), null);
  assert.equal(event("test:pass", 1), "passed");
  assert.equal(event("test:fail", 0, { details: { error: { failureType: "hookFailed" } } }), "failed");
  assert.equal(event("test:pass", 0), "passed", "no child of its own");
  assert.equal(event("test:pass", 0, { skip: "no Java" }), "skipped");
});

describe("a real run", () => {
  const cases: { name: string; source: string; counts: { passed: number; failed: number; skipped: number } }[] = [
    {
      name: "leaves, nested and flat",
      source: `test("a", async (t) => { await t.test("b", () => {}); await t.test("c", () => {}); }); describe("d", () => { test("e", () => {}); }); test("f", () => {});`,
      counts: { passed: 4, failed: 0, skipped: 0 },
    },
    {
      name: "failures once each",
      source: `describe("d", () => { test("e", () => { throw new Error("boom"); }); test("f", () => {}); });`,
      counts: { passed: 1, failed: 1, skipped: 0 },
    },
    {
      name: "skips",
      source: `test.skip("a", () => {}); describe.skip("b", () => { test("c", () => {}); }); test("d", (t) => t.skip("no Java"));`,
      counts: { passed: 0, failed: 0, skipped: 3 },
    },
    { name: "a file without tests is no pass", source: "", counts: { passed: 0, failed: 0, skipped: 0 } },
    {
      name: "a file that throws at the start is a failure",
      source: `throw new Error("boom");`,
      counts: { passed: 0, failed: 1, skipped: 0 },
    },
    {
      name: "a file that ends itself in a test is a failure",
      source: `test("a", () => process.exit(3));`,
      counts: { passed: 0, failed: 1, skipped: 0 },
    },
  ];
  for (const { name, source, counts } of cases) {
    test(name, (t) => {
      const folder = mkdtempSync(join(tmpdir(), "epoxy-counts-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const results = join(folder, "results");
      writeFileSync(results, "");
      writeFileSync(join(folder, "a.test.mjs"), `import { describe, test } from "node:test";\n${source}\n`);
      const env: NodeJS.ProcessEnv = { ...process.env, EPOXY_TEST_RESULTS: results };
      // Set by the outer runner: with it the inner one would report to its parent instead.
      delete env["NODE_TEST_CONTEXT"];
      spawnSync(process.execPath, ["--test", `--test-reporter=${reporter}`, "a.test.mjs"], { cwd: folder, env, encoding: "utf8" });
      assert.deepEqual(readCounts(readFileSync(results, "utf8")), counts);
    });
  }
});

describe("suites", () => {
  const files = ["tidy.test.ts", "protocol/deps.test.ts", "cluster/kill.test.ts", "new-folder/a.test.ts"];

  test("a folder nobody listed is part of unit", () => {
    const [unit, cluster, ...rest] = planSuites(files);
    assert.deepEqual(unit?.files, ["tidy.test.ts", "protocol/deps.test.ts", "new-folder/a.test.ts"]);
    assert.equal(cluster?.name, "cluster");
    assert.equal(cluster?.concurrency, 1);
    assert.deepEqual(rest, []);
  });

  test("a name selects a suite, anything else the files with it in their path", () => {
    const suites = planSuites(files);
    assert.deepEqual(selectSuites(suites, null), suites);
    assert.deepEqual(
      selectSuites(suites, "cluster").map(({ name }) => name),
      ["cluster"],
    );
    assert.deepEqual(
      selectSuites(suites, "test/protocol/deps.test.ts").flatMap((suite) => suite.files),
      ["protocol/deps.test.ts"],
    );
    assert.deepEqual(selectSuites(suites, "nothing"), []);
  });
});
