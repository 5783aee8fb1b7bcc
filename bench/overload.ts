/**
 * `npm run bench -- overload`: what becomes of three datacenters on this machine when twice as much is asked of them as they can do.
 * Closed loops tell the peak; then requests come by the clock, at half of it, at twice it, and at half of it again. Set commands on
 * fresh keys, 64-byte values, `--commands` of them a request. `--report FILE` adds the run to this Markdown file.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type BenchCluster, startBenchCluster } from "./local-cluster.ts";
import { quantile } from "./quantile.ts";
import { type Caller, openCaller } from "./raw-caller.ts";

const { values: options } = parseArgs({
  options: {
    factor: { type: "string", default: "2" },
    seconds: { type: "string", default: "20" },
    // Servers that have just started take half of what they take half a minute later, and after a minute they begin to prune.
    "warmup-seconds": { type: "string", default: "80" },
    callers: { type: "string", default: "256" },
    commands: { type: "string", default: "1" },
    port: { type: "string", default: "17500" },
    report: { type: "string" },
  },
});
const value = "v".repeat(64);
const factor = Number(options.factor);
const commandsEach = Number(options.commands);
/** Connections of the open loops. Whoever finds none free is counted, and not sent. */
const connectionsMax = 9_000;
const windowMs = 500;
const normalFactor = 2;

type Window = {
  ok: number;
  refused: number;
  unknown: number;
  notSent: number;
  readonly latenciesMs: number[];
  readonly refusedMs: number[];
};
type Phase = { readonly seconds: number; readonly windows: readonly Window[]; readonly retryAfter: number; readonly rssMiBMax: number };

const header = `# Twice as much as it can do

\`npm run bench -- overload --report bench/results/overload.md\` on three datacenters of one machine, whose two cores the load shares. The peak is that of closed loops; then requests come by the clock, whatever becomes of those before them: at half the peak, at twice the peak, at half again. Goodput: proposals answered 200 a second. Refused: 429 or 503 with Retry-After, nothing was proposed. Not sent: no connection of ${connectionsMax} was free in the client. Normal again: seconds from the end of the overload until two seconds in a row refuse nothing and the p50 of each half second of them is at most twice that of before.

| date | commit | commands each | peak/s | asked/s | goodput/s | refused | unknown | not sent | p50 / p99 ms at half | p50 / p99 ms over | p99 ms of a refusal | largest RSS of a server, MiB: before / over / after | normal again, s |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`;
const newWindow = (): Window => ({ ok: 0, refused: 0, unknown: 0, notSent: 0, latenciesMs: [], refusedMs: [] });
let fresh = 0;

function proposal(): string {
  const commands = Array.from({ length: commandsEach }, () => ({ kind: "set", key: `over/${process.pid}/${fresh++}`, value }));
  return JSON.stringify({ commands });
}

async function openLoop(cluster: BenchCluster, free: Caller[], perSecond: number, seconds: number): Promise<Phase> {
  const windows: Window[] = [];
  const underWay = new Set<Promise<void>>();
  const startMs = performance.now();
  const windowNow = (): Window => {
    const at = Math.floor((performance.now() - startMs) / windowMs);
    while (windows.length <= at) windows.push(newWindow());
    return windows[at] as Window;
  };
  let rssMiBMax = 0;
  let retryAfter = 0;
  const ask = async (caller: Caller, dueMs: number) => {
    // A connection that was cut is not used again.
    const answer = await caller.ask("/v1/proposals", proposal()).catch(() => null);
    const window = windowNow();
    if (answer === null) return void window.unknown++;
    const ms = performance.now() - dueMs;
    if (answer.status === 200) {
      window.ok++;
      window.latenciesMs.push(ms);
    } else if (answer.status === 429 || answer.status === 503) {
      window.refused++;
      window.refusedMs.push(ms);
      if (answer.body.includes('"retryAfterSeconds"')) retryAfter++;
    } else window.unknown++;
    free.push(caller);
  };
  for (let due = 0, nextRssMs = 0; performance.now() - startMs < seconds * 1_000; ) {
    const elapsedMs = performance.now() - startMs;
    for (; due < (elapsedMs / 1_000) * perSecond; due++) {
      const caller = free.shift();
      if (caller === undefined) {
        windowNow().notSent++;
        continue;
      }
      const asked = ask(caller, startMs + (due * 1_000) / perSecond).finally(() => underWay.delete(asked));
      underWay.add(asked);
    }
    if (elapsedMs >= nextRssMs) {
      rssMiBMax = Math.max(rssMiBMax, ...cluster.rssMiB());
      nextRssMs += 1_000;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { seconds, windows: windows.slice(0, Math.floor((seconds * 1_000) / windowMs)), retryAfter, rssMiBMax };
}

async function closedLoop(cluster: BenchCluster, callers: number, warmUpSeconds: number, seconds: number): Promise<number> {
  const opened = await Promise.all(Array.from({ length: callers }, (_, i) => openCaller(cluster.apis[i % cluster.apis.length] as string)));
  const state = { running: true, measuring: false, ok: 0 };
  const loops = opened.map(async (caller) => {
    while (state.running) {
      const { status } = await caller.ask("/v1/proposals", proposal());
      if (state.measuring && status === 200) state.ok++;
    }
  });
  const pause = (ms: number) => Promise.race([Promise.all(loops), new Promise((resolve) => setTimeout(resolve, ms))]);
  await pause(warmUpSeconds * 1_000);
  const startMs = performance.now();
  state.measuring = true;
  await pause(seconds * 1_000);
  const perSecond = (state.ok * 1_000) / (performance.now() - startMs);
  state.running = false;
  await Promise.all(loops);
  for (const caller of opened) caller.close();
  return perSecond;
}

function roundedQuantile(numbers: readonly number[], share: number): number {
  return Math.round(
    quantile(
      [...numbers].sort((a, b) => a - b),
      share,
    ),
  );
}

function told({ seconds, windows, retryAfter, rssMiBMax }: Phase) {
  const sum = (of: (window: Window) => number) => windows.reduce((all, window) => all + of(window), 0);
  const latencies = windows.flatMap(({ latenciesMs }) => latenciesMs);
  return {
    okPerSecond: Math.round(sum(({ ok }) => ok) / seconds),
    refused: sum(({ refused }) => refused),
    retryAfter,
    unknown: sum(({ unknown }) => unknown),
    notSent: sum(({ notSent }) => notSent),
    p50Ms: roundedQuantile(latencies, 0.5),
    p99Ms: roundedQuantile(latencies, 0.99),
    refusedP99Ms: roundedQuantile(
      windows.flatMap(({ refusedMs }) => refusedMs),
      0.99,
    ),
    rssMiBMax,
  };
}

/** From the end of the overload until two seconds in a row are as fast as normal and refuse nothing; null: not before the end. */
function secondsUntilNormal(after: Phase, normalP50Ms: number): number | null {
  const isNormal = ({ refused, unknown, latenciesMs }: Window) =>
    refused + unknown === 0 && roundedQuantile(latenciesMs, 0.5) <= normalFactor * normalP50Ms;
  const inARow = 2_000 / windowMs;
  const first = after.windows.findIndex((_, i) => i + inARow <= after.windows.length && after.windows.slice(i, i + inARow).every(isNormal));
  return first < 0 ? null : (first * windowMs) / 1_000;
}

function commitOf(): string {
  return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
}

const cluster = await startBenchCluster(3, Number(options.port));
process.once("SIGINT", () => void cluster.stop().then(() => process.exit(1)));
try {
  const seconds = Number(options.seconds);
  const peak = await closedLoop(cluster, Number(options.callers), Number(options["warmup-seconds"]), 20);
  console.log(`peak: ${Math.round(peak)} proposals/s in ${options.callers} closed loops`);
  const free = await Promise.all(
    Array.from({ length: connectionsMax }, (_, i) => openCaller(cluster.apis[i % cluster.apis.length] as string)),
  );
  const phases = [];
  for (const [name, rate, length] of [
    ["half", peak / 2, 10],
    ["overload", peak * factor, seconds],
    ["after", peak / 2, 15],
  ] as const) {
    const phase = await openLoop(cluster, free, rate, length);
    phases.push({ name, rate: Math.round(rate), phase, figures: told(phase) });
    console.log(`${name}: ${Math.round(rate)} asked/s for ${length} s: ${JSON.stringify(told(phase))}`);
  }
  const [half, over, after] = phases;
  if (half === undefined || over === undefined || after === undefined) throw new Error("a phase is missing");
  const normal = secondsUntilNormal(after.phase, half.figures.p50Ms);
  const goodput = over.figures.okPerSecond / peak;
  console.log(`goodput at ${factor} times the peak: ${Math.round(goodput * 100)} %; normal again after ${normal ?? "more than 15"} s`);
  if (options.report !== undefined) {
    const o = over.figures;
    const head = existsSync(options.report) ? readFileSync(options.report, "utf8") : header;
    const cells = [
      ...[
        new Date().toISOString().slice(0, 16),
        commitOf(),
        commandsEach,
        Math.round(peak),
        over.rate,
        `${o.okPerSecond} (${Math.round(goodput * 100)} %)`,
      ],
      ...[o.refused, o.unknown, o.notSent, `${half.figures.p50Ms} / ${half.figures.p99Ms}`, `${o.p50Ms} / ${o.p99Ms}`, o.refusedP99Ms],
      ...[`${half.figures.rssMiBMax} / ${o.rssMiBMax} / ${after.figures.rssMiBMax}`, normal ?? "> 15"],
    ];
    writeFileSync(options.report, `${head.trimEnd()}\n| ${cells.join(" | ")} |\n`);
  }
} finally {
  await cluster.stop();
}
