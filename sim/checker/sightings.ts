/** Values that were seen and the operations that can have written them: for weak reads, and for words about a violation. */
import type { Placed } from "./components.ts";
import { commandsOf, type Operation, type Result, type Value } from "./history.ts";
import { counterOf } from "./space.ts";

type Writers = { readonly begun: Map<Value, Operation["startNs"]>; readonly failed: Set<Value>; adds: boolean };

export class Sightings {
  private readonly byKey = new Map<string, Writers>();

  constructor(operations: readonly Placed[]) {
    for (const { operation } of operations) this.note(operation);
  }

  private note(operation: Operation): void {
    for (const outer of commandsOf(operation)) {
      for (const command of outer.kind === "txn" ? outer.commands : [outer]) {
        if (command.kind === "get" || command.kind === "delete") continue;
        const writers = this.writersOf(command.key);
        if (command.kind === "add") {
          writers.adds ||= operation.status !== "fail";
          continue;
        }
        const value = command.kind === "set" ? command.value : command.newValue;
        const begun = writers.begun.get(value);
        if (operation.status === "fail") writers.failed.add(value);
        else if (begun === undefined || operation.startNs < begun) writers.begun.set(value, operation.startNs);
      }
    }
  }

  private writersOf(key: string): Writers {
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const writers: Writers = { begun: new Map(), failed: new Set(), adds: false };
    this.byKey.set(key, writers);
    return writers;
  }

  /** Why nobody can have been told this value then; null: somebody may have written it. */
  whyImpossible(key: string, value: Value, initial: Value, endNs: Operation["endNs"]): string | null {
    if (value === null || value === initial) return null;
    const writers = this.writersOf(key);
    if (writers.adds && counterOf(value) !== null) return null;
    const begun = writers.begun.get(value);
    if (begun === undefined) {
      return writers.failed.has(value)
        ? "its only write was reported as failed (aborted read)"
        : "nobody was ever asked to write it (invented or torn)";
    }
    return endNs !== undefined && endNs !== null && begun > endNs ? "it was seen before its write began" : null;
  }
}

/** The values that a client was told of keys as they were. */
export function seenIn({ op, status, result, ...operation }: Operation): { readonly key: string; readonly value: Value }[] {
  if (status !== "ok" || !("key" in operation)) return [];
  const told: Result = result ?? {};
  const value = op === "get" || op === "getLocal" || op === "getOptimistic" ? told.value : (told.current ?? told.previous);
  return value === undefined ? [] : [{ key: operation.key, value }];
}
