/** What runs of a suite measured, in one file: the newest run of each case with its sizes. The machine reads the JSON beside it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Result } from "./report.ts";

type Row = Pick<Result, "case" | "what" | "seed" | "params" | "counts" | "before" | "during" | "after"> & {
  readonly date: string;
  readonly commit: string;
  readonly violations: readonly string[];
};
const violationLengthMax = 160;

/** Sizes that only say which part of a case was run: the parts of one commit are told together. */
const parts: readonly string[] = ["first", "steps"];

export function addToFigures(file: string, commit: string, result: Result): void {
  const data = file.replace(/\.md$/, ".json");
  const rows: Row[] = existsSync(data) ? (JSON.parse(readFileSync(data, "utf8")) as Row[]) : [];
  const { case: name, what, seed, counts, before, during, after } = result;
  const params = Object.fromEntries(Object.entries(result.params).filter(([param]) => !parts.includes(param)));
  const violations = result.violations.map((violation) => violation.split("\n", 1)[0]?.slice(0, violationLengthMax) ?? "");
  const date = new Date().toISOString().slice(0, 16);
  const row: Row = { date, commit, case: name, what, seed, params, violations, counts, before, during, after };
  const earlier = rows.find((each) => keyOf(each) === keyOf(row));
  const isPart = Object.keys(result.params).some((param) => parts.includes(param)) && earlier?.commit === commit;
  const kept = rows.filter((each) => each !== earlier);
  kept.push(earlier !== undefined && isPart ? together(earlier, row) : row);
  kept.sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
  writeFileSync(data, `[\n${kept.map((each) => JSON.stringify(each)).join(",\n")}\n]\n`);
  writeFileSync(file, markdownOf(kept));
}

function together(earlier: Row, later: Row): Row {
  const counts: Record<string, number> = { ...earlier.counts };
  for (const [name, value] of Object.entries(later.counts)) {
    const isSum = name.startsWith("requests");
    counts[name] = isSum ? (counts[name] ?? 0) + value : Math.max(counts[name] ?? 0, value);
  }
  return { ...later, counts, violations: [...earlier.violations, ...later.violations] };
}

function keyOf({ case: name, params }: Row): string {
  return `${name} ${JSON.stringify(params)}`;
}

function markdownOf(rows: readonly Row[]): string {
  const lines = [
    "# What reconfigurations take",
    "",
    "Written by `npm run torture -- --figures` of this file: the newest run of each case and its sizes. Clusters of real processes on this machine, each datacenter with its own Redis, one Temporal for all; nine clients write and read all the while. Every history is checked for linearizability, and at the end every replica holds the same. Where other work kept the machine busy, a rate is lower and a time longer than it could be.",
  ];
  for (const { date, commit, case: name, what, seed, params, violations, counts, before, during, after } of rows) {
    const sizes = Object.entries(params).map(([param, value]) => `${param} ${value}`);
    lines.push("", `## ${[name, ...sizes].join(", ")}`, "", `${what[0]?.toUpperCase()}${what.slice(1)}.`, "");
    lines.push(
      `${date}, commit ${commit}, seed ${seed}: ${violations.length === 0 ? "passed" : `FAILED: ${violations.join("; ")}`}. Answers a second before, during and after: ${before.okPerSecond}, ${during.okPerSecond}, ${after.okPerSecond}; p99 ${before.p99Ms}, ${during.p99Ms}, ${after.p99Ms} ms.`,
      "",
      "| what | figure |",
      "| --- | --- |",
      ...Object.entries(counts).map(([what, value]) => `| ${what} | ${Math.round(value * 100) / 100} |`),
    );
  }
  return `${lines.join("\n")}\n`;
}
