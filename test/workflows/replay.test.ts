import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { workflowBundle } from "../../server/workflow-bundle.ts";

const histories = new URL("../histories/", import.meta.url);

// Every history ever recorded must still replay: a running workflow outlives the code it started on.
// New ones: RECORD_HISTORIES=1 node --import tsx --test test/workflows/takeover.test.ts
test("recorded histories replay", async (t) => {
  Runtime.install({ logger: new DefaultLogger("ERROR", () => undefined), shutdownSignals: [] });
  const bundle = await workflowBundle();
  const files = readdirSync(histories).filter((file) => file.endsWith(".json"));
  assert.ok(files.length > 0);
  for (const file of files) {
    await t.test(file, () =>
      Worker.runReplayHistory({ workflowBundle: bundle }, JSON.parse(readFileSync(new URL(file, histories), "utf8"))),
    );
  }
});
