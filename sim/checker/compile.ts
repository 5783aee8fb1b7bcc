/** Operations of one component (keys tied together) in the form in which the engines step through them. */
import {
  type Command,
  commandsOf,
  type Delta,
  type Expectation,
  HistoryError,
  type Nanoseconds,
  type Operation,
  type Result,
  type SimpleCommand,
  type Value,
} from "./history.ts";

/** Either the values or the version that a condition names. */
export type Condition = { readonly values: ReadonlySet<Value> } | { readonly version: number };
/** Keys are indices into the component's. */
export type Simple =
  | { readonly kind: "get"; readonly key: number }
  | { readonly kind: "write"; readonly key: number; readonly value: Value }
  | { readonly kind: "checkAndSet"; readonly key: number; readonly expect: Condition; readonly newValue: Value }
  | { readonly kind: "add"; readonly key: number; readonly delta: bigint };
export type Txn = {
  readonly kind: "txn";
  readonly checks: readonly { readonly key: number; readonly expect: Condition }[];
  readonly commands: readonly Simple[];
};
/** `result` null: not known. */
export type Part = { readonly command: Simple | Txn; readonly result: Result | null };

export type Op = {
  readonly source: Operation;
  /** Index in the history. */
  readonly position: number;
  /** In order, at one point. */
  readonly parts: readonly Part[];
  readonly keys: readonly number[];
  /** It may happen at any time after its call, or never. */
  readonly optional: boolean;
  /** It may even happen any number of times. Only where a violation is cut down: such a search stays small. */
  readonly repeatable: boolean;
  /** Its answer says that it changed nothing, whatever it met. */
  readonly readOnly: boolean;
  /** An add by itself: two of them can change places. */
  readonly adds: boolean;
  /** Nanoseconds since the history's first call; -Infinity: unknown. */
  readonly call: number;
  /** Infinity where optional. */
  readonly ret: number;
};

/** Nanoseconds since `base` as a number, which is exact for 100 days. */
export function nanosecondsSince(base: Nanoseconds, at: Nanoseconds): number {
  if (typeof base === "bigint" && typeof at === "bigint") return Number(at - base);
  if (typeof base === "number" && typeof at === "number") return at - base;
  throw new HistoryError("a history has bigint times or number times, not both");
}

export function compile(source: Operation, position: number, base: Nanoseconds, keyIndex: (key: string) => number): Op {
  const optional = source.status === "info";
  const commands = commandsOf(source);
  const results = source.status === "ok" ? resultsOf(source, position, commands) : commands.map(() => null);
  const parts = commands.map((command, i) => ({ command: compileCommand(command, keyIndex), result: results[i] ?? null }));
  const call = nanosecondsSince(base, source.startNs);
  const ret = optional ? Infinity : endOf(source, position, base);
  if (ret < call) throw new HistoryError(`operation ${position} ends before it begins`);
  return {
    source,
    position,
    parts,
    keys: [...new Set(parts.flatMap(({ command }) => keysOf(command)))],
    optional,
    repeatable: false,
    readOnly: parts.every(isReadOnly),
    adds: source.op === "add",
    call,
    ret,
  };
}

/** The same operation, had nobody been told its outcome. */
export function forgetOutcome(op: Op): Op {
  return { ...op, parts: op.parts.map(({ command }) => ({ command, result: null })), optional: true, ret: Infinity };
}

/** Everything that it can have done and more: at any time, on no condition, and where `repeatable` any number of times. */
export function weaken(op: Op, repeatable: boolean): Op {
  const parts = op.parts.map(({ command }) => {
    if (command.kind !== "txn") return { command: unconditional(command), result: null };
    return { command: { ...command, checks: [], commands: command.commands.map(unconditional) }, result: null };
  });
  return { ...op, parts, optional: true, repeatable, call: -Infinity, ret: Infinity };
}

function unconditional(command: Simple): Simple {
  return command.kind === "checkAndSet" ? { kind: "write", key: command.key, value: command.newValue } : command;
}

function endOf({ endNs }: Operation, position: number, base: Nanoseconds): number {
  if (endNs === undefined || endNs === null) throw new HistoryError(`operation ${position} is ok and needs endNs`);
  return nanosecondsSince(base, endNs);
}

function resultsOf({ op, result }: Operation, position: number, commands: readonly Command[]): readonly (Result | null)[] {
  const results = op === "proposal" ? result?.results : [result ?? {}];
  if (results?.length !== commands.length) throw new HistoryError(`operation ${position} (${op}) needs a result for each command`);
  for (const [i, command] of commands.entries()) checkResult(command, results[i] ?? {}, position);
  return results;
}

function checkResult(command: Command, result: Result, position: number): void {
  const needs = (what: string) => new HistoryError(`operation ${position} (${command.kind}) is ok and needs result.${what}`);
  if (command.kind === "get" && result.value === undefined) throw needs("value");
  const conditional = command.kind === "checkAndSet" || command.kind === "add" || command.kind === "txn";
  if (conditional && result.ok === undefined) throw needs("ok");
  if (command.kind !== "txn" || result.ok !== true || result.results === undefined) return;
  if (result.results.length !== command.commands.length) throw needs("results, one for each command");
  for (const [i, inner] of command.commands.entries()) checkResult(inner, result.results[i] ?? {}, position);
}

function compileCommand(command: Command, keyIndex: (key: string) => number): Simple | Txn {
  if (command.kind !== "txn") return compileSimple(command, keyIndex);
  return {
    kind: "txn",
    checks: (command.checks ?? []).map((check) => ({ key: keyIndex(check.key), expect: conditionOf(check) })),
    commands: command.commands.map((inner) => compileSimple(inner, keyIndex)),
  };
}

function compileSimple(command: SimpleCommand, keyIndex: (key: string) => number): Simple {
  const key = keyIndex(command.key);
  switch (command.kind) {
    case "get":
      return { kind: "get", key };
    case "set":
      return { kind: "write", key, value: command.value };
    case "delete":
      return { kind: "write", key, value: null };
    case "checkAndSet":
      return { kind: "checkAndSet", key, expect: conditionOf(command), newValue: command.newValue };
    case "add":
      return { kind: "add", key, delta: deltaOf(command.delta) };
    default:
      throw new HistoryError(`unknown command ${JSON.stringify((command as { kind: unknown }).kind)}`);
  }
}

function conditionOf(expect: Expectation): Condition {
  return "expectVersion" in expect ? { version: expect.expectVersion } : { values: new Set(expect.expectOneOf) };
}

function deltaOf(delta: Delta): bigint {
  try {
    return BigInt(delta);
  } catch {
    throw new HistoryError(`delta ${String(delta)} is no integer`);
  }
}

function keysOf(command: Simple | Txn): number[] {
  return command.kind === "txn" ? [...command.checks, ...command.commands].map(({ key }) => key) : [command.key];
}

function isReadOnly({ command, result }: Part): boolean {
  switch (command.kind) {
    case "get":
      return true;
    case "write":
      return command.value === null && (result?.existed === false || result?.previous === null);
    case "txn":
      return result?.ok === false || command.commands.every(({ kind }) => kind === "get");
    default:
      return result?.ok === false;
  }
}
