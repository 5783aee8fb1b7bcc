/** All runs of the campaign in one file, which runs add themselves to: the machine reads the JSON beside it, people the table. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Result } from "./report.ts";

type Row = {
  readonly date: string;
  readonly commit: string;
  readonly case: string;
  readonly fault: number;
  readonly datacenters: number;
  readonly seed: string;
  readonly operations: number;
  readonly faults: number;
  readonly violations: readonly string[];
  readonly lost: number;
  readonly isSelfCheck?: boolean;
  readonly crashes: number;
  readonly healMs: number | null;
  readonly killed: Result["killed"];
  /** What becomes of a run that failed: written by hand. */
  readonly cause?: string;
};
const violationLengthMax = 160;

export function addToSum(file: string, commit: string, result: Result): void {
  const data = file.replace(/\.md$/, ".json");
  const rows: Row[] = existsSync(data) ? (JSON.parse(readFileSync(data, "utf8")) as Row[]) : [];
  const { before, during, after } = result;
  rows.push({
    date: new Date().toISOString().slice(0, 16),
    commit,
    case: result.case,
    fault: result.fault,
    datacenters: result.datacenters,
    seed: result.seed,
    operations: [before, during, after].reduce((sum, phase) => sum + phase.ok + phase.fail + phase.info, 0),
    faults: result.spans.length,
    violations: result.violations.map((violation) => violation.split("\n", 1)[0]?.slice(0, violationLengthMax) ?? ""),
    lost: result.lost,
    ...(result.isSelfCheck ? { isSelfCheck: true } : {}),
    crashes: result.crashes,
    healMs: result.healMs === null ? null : Math.round(result.healMs),
    killed: result.killed,
  });
  writeFileSync(data, `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`);
  writeFileSync(file, markdownOf(rows));
}

function markdownOf(all: readonly Row[]): string {
  const rows = all.filter(({ isSelfCheck }) => isSelfCheck !== true);
  const selfChecks = all.filter(({ isSelfCheck }) => isSelfCheck === true);
  const names = [...new Set(rows.map((row) => row.case))].sort();
  const total = (of: readonly Row[], figure: (row: Row) => number) => of.reduce((sum, row) => sum + figure(row), 0);
  const cells = (name: string, of: readonly Row[]) => {
    const healed = of.map(({ healMs }) => healMs ?? Infinity).sort((a, b) => a - b);
    const seconds = (ms: number) => (Number.isFinite(ms) ? (ms / 1000).toFixed(1) : "never");
    const failed = of.filter(({ violations }) => violations.length > 0).length;
    const figures = [(row: Row) => row.operations, (row: Row) => row.faults].map((figure) => total(of, figure));
    const killed = ["server", "redis"].map((part) => total(of, (row) => row.killed[part as "server" | "redis"]));
    const middle = seconds(healed[Math.floor(healed.length / 2)] ?? 0);
    const cells = [name, of.length, ...figures, failed, total(of, ({ lost }) => lost), total(of, ({ crashes }) => crashes)];
    return `| ${[...cells, `${middle} / ${seconds(healed.at(-1) ?? 0)}`, ...killed].join(" | ")} |`;
  };
  const failed = all.filter(({ violations }) => violations.length > 0);
  const losses = selfChecks.map(({ date, commit, seed, lost, ...row }) => `| ${date} | ${commit} | ${row.case} | ${seed} | ${lost} |`);
  const lines = [
    "# The fault campaign, summed up",
    "",
    "Each `npm run torture -- --sum` of this file adds its runs. Every history is checked for linearizability; lost: acknowledged writes that are gone, whose version no last read reached or another write was given; healed: seconds from the end of the last fault until every datacenter answered a linearizable read, middle and longest. The runs one by one, with commit and seed, are in the JSON beside this file.",
    "",
    "| case | runs | operations | faults | failed runs | lost | crashes | healed s | servers killed | Redis killed |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...names.map((name) =>
      cells(
        name,
        rows.filter((row) => row.case === name),
      ),
    ),
    cells("all", rows),
    "",
    ...(losses.length === 0
      ? []
      : [
          "## What must lose, and is seen to",
          "",
          "| date | commit | case | seed | lost writes |",
          "| --- | --- | --- | --- | --- |",
          ...losses,
          "",
        ]),
    ...(failed.length === 0
      ? []
      : ["## Runs that failed", "", "| date | commit | case | seed | what | cause |", "| --- | --- | --- | --- | --- | --- |"]),
    ...failed.map(({ date, commit, seed, violations, cause = "not known", ...row }) => {
      const what = violations.join("; ").replaceAll("|", "/").slice(0, 400);
      return `| ${date} | ${commit} | ${row.case} | ${seed} | ${what} | ${cause} |`;
    }),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
