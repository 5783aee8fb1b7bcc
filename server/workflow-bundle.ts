/** The workflows' code as workers load it: the prebuilt bundle while it is current, else bundled once for the process. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, type WorkflowBundleOption } from "@temporalio/worker";

/** Compiled code stands one folder deeper than its sources. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const near = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let bundled: Promise<WorkflowBundleOption> | null = null;

export function workflowBundle(): Promise<WorkflowBundleOption> {
  bundled ??= findOrMake();
  return bundled;
}

async function findOrMake(): Promise<WorkflowBundleOption> {
  const sources = near("../workflows/");
  const prebuilt = [near("../dist/workflow-bundle.js"), near("../workflow-bundle.js")].find((path) => existsSync(path));
  if (prebuilt !== undefined && statSync(prebuilt).mtimeMs >= newestMs(sources)) return { codePath: prebuilt };
  return bundleWorkflowCode({ workflowsPath: `${sources}index${extension}`, logger: QUIET });
}

function newestMs(folder: string): number {
  // What the workflows take from elsewhere: the limits.
  const others = ["../protocol/limits", "../protocol/types"].map((path) => near(path + extension)).filter((path) => existsSync(path));
  const own = readdirSync(folder).map((name) => folder + name);
  return Math.max(...[...own, ...others].map((path) => statSync(path).mtimeMs));
}

const nothing = () => undefined;
const QUIET = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
