/** Callers at every datacenter, in closed loops or at a rate, and how long they waited. */
import { build, type Histogram } from "hdr-histogram-js";
import { type Caller, openCaller } from "./raw-caller.ts";

/** One request; `fresh` counts up over all callers of a run. */
export type Ask = (fresh: number, datacenter: number) => { readonly path: string; readonly body?: string };
export type Load = {
  readonly apis: readonly string[];
  /** Connections at each datacenter. */
  readonly callersEach: number;
  /** Requests a second at each datacenter, at random times; null: closed loops, the next one as soon as the last is answered. */
  readonly ratePerSecond: number | null;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly ask: Ask;
};
/** Latencies in milliseconds. In an open loop they begin when the request was due, whether or not a caller was free. */
export type Measured = {
  readonly count: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of those answered with a path. */
  readonly fastShare: number | null;
};
export type LoadResult = {
  readonly each: readonly Measured[];
  readonly all: Measured;
  readonly errorTexts: readonly string[];
};

type Tally = { readonly latencyUs: Histogram; errors: number; fast: number; withPath: number };
const errorsMax = 10_000;

/** @throws Error after too many answers that are none */
export async function runLoad(load: Load): Promise<LoadResult> {
  const tallies = load.apis.map(newTally);
  const errorTexts = new Set<string>();
  const state = { running: true, measuring: false, fresh: 0 };
  const callers = await Promise.all(load.apis.map((api) => Promise.all(Array.from({ length: load.callersEach }, () => openCaller(api)))));

  const once = async (caller: Caller, at: number, dueMs: number): Promise<void> => {
    const { path, body } = load.ask(state.fresh++, at);
    const answer = await caller.ask(path, body);
    const tally = tallies[at];
    if (!state.measuring || tally === undefined) return;
    // An absent key is an answer.
    if (answer.status !== 200 && answer.status !== 404) {
      if (errorTexts.size < 3) errorTexts.add(`${answer.status} ${answer.body.slice(0, 200)}`);
      if (++tally.errors > errorsMax) throw new Error(`too many errors, such as ${[...errorTexts].join(" ")}`);
      return;
    }
    tally.latencyUs.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1_000)));
    const way = /"path":"(\w+)"/.exec(answer.body)?.[1];
    if (way !== undefined) tally.withPath++;
    if (way === "fast") tally.fast++;
  };
  const closed = async (caller: Caller, at: number) => {
    while (state.running) await once(caller, at, performance.now());
  };
  const open = async (free: Caller[], at: number, perSecond: number) => {
    const underWay = new Set<Promise<void>>();
    const waiting: number[] = [];
    const begin = (caller: Caller, dueMs: number): void => {
      const asked = once(caller, at, dueMs).then(() => {
        underWay.delete(asked);
        const next = waiting.shift();
        if (next === undefined) free.push(caller);
        else begin(caller, next);
      });
      underWay.add(asked);
    };
    for (let dueMs = performance.now(); state.running; dueMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond) {
      const left = dueMs - performance.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      const caller = free.pop();
      if (caller === undefined) waiting.push(dueMs);
      else begin(caller, dueMs);
    }
    waiting.length = 0;
    await Promise.all(underWay);
  };

  const { ratePerSecond } = load;
  const loops = Promise.all(
    callers.flatMap((own, at) => (ratePerSecond === null ? own.map((caller) => closed(caller, at)) : [open([...own], at, ratePerSecond)])),
  );
  const pause = (seconds: number) => Promise.race([loops, new Promise((resolve) => setTimeout(resolve, seconds * 1_000))]);
  await pause(load.warmUpSeconds);
  const startMs = performance.now();
  state.measuring = true;
  await pause(load.seconds);
  const tookSeconds = (performance.now() - startMs) / 1_000;
  state.measuring = false;
  state.running = false;
  await loops;
  for (const caller of callers.flat()) caller.close();
  return {
    each: tallies.map((tally) => measured(tally, tookSeconds)),
    all: measured(sum(tallies), tookSeconds),
    errorTexts: [...errorTexts],
  };
}

function newTally(): Tally {
  return {
    latencyUs: build({ lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 }),
    errors: 0,
    fast: 0,
    withPath: 0,
  };
}

function sum(tallies: readonly Tally[]): Tally {
  const all = newTally();
  for (const { latencyUs, errors, fast, withPath } of tallies) {
    all.latencyUs.add(latencyUs);
    all.errors += errors;
    all.fast += fast;
    all.withPath += withPath;
  }
  return all;
}

function measured({ latencyUs, errors, fast, withPath }: Tally, seconds: number): Measured {
  const at = (percent: number) => Math.round(latencyUs.getValueAtPercentile(percent) / 10) / 100;
  return {
    count: latencyUs.totalCount,
    errors,
    perSecond: Math.round(latencyUs.totalCount / seconds),
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: Math.round(latencyUs.maxValue / 10) / 100,
    fastShare: withPath === 0 ? null : fast / withPath,
  };
}
