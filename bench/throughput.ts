/** How many proposals a second three datacenters on this machine take: closed loops over their HTTP APIs, fresh keys, 64-byte values. */
import { parseArgs } from "node:util";
import { type BenchCluster, startBenchCluster } from "./local-cluster.ts";
import { quantile } from "./quantile.ts";
import { type Caller, openCaller } from "./raw-caller.ts";

type Run = {
  readonly callers: number;
  readonly seconds: number;
  readonly proposals: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly fastShare: number;
  readonly cpuUsPerProposal: number | null;
};

const datacenters = 3;
const value = "v".repeat(64);
const errorsMax = 1_000;
/** Once the compiler knows the code, each further load only has to fill the queues. */
const settleSeconds = 3;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "8" },
    // Servers that have just started take half of what they take half a minute later: their code is not compiled yet.
    "warmup-seconds": { type: "string", default: "30" },
    callers: { type: "string", default: "64,256" },
    port: { type: "string", default: "17100" },
  },
});

async function measure(cluster: BenchCluster, callers: number, seconds: number, warmupSeconds: number): Promise<Run> {
  const opened = await Promise.all(
    Array.from({ length: callers }, (_, index) => openCaller(cluster.apis[index % cluster.apis.length] as string)),
  );
  const latenciesMs: number[] = [];
  const tally = { fast: 0, errors: 0 };
  const errorTexts = new Set<string>();
  let measuring = false;
  let running = true;
  const prefix = `bench/${process.pid}/${callers}/${Date.now().toString(36)}`;

  async function loop(caller: Caller, index: number): Promise<void> {
    for (let count = 0; running; count++) {
      const startedMs = performance.now();
      const answer = await caller.ask(
        "/v1/proposals",
        `{"commands":[{"kind":"set","key":"${prefix}/${index}/${count}","value":"${value}"}]}`,
      );
      if (!measuring) continue;
      if (answer.status !== 200) {
        tally.errors++;
        if (errorTexts.size < 3) errorTexts.add(answer.body.slice(0, 200));
        if (tally.errors > errorsMax) throw new Error(`too many errors, such as ${[...errorTexts].join(" ")}`);
        continue;
      }
      latenciesMs.push(performance.now() - startedMs);
      if (answer.body.includes('"path":"fast"')) tally.fast++;
    }
  }

  const loops = Promise.all(opened.map(loop));
  const pause = (ms: number) => Promise.race([loops, new Promise((resolve) => setTimeout(resolve, ms))]);
  await pause(warmupSeconds * 1_000);
  const cpuBefore = cluster.cpuSeconds();
  const startedMs = performance.now();
  measuring = true;
  await pause(seconds * 1_000);
  measuring = false;
  const tookSeconds = (performance.now() - startedMs) / 1_000;
  const cpuAfter = cluster.cpuSeconds();
  running = false;
  await loops;
  for (const caller of opened) caller.close();
  for (const text of errorTexts) console.error(`refused: ${text}`);

  const proposals = latenciesMs.length;
  const sorted = latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => round(quantile(sorted, share), 2);
  const cpuUsPerProposal =
    cpuBefore === null || cpuAfter === null || proposals === 0 ? null : Math.round(((cpuAfter - cpuBefore) * 1e6) / proposals);
  const fastShare = proposals === 0 ? 0 : round(tally.fast / proposals, 4);
  return {
    callers,
    seconds: round(tookSeconds, 1),
    proposals,
    errors: tally.errors,
    perSecond: Math.round(proposals / tookSeconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    fastShare,
    cpuUsPerProposal,
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function line(run: Run): string {
  const cpu = run.cpuUsPerProposal === null ? "unknown" : `${run.cpuUsPerProposal} us`;
  const errors = run.errors === 0 ? "" : `, ${run.errors} refused`;
  return `${String(run.callers).padStart(4)} callers  ${String(run.perSecond).padStart(6)} proposals/s  p50 ${run.p50Ms} ms  p99 ${run.p99Ms} ms  fast ${(run.fastShare * 100).toFixed(1)} %  CPU ${cpu} a proposal${errors}`;
}

console.log(
  `${datacenters} datacenters on this machine, 64-byte values, fresh keys, ${options.seconds} s each; CPU is that of servers and Redises together`,
);
const cluster = await startBenchCluster(datacenters, Number(options.port));
process.once("SIGINT", () => void cluster.stop().then(() => process.exit(1)));
try {
  const runs: Run[] = [];
  for (const callers of options.callers.split(",").map(Number)) {
    const warmupSeconds = runs.length === 0 ? Number(options["warmup-seconds"]) : settleSeconds;
    const run = await measure(cluster, callers, Number(options.seconds), warmupSeconds);
    console.log(line(run));
    runs.push(run);
  }
  if (options.json) console.log(JSON.stringify({ runs }));
  if (runs.some((run) => run.proposals === 0)) process.exitCode = 1;
  await cluster.stop();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
  await cluster.stop({ keepData: true });
}
