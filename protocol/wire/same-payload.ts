/** Whether two payloads say the same. The cheap cases first: mostly they are one object, or two copies of one. */
import type { Check, Command, Entry, Expectation, Payload } from "../types.ts";

export function samePayload(a: Payload, b: Payload): boolean {
  return a === b || (a.seq === b.seq && sameList(a.entries, b.entries, sameEntry));
}

function sameEntry(a: Entry, b: Entry): boolean {
  const [x, y] = [a.idempotency, b.idempotency];
  const sameKey = x === null || y === null ? x === y : x.key === y.key && x.fingerprint === y.fingerprint && x.stampMs === y.stampMs;
  return sameKey && sameList(a.commands, b.commands, sameCommand);
}

function sameCommand(a: Command, b: Command): boolean {
  switch (a.kind) {
    case "set":
      return a.kind === b.kind && a.key === b.key && sameBytes(a.value, b.value);
    case "checkAndSet":
      return a.kind === b.kind && a.key === b.key && sameBytes(a.newValue, b.newValue) && sameExpectation(a.expect, b.expect);
    case "delete":
    case "get":
      return a.kind === b.kind && a.key === b.key;
    case "add":
      return a.kind === b.kind && a.key === b.key && a.delta === b.delta;
    case "txn":
      return a.kind === b.kind && sameList(a.checks, b.checks, sameCheck) && sameList(a.commands, b.commands, sameCommand);
    case "closeBucket":
      return a.kind === b.kind && a.hour === b.hour && a.bucket === b.bucket;
  }
}

function sameCheck(a: Check, b: Check): boolean {
  return a.key === b.key && sameExpectation(a.expect, b.expect);
}

function sameExpectation(a: Expectation, b: Expectation): boolean {
  if (a.kind === "version") return b.kind === "version" && a.version === b.version;
  return b.kind === "oneOf" && sameList(a.values, b.values, sameBytes);
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i] as T, b[i] as T)) return false;
  return true;
}
