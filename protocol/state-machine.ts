/** What commands do to keys, rows and buckets. The rules in words: spec/KEYS.md. Deterministic: every replica runs this on the same order. */
import { unreachable } from "./assert.ts";
import { bucketName } from "./conflict.ts";
import { addToCounter, formatCounter, parseCounter } from "./counter.ts";
import { lookUpIdempotency } from "./idempotency.ts";
import { type Overlay, overlay } from "./overlay.ts";
import type {
  Bytes,
  Command,
  CommandResult,
  Entry,
  EntryOutcome,
  Expectation,
  InstanceId,
  Key,
  KeyState,
  SimpleCommand,
  Step,
  View,
} from "./types.ts";

/** A key that was never written. */
export const emptyKeyState: KeyState = { value: null, version: 0 };

type Txn = Extract<Command, { kind: "txn" }>;

/** Runs one caller's entry of an instance: its commands in order, each with its own result, at most once per idempotency key. */
export function applyEntry(view: View, instance: InstanceId, entry: Entry): Step<EntryOutcome> {
  const state = overlay(view);
  const { idempotency } = entry;
  if (idempotency === null) return { reply: run(state, entry.commands), writes: state.writes };
  const answer = lookUpIdempotency(view, idempotency);
  switch (answer.kind) {
    case "expired":
      return { reply: { kind: "idempotencyKeyExpired" }, writes: [] };
    case "reused":
      return { reply: { kind: "idempotencyKeyReused" }, writes: [] };
    case "repeat":
      return { reply: answer.row.outcome, writes: [] };
    case "first": {
      const outcome = run(state, entry.commands);
      const { key, fingerprint, stampMs } = idempotency;
      state.put({ kind: "row", id: key, record: { fingerprint, stampMs, instance, outcome } });
      return { reply: outcome, writes: state.writes };
    }
    default:
      return unreachable(answer);
  }
}

function run(state: Overlay, commands: readonly Command[]): EntryOutcome {
  return { kind: "results", results: commands.map((command) => applyCommand(state, command)) };
}

function applyCommand(state: Overlay, command: Command): CommandResult {
  switch (command.kind) {
    case "txn":
      return applyTxn(state, command);
    case "closeBucket": {
      const id = bucketName(command.hour, command.bucket);
      if (state.get("bucket", id) === null) state.put({ kind: "bucket", id, record: { closed: true } });
      return { kind: "bucketClosed" };
    }
    default:
      return applySimple(state, command);
  }
}

function applySimple(state: Overlay, command: SimpleCommand): CommandResult {
  const before = state.get("value", command.key) ?? emptyKeyState;
  switch (command.kind) {
    case "set":
      return write(state, command.key, command.value);
    case "delete":
      return write(state, command.key, null);
    case "checkAndSet":
      if (meets(before, command.expect)) return write(state, command.key, command.newValue);
      return { kind: "expectedValueDoesNotMatch", current: before.value, version: before.version };
    case "add": {
      const number = parseCounter(before.value);
      if (number === null) return { kind: "notACounter" };
      write(state, command.key, formatCounter(addToCounter(number, command.delta)));
      return { kind: "added" };
    }
    case "get":
      return { kind: "value", value: before.value, version: before.version };
    default:
      return unreachable(command);
  }
}

/** All or nothing: the first check or inner command that fails is the result, and nothing was changed. */
function applyTxn(state: Overlay, { checks, commands }: Txn): CommandResult {
  for (const [failed, check] of checks.entries()) {
    const { value, version } = state.get("value", check.key) ?? emptyKeyState;
    if (!meets({ value, version }, check.expect)) return { kind: "checkFailed", failed, current: value, version };
  }
  const inside = overlay(state);
  const results: CommandResult[] = [];
  for (const command of commands) {
    const result = applySimple(inside, command);
    if (result.kind === "expectedValueDoesNotMatch" || result.kind === "notACounter") return result;
    results.push(result);
  }
  for (const change of inside.writes) state.put(change);
  return { kind: "txn", results };
}

/** Every write is a change, also of the same value; only making an absent key absent is none. */
function write(state: Overlay, key: Key, value: Bytes | null): CommandResult {
  const before = state.get("value", key) ?? emptyKeyState;
  if (value === null && before.value === null) return { kind: "written", version: before.version };
  const version = before.version + 1;
  state.put({ kind: "value", id: key, record: { value, version } });
  return { kind: "written", version };
}

function meets(state: KeyState, expect: Expectation): boolean {
  if (expect.kind === "version") return state.version === expect.version;
  return expect.values.some((value) => sameValue(value, state.value));
}

function sameValue(a: Bytes | null, b: Bytes | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
