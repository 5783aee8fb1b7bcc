/**
 * How near the lab is to real processes: the same settings on `epoxy dev --wan` and in virtual time, p50 and p99 of writes by region;
 * and what a write cost the machine's cores, so that one sees what is theirs in the difference.
 *   node --import tsx bench/agreement/dev.ts [--regions CA,VA,EU] [--seconds 8] [--overhead MS] [--cases CONFLICTS:CLIENTS,…] [--json]
 * Without --overhead the lab is told what the writes of the first case took beyond the round trip to the nearest majority, and draws
 * from that: the first case then says nothing, and the others whether it holds for them.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { builtIn, parseRegions } from "../../lab/matrix.ts";
import { quantile } from "../quantile.ts";
import { openCaller } from "../raw-caller.ts";
import { type CpuUse, cpuUseOf } from "../run-queue.ts";
import { type Case, compare, type Measured, type Row, tableOf, wayMs } from "./compare.ts";

const warmupMs = 2_000;
/** Before anything counts: what a server does first it does slowly. */
const warmup = { conflicts: 0.1, clients: 16 };
const { values: options } = parseArgs({
  options: {
    regions: { type: "string", default: "CA,VA,EU" },
    cases: { type: "string", default: "0:1,0:4,0.02:1,0.02:4,0.25:1,0.25:2" },
    seconds: { type: "string", default: "8" },
    overhead: { type: "string" },
    port: { type: "string", default: "18100" },
    json: { type: "boolean", default: false },
  },
});
const placement = parseRegions(builtIn, options.regions);
const seconds = Number(options.seconds);

async function startCluster(): Promise<{ readonly apis: readonly string[]; cpuUse(): CpuUse; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-agreement-"));
  const launcher = fileURLToPath(new URL("../../cli/epoxy.mjs", import.meta.url));
  const words = ["dev", "--json", "--datacenters", `${placement.length}`, "--wan", placement.join(), "--port", options.port];
  const child = spawn(process.execPath, [launcher, ...words, "--data", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`epoxy dev did not start (exit code ${code})`)));
  });
  const { datacenters } = JSON.parse(first) as { datacenters: readonly { api: string }[] };
  return {
    apis: datacenters.map(({ api }) => api),
    cpuUse: () => cpuUseOf(child.pid as number),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Latencies of each region's closed loops, sorted. */
async function measure(apis: readonly string[], { conflicts, clients }: Case): Promise<number[][]> {
  const name = `agreement/${Date.now().toString(36)}`;
  const startMs = performance.now();
  const endMs = startMs + warmupMs + seconds * 1_000;
  return Promise.all(
    apis.map(async (api, region) => {
      const found: number[] = [];
      const loop = async (client: number) => {
        const caller = await openCaller(api);
        for (let i = 0; performance.now() < endMs; i++) {
          const key = Math.random() < conflicts ? `${name}/hot` : `${name}/${region}/${client}/${i}`;
          const begunMs = performance.now();
          const body = `{"commands":[{"kind":"set","key":"${key}","value":"${"v".repeat(16)}"}]}`;
          const { status, body: text } = await caller.ask("/v1/proposals", body);
          if (status !== 200) throw new Error(`${api} answered ${status}: ${text.slice(0, 200)}`);
          if (begunMs > startMs + warmupMs) found.push(performance.now() - begunMs);
        }
        caller.close();
      };
      await Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
      return found.sort((a, b) => a - b);
    }),
  );
}

const cases = options.cases.split(",").map((text): Case => {
  const [conflicts, clients] = text.split(":").map(Number);
  return { conflicts: conflicts as number, clients: clients as number };
});
const measured: number[][][] = [];
/** Of all processes of the cluster, for each write of a case, the warm-up's writes included. */
const uses: CpuUse[] = [];
const cluster = await startCluster();
try {
  await measure(cluster.apis, warmup);
  for (const each of cases) {
    const before = cluster.cpuUse();
    const found = await measure(cluster.apis, each);
    const after = cluster.cpuUse();
    measured.push(found);
    const writes = Math.max(1, (found.flat().length * (warmupMs + seconds * 1_000)) / (seconds * 1_000));
    uses.push({ ranMs: (after.ranMs - before.ranMs) / writes, waitedMs: (after.waitedMs - before.waitedMs) / writes });
  }
} finally {
  await cluster.stop();
}
const settings = cases.map((each, i): Measured => {
  const regions = (measured[i] ?? []).map((sorted) => ({ writes: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }));
  return { ...each, placement, regions };
});
const beyondTheWay = placement.flatMap((region, site) => {
  const way = wayMs(placement, region);
  return (measured[0]?.[site] ?? []).map((ms) => Math.max(0, ms - way));
});
const rows: Row[] = [];
for (const each of settings) rows.push(...(await compare(each, options.overhead === undefined ? beyondTheWay : Number(options.overhead))));
if (options.json) console.log(JSON.stringify({ rows, uses }));
else {
  console.log(tableOf(rows));
  console.log("\n| conflicts | clients | cores, ms a write | waited for a core, ms a write |\n|---|---|---|---|");
  for (const [i, { conflicts, clients }] of cases.entries())
    console.log(`| ${conflicts} | ${clients} | ${uses[i]?.ranMs.toFixed(1)} | ${uses[i]?.waitedMs.toFixed(1)} |`);
}
