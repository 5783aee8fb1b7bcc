/** Roughly how many bytes a value takes in a message or a record. */
import type { Bytes, Command, Entry, Expectation, Value } from "../types.ts";

export function valueWeight(value: Value): number {
  return value === "nop" ? 1 : value.entries.reduce((sum, entry) => sum + entryWeight(entry), 8);
}

export function entryWeight({ commands, idempotency }: Entry): number {
  const bytes = idempotency === null ? 1 : idempotency.key.length + 80;
  return commands.reduce((sum, command) => sum + commandWeight(command), bytes);
}

function commandWeight(command: Command): number {
  switch (command.kind) {
    case "set":
      return command.key.length + bytesWeight(command.value);
    case "checkAndSet":
      return command.key.length + bytesWeight(command.newValue) + expectationWeight(command.expect);
    case "txn":
      return (
        command.checks.reduce((sum, check) => sum + check.key.length + expectationWeight(check.expect), 8) +
        command.commands.reduce((sum, inner) => sum + commandWeight(inner), 8)
      );
    case "closeBucket":
      return 16;
    default:
      return command.key.length + 16;
  }
}

function expectationWeight(expect: Expectation): number {
  return expect.kind === "version" ? 10 : expect.values.reduce((sum, value) => sum + bytesWeight(value), 8);
}

function bytesWeight(value: Bytes | null): number {
  return 8 + (value === null ? 0 : value.length);
}
