/** What a run's history says in numbers. */
import type { Operation } from "../../sim/checker/history.ts";

export type Moments = { readonly startedMs: number; readonly faultsFromMs: number; readonly healFromMs: number; readonly endMs: number };
export type PhaseFigures = {
  readonly seconds: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  readonly okPerSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};
export type Figures = {
  readonly before: PhaseFigures;
  readonly during: PhaseFigures;
  readonly after: PhaseFigures;
  /** Longest time without an ok answer, a datacenter. */
  readonly longestGapMs: Readonly<Record<string, number>>;
  /** From the end of the faults to the first ok answer of what was asked since, a datacenter. */
  readonly firstOkMs: Readonly<Record<string, number | null>>;
  /** For the picture: answers of each kind in each second, and the slowest ok one. */
  readonly seconds: readonly { readonly ok: number; readonly fail: number; readonly info: number; readonly slowestMs: number }[];
  readonly moments: { readonly faultsFromMs: number; readonly healFromMs: number; readonly endMs: number };
};

/** Operations are timed by `process.hrtime`, everything else by `performance.now`: two names for one clock with two origins. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

type Timed = { readonly at: string; readonly status: Operation["status"]; readonly startMs: number; readonly endMs: number };

export function figuresOf(operations: readonly Operation[], moments: Moments, datacenters: readonly number[]): Figures {
  const { startedMs, faultsFromMs, healFromMs, endMs } = moments;
  const all: Timed[] = operations
    .map(({ client, status, startNs, endNs }) => ({
      at: `${client}`.split(".")[0] ?? "",
      status,
      startMs: Number(startNs) / 1e6 - originMs,
      endMs: Number(endNs ?? startNs) / 1e6 - originMs,
    }))
    .filter(({ at }) => at !== "final");
  const within = (fromMs: number, toMs: number) => phaseOf(all, fromMs, toMs);
  const each = <T>(figure: (own: Timed[]) => T) =>
    Object.fromEntries(datacenters.map((datacenter) => [`dc-${datacenter}`, figure(all.filter(({ at }) => at === `dc-${datacenter}`))]));
  return {
    before: within(startedMs, faultsFromMs),
    during: within(faultsFromMs, healFromMs),
    after: within(healFromMs, endMs),
    longestGapMs: each((own) => longestGap(own, startedMs, endMs)),
    firstOkMs: each((own) => {
      const ends = own.filter(({ status, startMs }) => status === "ok" && startMs >= healFromMs).map((one) => one.endMs);
      return ends.length === 0 ? null : Math.round(ends.reduce((a, b) => Math.min(a, b)) - healFromMs);
    }),
    seconds: perSecond(all, startedMs, endMs),
    moments: { faultsFromMs: faultsFromMs - startedMs, healFromMs: healFromMs - startedMs, endMs: endMs - startedMs },
  };
}

function phaseOf(all: readonly Timed[], fromMs: number, toMs: number): PhaseFigures {
  const own = all.filter(({ endMs }) => endMs >= fromMs && endMs < toMs);
  const count = (wanted: string) => own.filter(({ status }) => status === wanted).length;
  const times = own.filter(({ status }) => status === "ok").map(({ startMs, endMs }) => endMs - startMs);
  times.sort((a, b) => a - b);
  const at = (share: number) => (times.length === 0 ? null : round(times[Math.floor(share * (times.length - 1))] ?? 0));
  const seconds = Math.max(0.001, (toMs - fromMs) / 1000);
  return {
    seconds: round(seconds),
    ok: count("ok"),
    fail: count("fail"),
    info: count("info"),
    okPerSecond: round(count("ok") / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

function longestGap(own: readonly Timed[], fromMs: number, toMs: number): number {
  const ends = own.filter(({ status }) => status === "ok").map(({ endMs }) => endMs);
  const marks = [fromMs, ...ends.sort((a, b) => a - b), toMs];
  return Math.round(marks.slice(1).reduce((longest, end, i) => Math.max(longest, end - (marks[i] as number)), 0));
}

function perSecond(all: readonly Timed[], fromMs: number, toMs: number): Figures["seconds"] {
  const seconds = Array.from({ length: Math.ceil((toMs - fromMs) / 1000) }, () => ({ ok: 0, fail: 0, info: 0, slowestMs: 0 }));
  for (const { status, startMs, endMs } of all) {
    const second = seconds[Math.floor((endMs - fromMs) / 1000)];
    if (second === undefined || status === "happened") continue;
    second[status]++;
    if (status === "ok") second.slowestMs = Math.max(second.slowestMs, Math.round(endMs - startMs));
  }
  return seconds;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
