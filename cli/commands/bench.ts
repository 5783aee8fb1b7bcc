import { writeFileSync } from "node:fs";
import { type ChartedRun, drawChart } from "../../bench/chart.ts";
import { runLoad } from "../../bench/load.ts";
import { type BenchCluster, startBenchCluster } from "../../bench/local-cluster.ts";
import { type Kind, type PlannedRun, plan } from "../../bench/plans.ts";
import { CommandError, UsageError } from "../exit.ts";
import { json, line, note, type Row, table } from "../output.ts";
import { askRedis } from "../redis-probe.ts";

type Options = {
  readonly callers: string;
  readonly rate?: string;
  readonly seconds: string;
  readonly warmUp: string;
  readonly valueBytes: string;
  readonly commands?: string;
  readonly api?: string;
  readonly datacenters: string;
  readonly port: string;
  readonly svg?: string;
  readonly json?: boolean;
  readonly hot?: string;
  readonly zipf?: string;
  readonly reads?: string;
  readonly keys?: string;
  readonly regions?: string;
};
type Target = { readonly apis: readonly string[]; readonly places: readonly string[]; readonly own: BenchCluster | null };
type Told = ChartedRun & { readonly cpuUsEach: number | null; readonly redisBytes: number | null };

const head = ["run", "where", "answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "fast", "errors"];

/** Runs one kind of benchmark and prints what it measured. @throws UsageError, CommandError */
export async function bench(kind: Kind, options: Options): Promise<void> {
  const runs = plan(kind, {
    callersEach: numbers("callers", options.callers, 1),
    ratePerSecond: options.rate === undefined ? null : one("rate", options.rate, 1),
    valueBytes: one("value-bytes", options.valueBytes, 0),
    commands: one("commands", options.commands ?? "1", 1),
    conflicts: numbers("hot", options.hot ?? "0", 0),
    zipf: options.zipf === undefined ? null : one("zipf", options.zipf, 0),
    keys: one("keys", options.keys ?? "10000", 1),
    readShare: one("reads", options.reads ?? "0", 0),
    prefix: `bench/${process.pid}.${Date.now().toString(36)}`,
  });
  const [seconds, warmUpSeconds] = [one("seconds", options.seconds, 0.1), one("warm-up", options.warmUp, 0)];
  const target = await targetOf(kind, options);
  try {
    if (options.json !== true) note(`${runs.length} runs of ${warmUpSeconds} + ${seconds} s`);
    const told: Told[] = [];
    for (const run of runs) {
      const result = await measure(run, target, { seconds, warmUpSeconds });
      told.push(result);
      if (options.json !== true) line(table(head, rowsOf(result, target.places)));
      for (const text of result.result.errorTexts) note(`an answer that was none: ${text}`);
    }
    if (options.svg !== undefined) writeFileSync(options.svg, drawChart(`epoxy bench ${kind}`, target.places, told));
    if (options.json === true) json({ kind, places: target.places, runs: told.map(({ result, ...rest }) => ({ ...rest, ...result })) });
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(error instanceof Error ? error.message : String(error));
  } finally {
    await target.own?.stop();
  }
}

async function targetOf(kind: Kind, { api, datacenters, port, regions }: Options): Promise<Target> {
  if (api !== undefined) {
    const apis = api.split(",").map((url) => url.trim());
    return { apis, places: apis, own: null };
  }
  const names = kind === "wan" ? (regions ?? "").split(",").map((name) => name.trim().toUpperCase()) : null;
  const own = await startBenchCluster(names?.length ?? one("datacenters", datacenters, 1), one("port", port, 1), names?.join(",") ?? null);
  return { apis: own.apis, places: names ?? own.apis.map((_, i) => `dc-${i + 1}`), own };
}

async function measure(run: PlannedRun, { apis, own }: Target, times: { seconds: number; warmUpSeconds: number }): Promise<Told> {
  const { callersEach, ratePerSecond, ask, prepare } = run;
  if (prepare !== null) await prepareKeys(apis, prepare);
  const cpuBefore = own?.cpuSeconds() ?? null;
  // A caller of an open loop is only a connection: there must be enough of them.
  const connections = ratePerSecond === null ? callersEach : Math.max(callersEach, 64);
  const result = await runLoad({ apis, callersEach: connections, ratePerSecond, ask, ...times });
  const cpuAfter = own?.cpuSeconds() ?? null;
  const share = times.seconds / (times.seconds + times.warmUpSeconds);
  const cpuUsEach =
    cpuBefore === null || cpuAfter === null || result.all.count === 0
      ? null
      : Math.round(((cpuAfter - cpuBefore) * share * 1e6) / result.all.count);
  return { name: run.name, result, cpuUsEach, redisBytes: own === null ? null : await memoryOf(own) };
}

/** Sixteen at a time, each number once. */
async function prepareKeys(apis: readonly string[], { count, ask }: NonNullable<PlannedRun["prepare"]>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const { path, body } = ask(next++, 0);
      const answer = await fetch(`${apis[0]}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: body ?? "",
      });
      if (answer.status !== 200) throw new CommandError(`the keys to read could not be written: ${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function memoryOf(own: BenchCluster): Promise<number> {
  const [info] = await askRedis(own.redises[0] ?? "", [["INFO", "memory"]]);
  return Number(/used_memory:(\d+)/.exec(`${info}`)?.[1] ?? 0);
}

function rowsOf({ name, result, cpuUsEach, redisBytes }: Told, places: readonly string[]): Row[] {
  const row = (where: string, m: (typeof result)["all"], title: string): Row => [
    ...[title, where, m.perSecond, m.p50Ms, m.p90Ms, m.p99Ms, m.p999Ms, m.maxMs],
    ...[m.fastShare === null ? "-" : `${(m.fastShare * 100).toFixed(1)} %`, m.errors],
  ];
  const cost = [
    ...(cpuUsEach === null ? [] : [`CPU ${cpuUsEach} us each`]),
    ...(redisBytes === null ? [] : [`Redis ${(redisBytes / 2 ** 20).toFixed(1)} MiB`]),
  ].join(", ");
  return [row("all", result.all, cost === "" ? name : `${name} (${cost})`), ...result.each.map((m, i) => row(places[i] ?? "", m, ""))];
}

function numbers(name: string, text: string, least: number): number[] {
  return text.split(",").map((each) => one(name, each, least));
}

function one(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < least)
    throw new UsageError(`--${name} must be a number of at least ${least}: ${text}`);
  return value;
}
