/** What a run comes to: percentiles by region, and what it cost. */
import type { Operation, Setting } from "./setting.ts";

/** Milliseconds; null where nothing was measured. */
export type Percentiles = { readonly p50: number; readonly p90: number; readonly p99: number; readonly p999: number };
export type RegionReport = {
  readonly region: string;
  readonly operations: number;
  /** Of commands that are ordered: writes, and reads where the protocol orders them. */
  readonly commit: Percentiles | null;
  readonly write: Percentiles | null;
  readonly read: Percentiles | null;
};
export type LabReport = {
  readonly protocol: string;
  readonly regions: readonly RegionReport[];
  readonly all: RegionReport;
  readonly fastShare: number | null;
  readonly chain: { readonly mean: number; readonly p99: number; readonly max: number };
  readonly messagesPerCommand: number;
  readonly bytesPerCommand: number;
  /** Begun and never answered. */
  readonly unanswered: number;
};

type Traffic = { readonly messages: number; readonly bytes: number; readonly operations: number };

export function summarize(setting: Setting, operations: readonly Operation[], traffic: Traffic): LabReport {
  const answered = operations.filter(({ endMs }) => endMs !== null);
  const ordered = answered.filter(({ path }) => path !== null);
  const chains = ordered.map(({ chain }) => chain).sort((a, b) => a - b);
  const fast = ordered.filter(({ path }) => path === "fast").length;
  return {
    protocol: setting.protocol,
    regions: setting.placement.flatMap((region, site) =>
      site === setting.down
        ? []
        : [
            regionReport(
              region,
              answered.filter((each) => each.site === site),
            ),
          ],
    ),
    all: regionReport("all", answered),
    fastShare: ordered.length === 0 ? null : fast / ordered.length,
    chain: {
      mean: chains.reduce((sum, each) => sum + each, 0) / Math.max(1, chains.length),
      p99: at(chains, 0.99) ?? 0,
      max: chains.at(-1) ?? 0,
    },
    messagesPerCommand: traffic.messages / Math.max(1, traffic.operations),
    bytesPerCommand: traffic.bytes / Math.max(1, traffic.operations),
    unanswered: operations.length - answered.length,
  };
}

function regionReport(region: string, answered: readonly Operation[]): RegionReport {
  const took = (some: readonly Operation[], end: "commitMs" | "endMs") =>
    percentiles(some.filter((each) => each[end] !== null).map((each) => (each[end] as number) - each.startMs));
  return {
    region,
    operations: answered.length,
    commit: took(
      answered.filter(({ path }) => path !== null),
      "commitMs",
    ),
    write: took(
      answered.filter(({ isRead }) => !isRead),
      "endMs",
    ),
    read: took(
      answered.filter(({ isRead }) => isRead),
      "endMs",
    ),
  };
}

export function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const of = (share: number) => at(sorted, share) as number;
  return { p50: of(0.5), p90: of(0.9), p99: of(0.99), p999: of(0.999) };
}

function at(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
