/**
 * `npm run torture`: the fault campaign.
 *   --suite NAME, --case NAME   only those (repeatable)    --seed TEXT      of the first run; default: the time
 *   --seconds N                 of faults in each run      --runs N         of each case; default 1
 *   --datacenters 3|5           default: as the case says  --out DIR        of the report; default .epoxy/torture
 *   --param NAME=NUMBER         a size of the cases that have one of this name (repeatable)
 *   --rest-ms N                 the longest rest of a client between two operations: more of it for several campaigns at once
 *   --sum FILE                  adds each run to this Markdown file and to the JSON beside it
 *   --figures FILE              writes what each run measured into this Markdown file and the JSON beside it
 *   --list                      shows what there is
 * Ends with code 1 where a run failed.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { TortureCase } from "./case.ts";
import { startTortureCluster, type TortureCluster } from "./cluster.ts";
import { addToFigures } from "./figures-file.ts";
import { lineOf, type Result, writeReport } from "./report.ts";
import { runCase } from "./run.ts";
import { addToSum } from "./sum.ts";

const { values } = parseArgs({
  options: {
    suite: { type: "string", multiple: true },
    case: { type: "string", multiple: true },
    seed: { type: "string", default: String(Date.now()) },
    seconds: { type: "string" },
    datacenters: { type: "string" },
    runs: { type: "string", default: "1" },
    out: { type: "string", default: join(".epoxy", "torture") },
    param: { type: "string", multiple: true, default: [] },
    "rest-ms": { type: "string" },
    sum: { type: "string" },
    figures: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
const edgeMs = 5_000;
/** From the end of the last fault until linearizable reads are answered everywhere: the plan asks for it. */
const healedWithinMs = 15_000;

const params = Object.fromEntries(
  values.param.map((each) => {
    const [name = "", value] = each.split("=");
    if (!Number.isFinite(Number(value ?? "none"))) throw new Error(`--param ${each}: NAME=NUMBER is wanted`);
    return [name, Number(value)];
  }),
);
const rest = values["rest-ms"] === undefined ? {} : { restMsMax: Number(values["rest-ms"]) };
const suites = await loadSuites();
const wanted = suites
  .filter(({ suite }) => values.suite === undefined || values.suite.includes(suite))
  .flatMap(({ suite, cases }) => cases.map((torture) => ({ suite, torture })))
  .filter(({ torture }) => (values.case === undefined ? torture.mustLose !== true : values.case.includes(torture.name)));

if (values.list || wanted.length === 0) {
  for (const { suite, cases } of suites)
    for (const { name, fault, what, seconds, params = {} } of cases) {
      const sizes = Object.entries(params).map(([param, value]) => `, ${param}=${value}`);
      console.log(`${suite} ${name} (fault ${fault}, ${seconds} s${sizes.join("")}): ${what}`);
    }
  process.exitCode = wanted.length === 0 ? 2 : 0;
} else {
  process.exitCode = await campaign();
}

async function campaign(): Promise<number> {
  const commit = commitOf();
  const results: Result[] = [];
  let cluster: TortureCluster | null = null;
  let isSigned = false;
  const stopped = { is: false };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stopped.is = true;
    });
  }
  try {
    for (let i = 0; i < Number(values.runs); i++) {
      for (const { suite, torture } of wanted) {
        if (stopped.is) break;
        const lacks = torture.needs?.() ?? null;
        if (lacks !== null) {
          console.log(`left out: ${torture.name} needs ${lacks}`);
          continue;
        }
        const { signed = false } = torture;
        const datacenters = Number(values.datacenters ?? torture.datacenters ?? 3);
        if (cluster !== null && (cluster.datacenters.length !== datacenters || isSigned !== signed)) cluster = await end(cluster);
        cluster ??= await startTortureCluster(datacenters, { signed });
        isSigned = signed;
        const faultsMs = Number(values.seconds ?? torture.seconds) * 1000;
        const phases = { healthyMs: edgeMs, faultsMs, healedMs: edgeMs, healedWithinMs };
        const result = await runCase(cluster, {
          suite,
          torture: { ...torture, ...rest },
          seed: `${values.seed}.${i}`,
          phases,
          params,
        });
        results.push(result);
        if (values.sum !== undefined) addToSum(values.sum, commit, result);
        if (values.figures !== undefined) addToFigures(values.figures, commit, result);
        console.log(lineOf(result));
        for (const violation of result.violations) console.log(`  ${violation.slice(0, 3_000).replaceAll("\n", "\n    ")}`);
        // A cluster in which something went wrong would tell of it again in the next run.
        if (torture.spoils === true || torture.mustLose === true || result.violations.length > 0) cluster = await end(cluster);
        writeReport(values.out, commit, results);
      }
    }
  } finally {
    if (cluster !== null) await cluster.end();
  }
  const failed = results.filter(({ violations }) => violations.length > 0).length;
  console.log(`${results.length} runs, ${failed} failed; the report is in ${values.out}`);
  return failed === 0 ? 0 : 1;
}

async function end(cluster: TortureCluster): Promise<null> {
  await cluster.end();
  return null;
}

async function loadSuites(): Promise<{ suite: string; cases: readonly TortureCase[] }[]> {
  const folder = fileURLToPath(new URL("suites", import.meta.url));
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  return Promise.all(
    files.sort().map(async (file) => {
      const { cases } = (await import(pathToFileURL(join(folder, file)).href)) as { cases: readonly TortureCase[] };
      return { suite: file.slice(0, -3), cases };
    }),
  );
}

function commitOf(): string {
  try {
    const head = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
    const changed = execFileSync("git", ["status", "--porcelain"], { encoding: "utf8" }).trim() !== "";
    return changed ? `${head} with changes` : head;
  } catch {
    return "unknown";
  }
}
