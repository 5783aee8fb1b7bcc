/** Commands, payloads and values of version 1, each way. The stored records of format 1 have the same. */
import { assert, unreachable } from "../assert.ts";
import { BUCKETS_PER_HOUR } from "../conflict.ts";
import { MalformedError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Check, Command, Entry, Expectation, Payload, SimpleCommand, Value } from "../types.ts";
import type * as v1 from "./generated/v1.ts";

export function valueFromWire(value: v1.Value): Value {
  return value.tag === "Nop" ? "nop" : payloadFromWire(value.val);
}

export function valueToWire(value: Value): v1.Value {
  return value === "nop" ? { tag: "Nop", val: null } : { tag: "Payload", val: payloadToWire(value) };
}

export function payloadFromWire({ seq, entries }: v1.Payload): Payload {
  return { seq, entries: entries.map(entryFromWire) };
}

export function payloadToWire({ seq, entries }: Payload): v1.Payload {
  return { seq, entries: entries.map(entryToWire) };
}

function entryFromWire({ commands, idempotency }: v1.Entry): Entry {
  const entry = { commands: commands.map(commandFromWire), idempotency };
  if (commandCount(entry) > limits.commandsMax) throw new MalformedError("too many commands in one entry");
  return entry;
}

function entryToWire(entry: Entry): v1.Entry {
  assert(commandCount(entry) <= limits.commandsMax, "encode: too many commands in one entry");
  return { commands: entry.commands.map(commandToWire), idempotency: entry.idempotency };
}

/** Those inside a transaction count instead of it. */
function commandCount({ commands }: Entry): number {
  let count = 0;
  for (const command of commands) count += command.kind === "txn" ? command.commands.length : 1;
  return count;
}

function commandFromWire(command: v1.Command): Command {
  switch (command.tag) {
    case "TxnCommand": {
      const { checks, commands } = command.val;
      return { kind: "txn", checks: checks.map(checkFromWire), commands: commands.map(simpleFromWire) };
    }
    case "CloseBucketCommand": {
      const { hour, bucket } = command.val;
      return { kind: "closeBucket", hour, bucket: bucketFromWire(bucket) };
    }
    default:
      return simpleFromWire(command);
  }
}

function commandToWire(command: Command): v1.Command {
  switch (command.kind) {
    case "txn": {
      const { checks, commands } = command;
      return { tag: "TxnCommand", val: { checks: checks.map(checkToWire), commands: commands.map(simpleToWire) } };
    }
    case "closeBucket": {
      const { hour, bucket } = command;
      return { tag: "CloseBucketCommand", val: { hour, bucket: bucketToWire(bucket) } };
    }
    default:
      return simpleToWire(command);
  }
}

function simpleFromWire(command: v1.SimpleCommand): SimpleCommand {
  switch (command.tag) {
    case "SetCommand":
      return { kind: "set", key: command.val.key, value: command.val.value };
    case "CheckAndSetCommand": {
      const { key, expect, newValue } = command.val;
      return { kind: "checkAndSet", key, expect: expectationFromWire(expect), newValue };
    }
    case "DeleteCommand":
      return { kind: "delete", key: command.val.key };
    case "AddCommand":
      return { kind: "add", key: command.val.key, delta: command.val.delta };
    case "GetCommand":
      return { kind: "get", key: command.val.key };
    default:
      return unreachable(command);
  }
}

function simpleToWire(command: SimpleCommand): v1.SimpleCommand {
  switch (command.kind) {
    case "set":
      return { tag: "SetCommand", val: command };
    case "checkAndSet": {
      const { key, expect, newValue } = command;
      return { tag: "CheckAndSetCommand", val: { key, expect: expectationToWire(expect), newValue } };
    }
    case "delete":
      return { tag: "DeleteCommand", val: command };
    case "add":
      return { tag: "AddCommand", val: command };
    case "get":
      return { tag: "GetCommand", val: command };
    default:
      return unreachable(command);
  }
}

function checkFromWire({ key, expect }: v1.Check): Check {
  return { key, expect: expectationFromWire(expect) };
}

function checkToWire({ key, expect }: Check): v1.Check {
  return { key, expect: expectationToWire(expect) };
}

function expectationFromWire(expect: v1.Expectation): Expectation {
  return expect.tag === "ExpectOneOf" ? { kind: "oneOf", values: expect.val.values } : { kind: "version", version: expect.val.version };
}

function expectationToWire(expect: Expectation): v1.Expectation {
  return expect.kind === "oneOf" ? { tag: "ExpectOneOf", val: expect } : { tag: "ExpectVersion", val: expect };
}

export function bucketFromWire(bucket: number): number {
  if (bucket >= BUCKETS_PER_HOUR) throw new MalformedError("bucket out of range");
  return bucket;
}

export function bucketToWire(bucket: number): number {
  assert(bucket < BUCKETS_PER_HOUR, "encode: bucket out of range");
  return bucket;
}
