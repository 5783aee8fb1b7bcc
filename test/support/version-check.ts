/**
 * Whether a history of one key at a time is linearizable, told from the versions that the API answers: they count the key's
 * changes, so every answer names its place in the one order, and only the clock has to agree with it. Needs unique values.
 */
import type { Operation, Value } from "../../sim/checker/history.ts";

type Seen = {
  readonly version: number;
  readonly value: Value;
  /** It made this version; else it saw it. */
  readonly writes: boolean;
  readonly operation: Operation;
};

/** What cannot be, each in words; empty when all is well. Keys that were added to, and commands over several keys, are passed over. */
export function checkVersions(operations: readonly Operation[]): string[] {
  const byKey = new Map<string, Operation[]>();
  const counters = new Set(operations.flatMap((operation) => (operation.op === "add" ? [operation.key] : [])));
  for (const operation of operations) {
    if (!("key" in operation) || counters.has(operation.key)) continue;
    byKey.set(operation.key, [...(byKey.get(operation.key) ?? []), operation]);
  }
  return [...byKey].flatMap(([key, all]) => [...checkValues(all), ...checkClock(all)].map((what) => `${key}: ${what}`));
}

/** Each value has one writer and one version, each version one value, and each check-and-set what it asked for before it. */
function checkValues(all: readonly Operation[]): string[] {
  const wrong: string[] = [];
  const at = new Map<number, Value>([[0, null]]);
  const versionOf = new Map<string, number>();
  const writerOf = new Map(
    all.flatMap((operation) => {
      const value = writtenBy(operation);
      return value === null ? [] : [[value, operation] as const];
    }),
  );
  for (const { version, value, operation } of all.flatMap(seenBy)) {
    const known = at.get(version);
    if (known !== undefined && known !== value) wrong.push(`version ${version} is both ${known} and ${value}; ${tell(operation)}`);
    at.set(version, value);
    if (value === null) continue;
    if ((versionOf.get(value) ?? version) !== version)
      wrong.push(`${value} is at versions ${versionOf.get(value)} and ${version}; ${tell(operation)}`);
    versionOf.set(value, version);
    const writer = writerOf.get(value);
    if (writer === undefined) wrong.push(`nobody wrote ${value}; ${tell(operation)}`);
    else if (writer.status === "fail") wrong.push(`${value} was refused and seen after all; ${tell(writer)}; ${tell(operation)}`);
    else if (writer.startNs > (operation.endNs ?? writer.startNs))
      wrong.push(`${value} was seen before it was written; ${tell(operation)}`);
    else if (writer.status === "ok" && writer.result?.ok === false) wrong.push(`${value} was not written and is seen; ${tell(writer)}`);
  }
  for (const operation of all) {
    if (operation.op !== "checkAndSet" || operation.status !== "ok" || !("expectOneOf" in operation.args)) continue;
    const { result, args } = operation;
    if (result?.ok === false) {
      if (args.expectOneOf.includes(result.current ?? null)) wrong.push(`it met what it asked for and says no; ${tell(operation)}`);
      continue;
    }
    const before = at.get((result?.version ?? 0) - 1);
    // Making an absent key absent changes nothing, so that its version says nothing of the one before.
    if (before !== undefined && args.newValue !== null && !args.expectOneOf.includes(before))
      wrong.push(`it changed ${before}; ${tell(operation)}`);
  }
  return wrong;
}

/** Whoever began after another had ended saw at least what that one saw, and wrote above it. */
function checkClock(all: readonly Operation[]): string[] {
  const wrong: string[] = [];
  const seen = all.filter(({ op }) => op !== "getLocal" && op !== "getOptimistic").flatMap(seenBy);
  const byEnd = [...seen].sort((a, b) => compare(a.operation.endNs ?? 0n, b.operation.endNs ?? 0n));
  const byStart = [...seen].sort((a, b) => compare(a.operation.startNs, b.operation.startNs));
  let ended = 0;
  let newest: Seen | null = null;
  for (const one of byStart) {
    for (; ended < byEnd.length; ended++) {
      const earlier = byEnd[ended] as Seen;
      if ((earlier.operation.endNs ?? 0n) >= one.operation.startNs) break;
      if (newest === null || earlier.version > newest.version) newest = earlier;
    }
    if (newest === null) continue;
    const isBehind = one.writes ? one.version <= newest.version : one.version < newest.version;
    if (isBehind) wrong.push(`${tell(one.operation)} began after the end of ${tell(newest.operation)}`);
  }
  return wrong;
}

/** What an answered operation says of one version. */
function seenBy(operation: Operation): Seen[] {
  const { result } = operation;
  if (operation.status !== "ok" || result === null || result === undefined) return [];
  const version = result.version ?? 0;
  switch (operation.op) {
    case "get":
    case "getLocal":
    case "getOptimistic":
      return [{ version, value: result.value ?? null, writes: false, operation }];
    case "set":
      return [{ version, value: operation.args.value, writes: true, operation }];
    case "delete":
      // Of an absent key it is none.
      return [{ version, value: null, writes: false, operation }];
    case "checkAndSet":
      if (result.ok === false) return [{ version, value: result.current ?? null, writes: false, operation }];
      return [{ version, value: operation.args.newValue, writes: operation.args.newValue !== null, operation }];
    default:
      return [];
  }
}

function writtenBy(operation: Operation): Value {
  if (operation.op === "set") return operation.args.value;
  return operation.op === "checkAndSet" ? operation.args.newValue : null;
}

function compare(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tell(operation: Operation): string {
  const { client, op, status, result, startNs, endNs } = operation;
  const args = "args" in operation ? JSON.stringify(operation.args) : "";
  return `${client} ${op} ${args} ${status} ${JSON.stringify(result)} [${Number(startNs) / 1e6}, ${Number(endNs ?? 0) / 1e6}] ms`;
}
