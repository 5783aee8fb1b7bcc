import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { InvariantViolation } from "../../protocol/assert.ts";
import { EpoxyError, MalformedError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { PeerRequest } from "../../protocol/messages.ts";
import type { Ballot, Command, Deps, Epoch, Footprint, InstanceId, Key, RecordKind, ReplicaId, Slot, Write } from "../../protocol/types.ts";
import { decodeChange, decodeRecord, encodeChange, encodeRecord } from "../../protocol/wire/records.ts";
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  LATEST_VERSION,
  SUPPORTED_VERSIONS,
} from "../../protocol/wire/versioned.ts";
import { anyChange, anyRecord, anyReplyEnvelope, anyRequestEnvelope } from "../support/arbitraries.ts";
import { changeExample, recordExamples, replyExamples, replyHeader, requestExamples, requestHeader } from "../support/wire-examples.ts";

const numRuns = 2000;

describe("what is encoded is what is decoded", () => {
  test("requests", () => {
    fc.assert(
      fc.property(anyRequestEnvelope, (envelope) => assert.deepEqual(decodeRequest(1, encodeRequest(1, envelope)), envelope)),
      { numRuns },
    );
  });
  test("replies", () => {
    fc.assert(
      fc.property(anyReplyEnvelope, (envelope) => assert.deepEqual(decodeReply(1, encodeReply(1, envelope)), envelope)),
      { numRuns },
    );
  });
  test("changes", () => {
    fc.assert(
      fc.property(anyChange, (change) => assert.deepEqual(decodeChange(encodeChange(change)), change)),
      { numRuns },
    );
  });
  for (const kind of Object.keys(anyRecord) as RecordKind[]) {
    test(`records of kind ${kind}`, () => roundTrip(kind));
  }
});

function roundTrip<K extends RecordKind>(kind: K): void {
  fc.assert(
    fc.property(anyRecord[kind], (record) => assert.deepEqual(decodeRecord(kind, encodeRecord(kind, record)), record)),
    { numRuns: 500 },
  );
}

const envelopeOf = (...requests: PeerRequest[]) => ({ header: requestHeader, requests });
const preAcceptOf = (command: Command): PeerRequest => ({
  ...requestExamples.preAccept,
  kind: "preAccept",
  epoch: 1 as Epoch,
  id: (2 ** 40 + 1) as InstanceId,
  payload: { seq: 0, entries: [{ commands: [command], idempotency: null }] },
  deps: { floor: [], explicit: [] },
});

describe("sizes", () => {
  // @bare-ts/lib 0.6.0 writes most lengths from 16,384 on wrong.
  for (const size of [0, 127, 128, 16_383, 16_384, 20_000, 70_000, 1_000_000, limits.valueBytesMax]) {
    test(`a value of ${size} bytes`, () => {
      const value = new Uint8Array(size).map((_, i) => i % 251);
      const envelope = envelopeOf(preAcceptOf({ kind: "set", key: "k" as Key, value }));
      assert.deepEqual(decodeRequest(1, encodeRequest(1, envelope)), envelope);
      assert.deepEqual(decodeRecord("value", encodeRecord("value", { value, version: 1 })), { value, version: 1 });
    });
  }
  test("a text with a byte order mark, and a long one", () => {
    for (const argument of ["\ufeffx", `\ufeff${"\u{1f600}".repeat(10_000)}`, "\u0000"]) {
      const envelope = envelopeOf({ kind: "coordinatorRequest", name: "", argument });
      assert.deepEqual(decodeRequest(1, encodeRequest(1, envelope)), envelope);
    }
  });
  test("one more than the most is refused before it is sent", () => {
    const tooMuch: PeerRequest[] = [
      preAcceptOf({ kind: "set", key: "k" as Key, value: new Uint8Array(limits.valueBytesMax + 1) }),
      { kind: "kvGet", key: "k".repeat(limits.keyBytesMax + 1) as Key },
    ];
    for (const request of tooMuch) assert.throws(() => encodeRequest(1, envelopeOf(request)), InvariantViolation);
    const many = Array.from({ length: limits.peerRequestsMax + 1 }, () => requestExamples.healthCheck);
    assert.throws(() => encodeRequest(1, envelopeOf(...many)), InvariantViolation);
  });
  test("a payload that is the owner's own is stored once", () => {
    const [record] = recordExamples.instance;
    assert.ok(record?.initPayload);
    const copied = { ...record, value: structuredClone(record.initPayload) };
    assert.deepEqual(encodeRecord("instance", copied), encodeRecord("instance", record));
  });
});

describe("what is out of range never leaves", () => {
  const id = (2 ** 40 + 1) as InstanceId;
  const deps = (floor: Deps["floor"], ...explicit: number[]): PeerRequest => ({
    kind: "commit",
    epoch: 1 as Epoch,
    id,
    value: "nop",
    deps: { floor, explicit: explicit as InstanceId[] },
  });
  const recover = (ballot: Partial<Ballot>, of: number = id): PeerRequest => ({
    kind: "recover",
    epoch: 1 as Epoch,
    id: of as InstanceId,
    ballot: { epoch: 1 as Epoch, counter: 1, replica: 1 as ReplicaId, ...ballot },
  });
  const column = (replica: number, slot: number) => [replica as ReplicaId, slot as Slot] as const;
  const rows: { readonly name: string; readonly request: PeerRequest }[] = [
    { name: "epoch 0", request: { kind: "freeze", epoch: 0 as Epoch } },
    { name: "instance of replica 0", request: recover({}, 5) },
    { name: "instance of replica 8192", request: recover({}, 8192 * 2 ** 40 + 1) },
    { name: "slot 0", request: recover({}, 2 ** 40) },
    { name: "ballot of nobody", request: recover({ replica: 0 as ReplicaId }) },
    { name: "counter 2^53", request: recover({ counter: 2 ** 53 }) },
    { name: "negative counter", request: recover({ counter: -1 }) },
    { name: "half a counter", request: recover({ counter: 0.5 }) },
    { name: "ids that do not ascend", request: deps([], id + 1, id) },
    { name: "an id twice", request: deps([], id, id) },
    { name: "an id at the floor", request: deps([column(1, 1)], id) },
    { name: "an id below the floor of a later column", request: deps([column(1, 1), column(3, 9)], id + 1, 3 * 2 ** 40 + 9) },
    { name: "a floor of 0", request: deps([column(1, 0)]) },
    { name: "columns that do not ascend", request: deps([column(2, 1), column(1, 1)]) },
    { name: "a delta of 65 bits", request: preAcceptOf({ kind: "add", key: "k" as Key, delta: 2n ** 63n }) },
    { name: "a key of characters that are no bytes", request: { kind: "kvGet", key: "\u0100" as Key } },
    { name: "a footprint of no kind", request: { kind: "readIndex", epoch: 1 as Epoch, footprints: ["x" as Footprint] } },
    { name: "a lone surrogate", request: { kind: "abortLearning", learnId: "\ud800" } },
    { name: "a digest of other than 32 digits", request: { ...requestExamples.sync, kind: "sync", digest: "0" } as PeerRequest },
    { name: "upper-case digits", request: { ...requestExamples.sync, kind: "sync", digest: "A".repeat(32) } as PeerRequest },
    { name: "no bucket of an hour", request: preAcceptOf({ kind: "closeBucket", hour: 1, bucket: 256 }) },
  ];
  for (const { name, request } of rows) {
    test(name, () => assert.throws(() => encodeRequest(1, envelopeOf(request)), InvariantViolation));
  }
  test("too many commands in one entry, those of transactions counted", () => {
    const get: Command = { kind: "get", key: "k" as Key };
    const txn: Command = {
      kind: "txn",
      checks: [],
      commands: Array.from({ length: 256 }, () => ({ kind: "get", key: "k" as Key }) as const),
    };
    const of = (commands: Command[]) =>
      envelopeOf({ ...preAcceptOf(get), payload: { seq: 0, entries: [{ commands, idempotency: null }] } } as PeerRequest);
    assert.throws(() => encodeRequest(1, of([txn, txn, get])), InvariantViolation);
    const most = of([txn, txn]);
    assert.deepEqual(decodeRequest(1, encodeRequest(1, most)), most);
  });
  test("a record that is not replicated, in a change", () => {
    const write: Write = { kind: "slots", id: "", record: null };
    assert.throws(() => encodeChange({ ...changeExample, writes: [write] }), InvariantViolation);
  });
});

describe("versions", () => {
  test("an unknown one is refused with those that are known", () => {
    const attempts = [
      () => decodeRequest(2, new Uint8Array()),
      () => decodeReply(0, new Uint8Array()),
      () => encodeRequest(2, envelopeOf()),
      () => encodeReply(Number.NaN, { header: replyHeader, replies: [] }),
    ];
    for (const attempt of attempts) {
      assert.throws(
        attempt,
        (error) => error instanceof EpoxyError && error.code === "unsupportedVersion" && error.details["versions"] === SUPPORTED_VERSIONS,
      );
    }
    assert.ok(SUPPORTED_VERSIONS.includes(LATEST_VERSION));
  });
  test("a reply leaves in the version of its request", () => {
    for (const version of SUPPORTED_VERSIONS) {
      const envelope = { header: replyHeader, replies: Object.values(replyExamples) };
      assert.deepEqual(decodeReply(version, encodeReply(version, envelope)), envelope);
    }
  });
  test("a record of another format is malformed", () => {
    const bytes = encodeRecord("value", { value: null, version: 1 });
    bytes[0] = 2;
    assert.throws(() => decodeRecord("value", bytes), MalformedError);
  });
});

test("what is decoded holds none of the bytes it came from", () => {
  const envelope = envelopeOf(requestExamples.preAccept);
  const bytes = Buffer.concat([Buffer.from("before"), encodeRequest(1, envelope), Buffer.from("after")]).subarray(6, -5);
  const decoded = decodeRequest(1, bytes);
  bytes.fill(0);
  assert.deepEqual(decoded, envelope);
});

test("the generated code is what the schemas make", () => {
  const script = fileURLToPath(new URL("../../scripts/codegen.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
