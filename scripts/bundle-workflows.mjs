// Makes dist/workflow-bundle.js, which every worker of a deployment shares: bundling at each start costs seconds.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";

const root = new URL("../", import.meta.url);

export async function bundleWorkflows() {
  const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL("workflows/index.ts", root)) });
  await mkdir(new URL("dist/", root), { recursive: true });
  const target = fileURLToPath(new URL("dist/workflow-bundle.js", root));
  // By rename: a worker that starts meanwhile sees the old one or the new one, never half of it.
  await writeFile(`${target}.new`, code);
  await rename(`${target}.new`, target);
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleWorkflows();
  console.log("dist/workflow-bundle.js written");
}
