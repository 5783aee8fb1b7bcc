/** Words for a violation. */
import { type Command, commandsOf, type Operation, type Result, type Value } from "./history.ts";

const valueCharsMax = 40;
const linesMax = 60;
/** Of operations whose time plays no part. */
const aroundLinesMax = 12;

export type Row = {
  readonly operation: Operation;
  /** Nanoseconds since the history's first call; null: of no account. */
  readonly fromNs: number | null;
  readonly toNs: number | null;
};

/** One operation a line, by its call; what may have happened at any time comes first. */
export function windowText(core: readonly Row[], around: readonly Row[]): string {
  const byCall = [...core].sort((a, b) => (a.fromNs ?? 0) - (b.fromNs ?? 0));
  const originNs = byCall[0]?.fromNs ?? 0;
  const lines = [
    ...capped(around, aroundLinesMax).map((row) => line(row, originNs)),
    ...more(around, aroundLinesMax, "others that may have happened at any time"),
    ...capped(byCall, linesMax).map((row) => line(row, originNs)),
    ...more(byCall, linesMax, "more"),
  ];
  return lines.join("\n");
}

function capped<T>(rows: readonly T[], max: number): readonly T[] {
  return rows.length <= max ? rows : rows.slice(-max);
}

function more(rows: readonly unknown[], max: number, what: string): string[] {
  return rows.length <= max ? [] : [`  and ${rows.length - max} ${what}`];
}

function line({ operation, fromNs, toNs }: Row, originNs: number): string {
  const ms = (ns: number) => `${((ns - originNs) / 1e6).toFixed(3)}`;
  const from = fromNs === null ? "any time" : `${ms(fromNs)} ms`;
  const to = fromNs === null ? "" : toNs === null ? " .. ?" : ` .. ${ms(toNs)} ms`;
  return `  ${`${from}${to}`.padEnd(28)} client ${String(operation.client).padEnd(4)} ${describeOperation(operation)}`;
}

export function describeOperation(operation: Operation): string {
  const commands = commandsOf(operation).map(describeCommand).join("; ");
  const name = operation.op === "getLocal" || operation.op === "getOptimistic" ? commands.replace(/^get/, operation.op) : commands;
  switch (operation.status) {
    case "info":
      return `${name} -> unknown`;
    case "happened":
      return `${name} -> happened, with an answer that nobody heard`;
    case "fail":
      return `${name} -> failed, never happened`;
    case "ok":
      return `${name} -> ${describeResult(operation.result ?? {})}`;
  }
}

function describeCommand(command: Command): string {
  switch (command.kind) {
    case "get":
    case "delete":
      return `${command.kind} ${command.key}`;
    case "set":
      return `set ${command.key} = ${describeValue(command.value)}`;
    case "add":
      return `add ${command.key} ${command.delta}`;
    case "checkAndSet":
      return `checkAndSet ${command.key} ${condition(command)} => ${describeValue(command.newValue)}`;
    case "txn": {
      const checks = (command.checks ?? []).map((check) => `${check.key} ${condition(check)}`).join(", ");
      return `txn [${checks}] { ${command.commands.map(describeCommand).join("; ")} }`;
    }
  }
}

function condition(expect: { readonly expectOneOf: readonly Value[] } | { readonly expectVersion: number }): string {
  return "expectVersion" in expect ? `at version ${expect.expectVersion}` : `in {${expect.expectOneOf.map(describeValue).join(", ")}}`;
}

function describeResult(result: Result): string {
  const failed = result.failed === undefined ? "" : ` (check ${result.failed})`;
  const words = [
    result.ok === false ? `no: ${result.error ?? "not met"}${failed}` : "ok",
    ...(result.value === undefined ? [] : [describeValue(result.value)]),
    ...(result.current === undefined ? [] : [`found ${describeValue(result.current)}`]),
    ...(result.previous === undefined ? [] : [`was ${describeValue(result.previous)}`]),
    ...(result.existed === undefined ? [] : [result.existed ? "existed" : "did not exist"]),
    ...(result.version === undefined ? [] : [`version ${result.version}`]),
    ...(result.results === undefined ? [] : [`[${result.results.map(describeResult).join("; ")}]`]),
  ];
  return words.join(", ");
}

function describeValue(value: Value): string {
  if (value === null) return "absent";
  const text = JSON.stringify(value);
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}... (${value.length} characters)`;
}
