/** A real Temporal dev server for workflow tests. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { TestWorkflowEnvironment } from "@temporalio/testing";
import { DefaultLogger, Runtime } from "@temporalio/worker";
import { searchAttributes } from "../../../workflows/messages.ts";

/** TEMPORAL_CLI, else `temporal` on PATH, else the copy that the set-up keeps. */
export function temporalCli(): string {
  const env = process.env as { TEMPORAL_CLI?: string; PATH?: string };
  const folders = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "temporal"));
  const found = [env.TEMPORAL_CLI ?? "", ...folders, join(homedir(), ".cache", "epoxy", "bin", "temporal")].find(
    (path) => path !== "" && existsSync(path),
  );
  if (found === undefined) throw new Error("no Temporal CLI: run `npm run setup`, or set TEMPORAL_CLI to its path");
  return found;
}

let installed = false;

export async function startTemporal(): Promise<TestWorkflowEnvironment> {
  // Failing activities are what these tests are about; each would log thirty lines.
  if (!installed) Runtime.install({ logger: new DefaultLogger("ERROR", () => undefined), shutdownSignals: [] });
  installed = true;
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: "existing-path", path: temporalCli() },
      searchAttributes: Object.values(searchAttributes),
      extraArgs: ["--log-level", "never"],
    },
  });
}

/** Keeps the events of a workflow's first run as test/histories/SHAPE.json, when RECORD_HISTORIES is set; without what names the machine. */
export async function recordHistory(temporal: TestWorkflowEnvironment, shape: string, workflowId: string, runId?: string): Promise<void> {
  const env = process.env as { RECORD_HISTORIES?: string };
  if (env.RECORD_HISTORIES === undefined) return;
  const history = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
  const told = historyToJSON(history)
    .replace(/"identity": "[^"]*"/g, '"identity": "recorded"')
    .replace(/\d+@[\w.-]+/g, "recorded")
    .replace(/"stackTrace": "(?:[^"\\]|\\.)*"/g, '"stackTrace": ""');
  const folder = new URL("../../histories/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${shape}.json`, folder), `${told}\n`);
}
