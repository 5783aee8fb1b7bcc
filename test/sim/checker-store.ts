/** The shipped state machine as the store that the checker's own one is compared with, and every order of a small history run through it. */
import { applyEntry } from "../../protocol/state-machine.ts";
import type { Bytes, Command, CommandResult, Expectation, InstanceId, Key, KeyState, SimpleCommand } from "../../protocol/types.ts";
import {
  type Command as AskedCommand,
  type Expectation as AskedExpectation,
  type SimpleCommand as AskedSimple,
  commandsOf,
  type Operation,
  type Result,
  type Value,
} from "../../sim/checker/history.ts";

export type StoreState = ReadonlyMap<string, KeyState>;

const bytes = (value: Value): Bytes | null => (value === null ? null : new TextEncoder().encode(value));
const text = (value: Bytes | null): Value => (value === null ? null : new TextDecoder().decode(value));

/** What the store answers to an operation, and what it holds afterwards. */
export function runOperation(state: StoreState, operation: Operation): { readonly state: StoreState; readonly result: Result } {
  const after = new Map(state);
  const commands = commandsOf(operation).map(toCommand);
  const view = { get: (kind: string, id: string) => (kind === "value" ? (after.get(id) ?? null) : null) };
  const step = applyEntry(view as never, 1 as InstanceId, { commands, idempotency: null });
  for (const write of step.writes) if (write.kind === "value") after.set(write.id, write.record as KeyState);
  if (step.reply.kind !== "results") throw new Error("an entry without idempotency key has results");
  const results = step.reply.results.map(toResult);
  return { state: after, result: operation.op === "proposal" ? { results } : (results[0] as Result) };
}

/** Straight from the definition: some order of all that was answered and some of what is unknown, that the answers and the clock allow. */
export function hasOrder(history: readonly Operation[], { versions = false }: { readonly versions?: boolean } = {}): boolean {
  const ops = history.filter(({ status }) => status !== "fail");
  const isOpen = ({ status }: Operation) => status === "info";
  const search = (state: StoreState, left: readonly Operation[]): boolean => {
    if (left.every(isOpen)) return true;
    return left.some((op) => {
      if (left.some((other) => other !== op && !isOpen(other) && (other.endNs as number) < (op.startNs as number))) return false;
      const after = runOperation(state, op);
      if (!isOpen(op) && !agrees(op.result ?? {}, after.result, versions)) return false;
      return search(
        after.state,
        left.filter((other) => other !== op),
      );
    });
  };
  return search(new Map(), ops);
}

/** Everything that is recorded is what the store answered. */
function agrees(recorded: Result, answered: Result, versions: boolean): boolean {
  return Object.entries(recorded).every(([field, value]) => {
    if (field === "results") {
      const results = value as readonly Result[];
      return answered.results?.length === results.length && results.every((each, i) => agrees(each, answered.results?.[i] ?? {}, versions));
    }
    return (field === "version" && !versions) || value === answered[field as keyof Result];
  });
}

function toCommand(command: AskedCommand): Command {
  if (command.kind !== "txn") return toSimple(command);
  const checks = (command.checks ?? []).map((check) => ({ key: check.key as Key, expect: toExpectation(check) }));
  return { kind: "txn", checks, commands: command.commands.map(toSimple) };
}

function toSimple(command: AskedSimple): SimpleCommand {
  const key = command.key as Key;
  switch (command.kind) {
    case "set":
      return { kind: "set", key, value: bytes(command.value) };
    case "checkAndSet":
      return { kind: "checkAndSet", key, expect: toExpectation(command), newValue: bytes(command.newValue) };
    case "add":
      return { kind: "add", key, delta: BigInt(command.delta) };
    default:
      return { kind: command.kind, key };
  }
}

function toExpectation(expect: AskedExpectation): Expectation {
  if ("expectVersion" in expect) return { kind: "version", version: expect.expectVersion };
  return { kind: "oneOf", values: expect.expectOneOf.map(bytes) };
}

function toResult(result: CommandResult): Result {
  switch (result.kind) {
    case "written":
      return { ok: true, version: result.version };
    case "value":
      return { ok: true, value: text(result.value), version: result.version };
    case "added":
      return { ok: true };
    case "txn":
      return { ok: true, results: result.results.map(toResult) };
    case "expectedValueDoesNotMatch":
      return { ok: false, error: result.kind, current: text(result.current), version: result.version };
    case "checkFailed":
      return { ok: false, error: result.kind, failed: result.failed, current: text(result.current), version: result.version };
    default:
      return { ok: false, error: result.kind };
  }
}
