/** Results, replicated records and changes of version 1, each way. The stored records of format 1 have the same. */
import { assert, InvariantViolation, unreachable } from "../assert.ts";
import { bucketName } from "../conflict.ts";
import type { Change, CommandResult, EntryOutcome, IdempotencyRow, Key, Write } from "../types.ts";
import type * as v1 from "./generated/v1.ts";
import { bucketFromWire, bucketToWire } from "./v1-values.ts";

export function outcomeFromWire(outcome: v1.EntryOutcome): EntryOutcome {
  switch (outcome.tag) {
    case "EntryResults":
      return { kind: "results", results: outcome.val.results.map(resultFromWire) };
    case "EntryKeyReused":
      return { kind: "idempotencyKeyReused" };
    case "EntryKeyExpired":
      return { kind: "idempotencyKeyExpired" };
    default:
      return unreachable(outcome);
  }
}

export function outcomeToWire(outcome: EntryOutcome): v1.EntryOutcome {
  switch (outcome.kind) {
    case "results":
      return { tag: "EntryResults", val: { results: outcome.results.map(resultToWire) } };
    case "idempotencyKeyReused":
      return { tag: "EntryKeyReused", val: null };
    case "idempotencyKeyExpired":
      return { tag: "EntryKeyExpired", val: null };
    default:
      return unreachable(outcome);
  }
}

function resultFromWire(result: v1.CommandResult): CommandResult {
  return result.tag === "TxnResult" ? { kind: "txn", results: result.val.results.map(simpleResultFromWire) } : simpleResultFromWire(result);
}

function resultToWire(result: CommandResult): v1.CommandResult {
  return result.kind === "txn"
    ? { tag: "TxnResult", val: { results: result.results.map(simpleResultToWire) } }
    : simpleResultToWire(result);
}

function simpleResultFromWire(result: v1.SimpleResult): CommandResult {
  switch (result.tag) {
    case "WrittenResult":
      return { kind: "written", version: result.val.version };
    case "ValueResult":
      return { kind: "value", value: result.val.value, version: result.val.version };
    case "AddedResult":
      return { kind: "added" };
    case "ExpectedValueDoesNotMatchResult":
      return { kind: "expectedValueDoesNotMatch", current: result.val.current, version: result.val.version };
    case "CheckFailedResult": {
      const { failed, current, version } = result.val;
      return { kind: "checkFailed", failed, current, version };
    }
    case "NotACounterResult":
      return { kind: "notACounter" };
    case "BucketClosedResult":
      return { kind: "bucketClosed" };
    default:
      return unreachable(result);
  }
}

function simpleResultToWire(result: CommandResult): v1.SimpleResult {
  switch (result.kind) {
    case "written":
      return { tag: "WrittenResult", val: result };
    case "value":
      return { tag: "ValueResult", val: result };
    case "added":
      return { tag: "AddedResult", val: null };
    case "expectedValueDoesNotMatch":
      return { tag: "ExpectedValueDoesNotMatchResult", val: result };
    case "checkFailed":
      return { tag: "CheckFailedResult", val: result };
    case "notACounter":
      return { tag: "NotACounterResult", val: null };
    case "bucketClosed":
      return { tag: "BucketClosedResult", val: null };
    case "txn":
      throw new InvariantViolation("encode: a transaction's result inside a transaction's result");
    default:
      return unreachable(result);
  }
}

export function rowFromWire({ fingerprint, stampMs, instance, outcome }: v1.IdempotencyRow): IdempotencyRow {
  return { fingerprint, stampMs, instance, outcome: outcomeFromWire(outcome) };
}

export function rowToWire({ fingerprint, stampMs, instance, outcome }: IdempotencyRow): v1.IdempotencyRow {
  return { fingerprint, stampMs, instance, outcome: outcomeToWire(outcome) };
}

export function writeFromWire(write: v1.StateWrite): Write {
  switch (write.tag) {
    case "ValueWrite":
      return { kind: "value", id: write.val.key, record: write.val.state };
    case "RowWrite": {
      const { key, row } = write.val;
      return { kind: "row", id: key, record: row === null ? null : rowFromWire(row) };
    }
    case "BucketWrite": {
      const { hour, bucket, closed } = write.val;
      return { kind: "bucket", id: bucketName(hour, bucketFromWire(bucket)), record: closed ? { closed } : null };
    }
    default:
      return unreachable(write);
  }
}

export function writeToWire(write: Write): v1.StateWrite {
  switch (write.kind) {
    case "value":
      return { tag: "ValueWrite", val: { key: write.id as Key, state: write.record } };
    case "row":
      return { tag: "RowWrite", val: { key: write.id, row: write.record === null ? null : rowToWire(write.record) } };
    case "bucket": {
      const [hour, bucket] = write.id.split(".").map(Number) as [number, number];
      assert(bucketName(hour, bucket) === write.id, "encode: not the id of a bucket");
      return { tag: "BucketWrite", val: { hour, bucket: bucketToWire(bucket), closed: write.record !== null } };
    }
    default:
      throw new InvariantViolation("encode: not a replicated record");
  }
}

export function changeFromWire({ instance, writes }: v1.Change): Change {
  return { instance, writes: writes.map(writeFromWire) };
}

export function changeToWire({ instance, writes }: Change): v1.Change {
  return { instance, writes: writes.map(writeToWire) };
}
