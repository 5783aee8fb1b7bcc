/**
 * Checks recorded histories: `node --import tsx sim/checker/main.ts [options] FILE...` (a file of `-` is stdin).
 * Exit code 0 ok, 1 violation, 2 not decided (never a pass), 3 bad input.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type CheckOptions, checkHistory } from "./check-history.ts";
import { HistoryError, type Operation, type Status } from "./history.ts";
import { readHistory } from "./jsonl.ts";

const usage = `usage: main.ts [--timeout-ms N] [--versions] [--initial JSON] [--json] FILE...
  --versions   also compare the versions in results
  --initial    an object of what keys held at the start: {"key":"value"} or {"key":{"value":"v","version":3}}
exit code: 0 ok, 1 violation, 2 not decided, 3 bad input`;

const exitCodes = { ok: 0, violation: 1, unknown: 2 };

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "timeout-ms": { type: "string" },
      versions: { type: "boolean", default: false },
      initial: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  if (positionals.length === 0) throw new HistoryError(usage);
  const options: CheckOptions = {
    timeoutMs: Number(values["timeout-ms"] ?? 60_000),
    versions: values.versions,
    ...(values.initial === undefined ? {} : { initial: JSON.parse(values.initial) as NonNullable<CheckOptions["initial"]> }),
  };
  const codes = positionals.map((file) => checkFile(file, options, values.json));
  return codes.includes(1) ? 1 : Math.max(...codes);
}

function checkFile(file: string, options: CheckOptions, asJson: boolean): number {
  const operations = readHistory(readFileSync(file === "-" ? 0 : file, "utf8"));
  const startedMs = performance.now();
  const verdict = checkHistory(operations, options);
  const seconds = (performance.now() - startedMs) / 1000;
  const counts = count(operations);
  if (asJson) {
    const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
    console.log(JSON.stringify({ file, ...verdict, seconds, ...counts }, bigints));
    return exitCodes[verdict.verdict];
  }
  const { ok, fail, info } = counts;
  const shown = { ok: "OK", violation: "VIOLATION", unknown: "UNKNOWN" }[verdict.verdict];
  console.log(`${shown}  ${file}: ${operations.length} operations (ok ${ok}, fail ${fail}, info ${info}) in ${seconds.toFixed(2)} s`);
  if (verdict.verdict !== "ok") console.log(`  ${verdict.reason}`);
  if (verdict.verdict === "violation") console.log(verdict.window);
  return exitCodes[verdict.verdict];
}

function count(operations: readonly Operation[]): Record<Status, number> {
  const counts = { ok: 0, happened: 0, fail: 0, info: 0 };
  for (const { status } of operations) counts[status] += 1;
  return counts;
}

try {
  process.exitCode = main();
} catch (error) {
  // A wrong record, wrong JSON, wrong options, a file that is not there: said in one line.
  console.error((error as Error).message);
  process.exitCode = 3;
}
