import { createHash } from "node:crypto";
import type { Command, Expectation } from "../protocol/types.ts";

/** SHA-256, hex, of what a caller asked: equal exactly for equal commands. */
export function fingerprintOf(commands: readonly Command[]): string {
  const hash = createHash("sha256");
  for (const command of commands) addCommand(hash, command);
  return hash.digest("hex");
}

type Hash = ReturnType<typeof createHash>;

function add(hash: Hash, part: string | Uint8Array | null): void {
  if (part === null) {
    hash.update("n;");
    return;
  }
  hash.update(`${part.length}:`);
  typeof part === "string" ? hash.update(part, "latin1") : hash.update(part);
}

function addExpectation(hash: Hash, expect: Expectation): void {
  if (expect.kind === "version") return add(hash, `v${expect.version}`);
  add(hash, `o${expect.values.length}`);
  for (const value of expect.values) add(hash, value);
}

function addCommand(hash: Hash, command: Command): void {
  add(hash, command.kind);
  switch (command.kind) {
    case "closeBucket":
      return add(hash, `${command.hour}.${command.bucket}`);
    case "txn":
      add(hash, `${command.checks.length}.${command.commands.length}`);
      for (const check of command.checks) {
        add(hash, check.key);
        addExpectation(hash, check.expect);
      }
      for (const inner of command.commands) addCommand(hash, inner);
      return;
    default:
      add(hash, command.key);
  }
  if (command.kind === "set") add(hash, command.value);
  if (command.kind === "add") add(hash, String(command.delta));
  if (command.kind === "checkAndSet") {
    addExpectation(hash, command.expect);
    add(hash, command.newValue);
  }
}
