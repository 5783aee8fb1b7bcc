/** JSON commands to the protocol's and results back. By hand and not by schema: the messages say more, at a third of the cost. */
import { unreachable } from "../../protocol/assert.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { Check, Command, CommandResult, EntryOutcome, Expectation, SimpleCommand } from "../../protocol/types.ts";
import { expected, type JsonBytes, keyFromJson, valueFromJson, valueToJson } from "./json.ts";

const FIELDS = {
  set: ["kind", "key", "value"],
  checkAndSet: ["kind", "key", "expectOneOf", "expectVersion", "newValue"],
  delete: ["kind", "key"],
  add: ["kind", "key", "delta"],
  get: ["kind", "key"],
  txn: ["kind", "checks", "commands"],
} as const;
type Kind = keyof typeof FIELDS;
const CHECK_FIELDS = ["key", "expectOneOf", "expectVersion"] as const;
const INT64_MAX = 2n ** 63n - 1n;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The body of `POST /v1/proposals`.
 * @throws EpoxyError badRequest, tooLarge
 */
export function parseProposal(body: unknown): readonly Command[] {
  const { commands } = onlyFields(asObject(body, "the body"), ["commands"], "the body");
  const list = asList(commands, "commands");
  if (list.length === 0) throw expected("commands", "a list of at least one command");
  // Before any of them is looked at: a refused request costs little.
  const total = list.reduce<number>((sum, command) => sum + 1 + innerCount(command), 0);
  if (total > limits.commandsMax)
    throw expected("commands", `at most ${limits.commandsMax} commands, those inside txn included; there are ${total}`);
  return list.map((command, i) => parseCommand(command, `commands[${i}]`));
}

function innerCount(command: unknown): number {
  const inner = (command as { commands?: unknown } | null)?.commands;
  return Array.isArray(inner) ? inner.length : 0;
}

function parseCommand(json: unknown, where: string): Command {
  const fields = asObject(json, where);
  if (fields["kind"] !== "txn") return parseSimple(fields, where);
  onlyFields(fields, FIELDS.txn, where);
  const checks = asList(fields["checks"] ?? [], `${where}.checks`);
  if (checks.length > limits.commandsMax) throw expected(`${where}.checks`, `at most ${limits.commandsMax} checks`);
  const commands = asList(fields["commands"], `${where}.commands`);
  return {
    kind: "txn",
    checks: checks.map((check, i) => parseCheck(check, `${where}.checks[${i}]`)),
    commands: commands.map((command, i) => {
      const inner = `${where}.commands[${i}]`;
      const innerFields = asObject(command, inner);
      if (innerFields["kind"] === "txn") throw new EpoxyError("badRequest", `${inner}: a txn cannot stand inside a txn`, { where: inner });
      return parseSimple(innerFields, inner);
    }),
  };
}

function parseSimple(fields: Fields, where: string): SimpleCommand {
  const kind = fields["kind"] as Exclude<Kind, "txn">;
  if (typeof kind !== "string" || !Object.hasOwn(FIELDS, kind)) throw expected(`${where}.kind`, `one of ${Object.keys(FIELDS).join(", ")}`);
  onlyFields(fields, FIELDS[kind], where);
  const key = keyFromJson(fields["key"], `${where}.key`);
  switch (kind) {
    case "set":
      return { kind, key, value: valueFromJson(fields["value"], `${where}.value`) };
    case "checkAndSet":
      return { kind, key, expect: parseExpectation(fields, where), newValue: valueFromJson(fields["newValue"], `${where}.newValue`) };
    case "delete":
    case "get":
      return { kind, key };
    case "add":
      return { kind, key, delta: parseDelta(fields["delta"], `${where}.delta`) };
    default:
      return unreachable(kind);
  }
}

function parseCheck(json: unknown, where: string): Check {
  const fields = onlyFields(asObject(json, where), CHECK_FIELDS, where);
  return { key: keyFromJson(fields["key"], `${where}.key`), expect: parseExpectation(fields, where) };
}

function parseExpectation(fields: Fields, where: string): Expectation {
  const { expectOneOf, expectVersion } = fields;
  if ((expectOneOf === undefined) === (expectVersion === undefined)) {
    throw new EpoxyError("badRequest", `${where} must have either expectOneOf or expectVersion`, { where });
  }
  if (expectVersion !== undefined) {
    if (!Number.isSafeInteger(expectVersion) || (expectVersion as number) < 0)
      throw expected(`${where}.expectVersion`, "an integer from 1, or 0 for a key that was never written");
    return { kind: "version", version: expectVersion as number };
  }
  const values = asList(expectOneOf, `${where}.expectOneOf`);
  if (values.length < 1 || values.length > limits.commandsMax)
    throw expected(`${where}.expectOneOf`, `a list of 1 to ${limits.commandsMax} values`);
  return { kind: "oneOf", values: values.map((value, i) => valueFromJson(value, `${where}.expectOneOf[${i}]`)) };
}

function parseDelta(json: unknown, where: string): bigint {
  const what = "a safe integer, or a canonical decimal string of a signed 64-bit integer";
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json !== "string" || !/^(0|-?[1-9]\d{0,18})$/.test(json)) throw expected(where, what);
  const delta = BigInt(json);
  if (delta > INT64_MAX || delta < -INT64_MAX - 1n) throw expected(where, what);
  return delta;
}

function asObject(json: unknown, where: string): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw expected(where, "an object");
  return json as Fields;
}

function asList(json: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(json)) throw expected(where, "a list");
  return json;
}

function onlyFields(fields: Fields, known: readonly string[], where: string): Fields {
  for (const name in fields) {
    if (!known.includes(name))
      throw new EpoxyError("badRequest", `${where} has a field that is not known; known: ${known.join(", ")}`, { where });
  }
  return fields;
}

export type JsonResult =
  | { readonly ok: true; readonly version?: number; readonly value?: JsonBytes | null; readonly results?: readonly JsonResult[] }
  | {
      readonly ok: false;
      readonly error: string;
      readonly failed?: number;
      readonly current?: JsonBytes | null;
      readonly version?: number;
    };

export function resultToJson(result: CommandResult): JsonResult {
  switch (result.kind) {
    case "written":
      return { ok: true, version: result.version };
    case "value":
      return { ok: true, value: valueToJson(result.value), version: result.version };
    case "added":
      return { ok: true };
    case "txn":
      return { ok: true, results: result.results.map(resultToJson) };
    case "expectedValueDoesNotMatch":
      return { ok: false, error: result.kind, current: valueToJson(result.current), version: result.version };
    case "checkFailed":
      return { ok: false, error: result.kind, failed: result.failed, current: valueToJson(result.current), version: result.version };
    case "notACounter":
    case "bucketClosed":
      return { ok: false, error: result.kind };
    default:
      return unreachable(result);
  }
}

/** @throws EpoxyError idempotencyKeyReused, idempotencyKeyExpired */
export function resultsOf(outcome: EntryOutcome): readonly CommandResult[] {
  switch (outcome.kind) {
    case "results":
      return outcome.results;
    case "idempotencyKeyReused":
      throw new EpoxyError(outcome.kind, "this Idempotency-Key was used for another payload");
    case "idempotencyKeyExpired":
      throw new EpoxyError(outcome.kind, "this Idempotency-Key is too old: whether it was ever executed is no longer known");
    default:
      return unreachable(outcome);
  }
}

/** For `GET /v1/instances/R.SLOT`: a command as a caller would have written it. */
export function commandToJson(command: Command): unknown {
  const key = (bytes: string) => valueToJson(Buffer.from(bytes, "latin1"));
  const expectation = (expect: Expectation) =>
    expect.kind === "version" ? { expectVersion: expect.version } : { expectOneOf: expect.values.map(valueToJson) };
  switch (command.kind) {
    case "set":
      return { kind: command.kind, key: key(command.key), value: valueToJson(command.value) };
    case "checkAndSet":
      return { kind: command.kind, key: key(command.key), ...expectation(command.expect), newValue: valueToJson(command.newValue) };
    case "delete":
    case "get":
      return { kind: command.kind, key: key(command.key) };
    case "add":
      return { kind: command.kind, key: key(command.key), delta: command.delta.toString() };
    case "txn":
      return {
        kind: command.kind,
        checks: command.checks.map((check) => ({ key: key(check.key), ...expectation(check.expect) })),
        commands: command.commands.map(commandToJson),
      };
    case "closeBucket":
      return { ...command };
    default:
      return unreachable(command);
  }
}
