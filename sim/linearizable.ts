/** The clients' history as the checker reads it, and the checker's verdict. */
import type { Check, Command, CommandResult, EntryOutcome, Expectation, SimpleCommand } from "../protocol/types.ts";
import { checkHistory } from "./checker/check-history.ts";
import * as checker from "./checker/history.ts";
import { createFates, type Fate } from "./fates.ts";
import type { Operation } from "./history.ts";
import type { Ledger } from "./invariants/ledger.ts";

/** Steps of the search: what takes more is left undecided, on every machine alike. */
const CONFIGURATIONS_MAX = 200_000;

export type HistoryVerdict =
  | { readonly kind: "ok" }
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "violation"; readonly reason: string };

export function judgeHistory(history: readonly Operation[], ledger: Ledger): HistoryVerdict {
  const operations: checker.Operation[] = [];
  const requests = [...requestsOf(history).values()];
  const fateOf = createFates(
    ledger,
    requests.map(([first]) => (first as Operation).ask),
  );
  for (const attempts of requests) {
    const outcomes = new Set(attempts.flatMap(({ heard }) => (heard.kind === "done" ? [describe(heard.outcome)] : [])));
    if (outcomes.size > 1)
      return {
        kind: "violation",
        reason: `one idempotency key, two outcomes: ${[...outcomes].join(" and ")} (#${attempts.map(({ number }) => number).join(", #")})`,
      };
    const [{ ask, number }] = attempts as [Operation];
    if (attempts.every(({ heard }) => heard.kind === "refused") && fateOf(ask).kind === "by")
      return { kind: "violation", reason: `#${number} was refused, so nothing may come of it, and was executed: ${describeAsk(ask)}` };
    operations.push(operationOf(attempts, fateOf));
  }
  if (!operations.some(({ status }) => status === "ok")) return { kind: "unknown", reason: "nothing was answered" };
  return verdictOf(operations);
}

function verdictOf(operations: readonly checker.Operation[]): HistoryVerdict {
  let verdict: ReturnType<typeof checkHistory>;
  try {
    verdict = checkHistory(operations, { timeoutMs: 600_000, configurationsMax: CONFIGURATIONS_MAX, versions: true });
  } catch (error) {
    if (!(error instanceof checker.HistoryError)) throw error;
    return { kind: "violation", reason: `an answer that nobody could give: ${error.message}` };
  }
  switch (verdict.verdict) {
    case "ok":
      return { kind: "ok" };
    case "unknown":
      return { kind: "unknown", reason: verdict.reason };
    case "violation":
      return { kind: "violation", reason: `keys ${verdict.keys.join(", ")}: ${verdict.reason}\n${verdict.window}` };
  }
}

/** Attempts with one idempotency key are one request. */
function requestsOf(history: readonly Operation[]): Map<string, Operation[]> {
  const requests = new Map<string, Operation[]>();
  for (const operation of history) {
    const { ask, number } = operation;
    const name = ask.kind === "propose" && ask.idempotencyKey !== null ? ask.idempotencyKey : `#${number}`;
    const before = requests.get(name);
    if (before === undefined) requests.set(name, [operation]);
    else before.push(operation);
  }
  return requests;
}

/** From the first attempt's beginning to the first answer, or where none came to what the disks tell. */
function operationOf(attempts: readonly Operation[], fateOf: (ask: Operation["ask"]) => Fate): checker.Operation {
  const [first] = attempts as readonly [Operation];
  const done = attempts
    .filter(({ heard }) => heard.kind === "done" || heard.kind === "read")
    .sort((a, b) => (a.endMs ?? 0) - (b.endMs ?? 0))[0];
  const refused = attempts.every(({ heard }) => heard.kind === "refused");
  const fate: Fate = done !== undefined || refused ? { kind: "open" } : fateOf(first.ask);
  const base = {
    client: first.client,
    status: done !== undefined ? "ok" : refused || fate.kind === "never" ? "fail" : fate.kind === "by" ? "happened" : "info",
    startNs: nanoseconds(first.startMs),
    endNs: nanoseconds(done?.endMs ?? (fate.kind === "by" ? fate.atMs : first.startMs)),
  } as const;
  const { ask } = first;
  if (ask.kind === "read") {
    const state = done?.heard.kind === "read" ? done.heard.state : null;
    return {
      ...base,
      op: "get",
      key: ask.key,
      result: state === null ? null : { ok: true, value: text(state.value), version: state.version },
    };
  }
  const outcome = done?.heard.kind === "done" ? done.heard.outcome : null;
  const results = outcome?.kind === "results" ? outcome.results.map(resultOf) : [];
  return {
    ...base,
    op: "proposal",
    args: { commands: ask.commands.map(commandOf) },
    result: outcome === null ? null : { ok: true, results },
  };
}

function describeAsk(ask: Operation["ask"]): string {
  return ask.kind === "read"
    ? `read ${ask.key}`
    : JSON.stringify(ask.commands.map(commandOf), (_key, inner) => (typeof inner === "bigint" ? `${inner}` : inner));
}

function nanoseconds(ms: number): number {
  return Math.floor(ms * 1_000_000);
}

function describe(outcome: EntryOutcome): string {
  return JSON.stringify(outcome.kind === "results" ? outcome.results.map(resultOf) : outcome.kind);
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("latin1");
}

function expectation(expect: Expectation): checker.Expectation {
  return expect.kind === "version" ? { expectVersion: expect.version } : { expectOneOf: expect.values.map(text) };
}

function commandOf(command: Command): checker.Command {
  if (command.kind === "closeBucket") throw new Error("no client closes buckets");
  if (command.kind !== "txn") return simpleOf(command);
  return {
    kind: "txn",
    checks: command.checks.map(({ key, expect }: Check) => ({ key, ...expectation(expect) })),
    commands: command.commands.map(simpleOf),
  };
}

function simpleOf(command: SimpleCommand): checker.SimpleCommand {
  switch (command.kind) {
    case "set":
      return { kind: "set", key: command.key, value: text(command.value) };
    case "checkAndSet":
      return { kind: "checkAndSet", key: command.key, newValue: text(command.newValue), ...expectation(command.expect) };
    default:
      return command;
  }
}

function resultOf(result: CommandResult): checker.Result {
  switch (result.kind) {
    case "written":
      return { ok: true, version: result.version };
    case "value":
      return { ok: true, value: text(result.value), version: result.version };
    case "added":
      return { ok: true };
    case "txn":
      return { ok: true, results: result.results.map(resultOf) };
    case "expectedValueDoesNotMatch":
      return { ok: false, error: result.kind, current: text(result.current), version: result.version };
    case "checkFailed":
      return { ok: false, error: result.kind, failed: result.failed, current: text(result.current), version: result.version };
    default:
      return { ok: false, error: result.kind };
  }
}
