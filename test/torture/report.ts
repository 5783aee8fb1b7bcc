/** A campaign as Markdown, JSON and pictures; the history of what failed beside them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "../../sim/checker/history.ts";
import { writeHistory } from "../../sim/checker/jsonl.ts";
import type { Span } from "./case.ts";
import type { Figures } from "./figures.ts";
import { timelineOf } from "./timeline.ts";

export type Result = Figures & {
  readonly suite: string;
  readonly case: string;
  readonly fault: number;
  readonly what: string;
  readonly datacenters: number;
  readonly seed: string;
  readonly params: Readonly<Record<string, number>>;
  readonly spans: readonly Span[];
  readonly counts: Readonly<Record<string, number>>;
  /** From the end of the faults until all said that they serve. null: they did not. */
  readonly healMs: number | null;
  readonly violations: readonly string[];
  /** Acknowledged writes that are gone. */
  readonly lost: number;
  /** It lost writes on purpose, to show that the campaign sees it. */
  readonly isSelfCheck: boolean;
  /** By kill -9. */
  readonly killed: Readonly<Record<"server" | "redis" | "worker", number>>;
  readonly crashes: number;
  readonly verdict: "ok" | "violation" | "unknown";
  readonly checkMs: number;
  readonly operations: readonly Operation[];
};

/** Writes report.md, report.json, and a picture of each run; the history too where a run failed. */
export function writeReport(folder: string, commit: string, results: readonly Result[]): void {
  mkdirSync(folder, { recursive: true });
  for (const [i, result] of results.entries()) {
    writeFileSync(join(folder, `${nameOf(i, result)}.svg`), timelineOf(result));
    if (result.violations.length > 0) writeFileSync(join(folder, `${nameOf(i, result)}.jsonl`), writeHistory(result.operations));
  }
  writeFileSync(join(folder, "report.md"), markdownOf(commit, results));
  const plain = results.map(({ operations, ...figures }) => figures);
  writeFileSync(join(folder, "report.json"), `${JSON.stringify({ commit, runs: plain }, null, 1)}\n`);
}

function nameOf(index: number, result: Result): string {
  return `${String(index + 1).padStart(3, "0")}-${result.case}`;
}

/** One line for the terminal. */
export function lineOf(result: Result): string {
  const { before, during, after, healMs, violations } = result;
  const total = (kind: "ok" | "fail" | "info") => before[kind] + during[kind] + after[kind];
  const rates = `${before.okPerSecond}/${during.okPerSecond}/${after.okPerSecond} ok/s`;
  const healed = healMs === null ? "not healed" : `healed in ${(healMs / 1000).toFixed(1)} s`;
  const verdict = violations.length === 0 ? "passed" : `FAILED (${violations.length})`;
  return `${verdict} ${result.case} (fault ${result.fault}, ${result.datacenters} datacenters, seed ${result.seed}): ${total("ok")} ok, ${total("fail")} fail, ${total("info")} info, ${rates}, ${healed}, ${result.spans.length} faults`;
}

function markdownOf(commit: string, results: readonly Result[]): string {
  const failed = results.filter(({ violations }) => violations.length > 0);
  const sum = (figure: (result: Result) => number) => results.reduce((total, result) => total + figure(result), 0);
  const slowest = results.reduce((most, { healMs }) => Math.max(most, healMs ?? Infinity), 0);
  const answered = sum(({ before, during, after }) => before.ok + during.ok + after.ok);
  const lines = [
    "# Fault campaign",
    "",
    `Commit ${commit}, ${results.length} runs, ${sum(({ spans }) => spans.length)} faults, ${answered} answered operations.`,
    `${failed.length} runs failed; ${sum(({ crashes }) => crashes)} crashes that were not injected; slowest to heal: ${(slowest / 1000).toFixed(1)} s.`,
    "",
    "Rates are ok answers a second before, during and after the faults. Gap: the longest time without an ok answer, of the datacenter where it was longest and where it was shortest.",
    "",
    "| # | fault | case | DCs | seed | faults | ok / fail / info | ok/s | p50 ms | p99 ms | gap s | heal s | verdict |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...results.map(rowOf),
    "",
    "## What else was counted",
    "",
    ...totals(results).map(([name, counts]) => `- ${name}: ${counts}`),
    "",
    ...failed.flatMap((result) => [
      `## Failed: ${result.case}, seed ${result.seed}`,
      "",
      ...result.violations.flatMap((violation) => ["```", violation.slice(0, 6_000), "```", ""]),
    ]),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function rowOf(result: Result, index: number): string {
  const { before, during, after } = result;
  const phases = [before, during, after];
  const of = (figure: "okPerSecond" | "p50Ms" | "p99Ms") => phases.map((phase) => phase[figure] ?? "-").join(" / ");
  const gaps = Object.values(result.longestGapMs).sort((a, b) => a - b);
  const gap = `${((gaps.at(-1) ?? 0) / 1000).toFixed(1)} / ${((gaps[0] ?? 0) / 1000).toFixed(1)}`;
  const total = (kind: "ok" | "fail" | "info") => before[kind] + during[kind] + after[kind];
  const cells = [
    index + 1,
    result.fault,
    result.case,
    result.datacenters,
    result.seed,
    result.spans.length,
    `${total("ok")} / ${total("fail")} / ${total("info")}`,
    of("okPerSecond"),
    of("p50Ms"),
    of("p99Ms"),
    gap,
    result.healMs === null ? "never" : (result.healMs / 1000).toFixed(1),
    result.violations.length === 0 ? "passed" : "FAILED",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** A line for each case, its counts over all its runs. Largest values are told as the largest. */
function totals(results: readonly Result[]): [string, string][] {
  const byCase = new Map<string, Map<string, number>>();
  for (const result of results) {
    const counts = byCase.get(result.case) ?? new Map<string, number>();
    byCase.set(result.case, counts);
    for (const { name } of result.spans) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const [name, value] of Object.entries(result.counts)) {
      const before = counts.get(name) ?? 0;
      counts.set(name, name.startsWith("largest") ? Math.max(before, value) : before + value);
    }
  }
  return [...byCase].map(([name, counts]) => [name, [...counts].map(([what, value]) => `${what} ${round(value)}`).join(", ")]);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
