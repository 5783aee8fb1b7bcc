import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  accessesConflict,
  BUCKETS_PER_HOUR,
  bucketFootprint,
  bucketOf,
  footprints,
  keyFootprint,
  payloadsConflict,
  stampHour,
} from "../../protocol/conflict.ts";
import type { Access, Command, Entry, Idempotency, Payload } from "../../protocol/types.ts";
import { bytes, key } from "./arbitrary.ts";

const hourMs = 3_600_000;
const entry = (commands: readonly Command[], idempotency: Idempotency | null = null): Entry => ({ commands, idempotency });
const payload = (...entries: readonly Entry[]): Payload => ({ seq: 1, entries });
const once = (name: string, stampMs: number): Idempotency => ({ key: name, fingerprint: "f", stampMs });

const get: Command = { kind: "get", key: key("k") };
const set: Command = { kind: "set", key: key("k"), value: bytes("v") };
const add: Command = { kind: "add", key: key("k"), delta: 1n };
const remove: Command = { kind: "delete", key: key("k") };
const cas: Command = { kind: "checkAndSet", key: key("k"), expect: { kind: "version", version: 0 }, newValue: null };
const checks: Command = { kind: "txn", checks: [{ key: key("k"), expect: { kind: "version", version: 0 } }], commands: [] };
const txnGet: Command = { kind: "txn", checks: [], commands: [{ kind: "get", key: key("k") }] };
const txnSet: Command = { kind: "txn", checks: [], commands: [{ kind: "set", key: key("k"), value: null }] };
const txnAdd: Command = { kind: "txn", checks: [], commands: [{ kind: "add", key: key("k"), delta: 1n }] };
const close = (hour: number, bucket: number): Command => ({ kind: "closeBucket", hour, bucket });

describe("the relation of consensus sections 2 and 9", () => {
  const table: readonly (readonly [Access, Access, boolean])[] = [
    ["read", "read", false],
    ["read", "write", true],
    ["read", "add", true],
    ["write", "write", true],
    ["write", "add", true],
    ["add", "add", false],
  ];
  for (const [a, b, conflict] of table) {
    test(`${a} with ${b}: ${conflict}`, () => {
      assert.equal(accessesConflict(a, b), conflict);
      assert.equal(accessesConflict(b, a), conflict);
    });
  }
});

describe("how commands touch their keys", () => {
  const cases: readonly { readonly name: string; readonly commands: readonly Command[]; readonly access: Access }[] = [
    { name: "a get is a read", commands: [get], access: "read" },
    { name: "a set is a write", commands: [set], access: "write" },
    { name: "a delete is a write", commands: [remove], access: "write" },
    { name: "a checkAndSet is a write even if it fails", commands: [cas], access: "write" },
    { name: "an add commutes with adds", commands: [add, add], access: "add" },
    { name: "a key that a txn only checks is read", commands: [checks], access: "read" },
    { name: "a get inside a txn is a read", commands: [txnGet], access: "read" },
    { name: "a set inside a txn is a write", commands: [txnSet], access: "write" },
    { name: "an add inside a txn depends on its checks: a write", commands: [txnAdd], access: "write" },
    { name: "a batch that reads and adds conflicts with readers and adders: a write", commands: [get, add], access: "write" },
    { name: "the same the other way round", commands: [add, get], access: "write" },
    { name: "a write stays one", commands: [set, get, add], access: "write" },
  ];
  for (const { name, commands, access } of cases) {
    test(name, () => assert.deepEqual([...footprints(payload(entry(commands)))], [[keyFootprint(key("k")), access]]));
  }

  test("an idempotency key is written and its bucket added to, so that its close is ordered against it", () => {
    const touched = footprints(payload(entry([get], once("order-7", 5 * hourMs))));
    assert.equal(touched.get("iorder-7" as never), "write");
    assert.equal(touched.get(bucketFootprint(5, bucketOf("order-7"))), "add");
    assert.ok(payloadsConflict(payload(entry([], once("order-7", 5 * hourMs))), payload(entry([close(5, bucketOf("order-7"))]))));
    assert.ok(!payloadsConflict(payload(entry([], once("order-7", 6 * hourMs))), payload(entry([close(5, bucketOf("order-7"))]))));
  });

  test("two keys in one bucket do not wait for each other, one key always does, whatever the hours", () => {
    const first = "a";
    const other = Array.from({ length: 5000 }, (_, i) => `b${i}`).find((name) => bucketOf(name) === bucketOf(first)) as string;
    assert.ok(!payloadsConflict(payload(entry([], once(first, 0))), payload(entry([], once(other, 0)))));
    assert.ok(payloadsConflict(payload(entry([], once(first, 0))), payload(entry([], once(first, 99 * hourMs)))));
  });

  test("a key, an idempotency key and a bucket of one name are different things", () => {
    assert.ok(!payloadsConflict(payload(entry([{ kind: "set", key: key("x"), value: null }])), payload(entry([], once("x", 0)))));
    const named = bucketFootprint(5, 7).slice(1);
    assert.ok(!payloadsConflict(payload(entry([{ kind: "set", key: key(named), value: null }])), payload(entry([close(5, 7)]))));
  });

  test("the empty payload conflicts with nothing", () => assert.ok(!payloadsConflict(payload(), payload(entry([set])))));
});

const anyKey = fc.constantFrom(key("a"), key("b"), key("c"));
const anySimple = fc.oneof(
  fc.record({ kind: fc.constant("get" as const), key: anyKey }),
  fc.record({ kind: fc.constant("set" as const), key: anyKey, value: fc.constant(bytes("v")) }),
  fc.record({ kind: fc.constant("add" as const), key: anyKey, delta: fc.constant(1n) }),
);
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  anySimple,
  fc.record({
    kind: fc.constant("txn" as const),
    checks: fc.array(fc.record({ key: anyKey, expect: fc.constant({ kind: "version" as const, version: 0 }) }), { maxLength: 2 }),
    commands: fc.array(anySimple, { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant("closeBucket" as const),
    hour: fc.integer({ min: 0, max: 1 }),
    bucket: fc.constantFrom(bucketOf("x"), bucketOf("y")),
  }),
);
const anyEntry: fc.Arbitrary<Entry> = fc.record({
  commands: fc.array(anyCommand, { maxLength: 3 }),
  idempotency: fc.option(
    fc.record({ key: fc.constantFrom("x", "y"), fingerprint: fc.constant("f"), stampMs: fc.integer({ min: 0, max: 2 * hourMs - 1 }) }),
  ),
});
const anyPayload = fc.array(anyEntry, { maxLength: 2 }).map((entries) => payload(...entries));

test("the relation is symmetric", () => {
  fc.assert(fc.property(anyPayload, anyPayload, (a, b) => assert.equal(payloadsConflict(a, b), payloadsConflict(b, a))));
});

test("a batch conflicts at least with whatever one of its entries conflicts with", () => {
  fc.assert(
    fc.property(anyPayload, anyPayload, (a, b) => {
      const parts = a.entries.some((one) => payloadsConflict(payload(one), b));
      if (parts) assert.ok(payloadsConflict(a, b));
    }),
  );
});

test("buckets: the whole range is used, and the hash is fixed for ever", () => {
  const used = new Set(Array.from({ length: 5000 }, (_, i) => bucketOf(`key-${i}`)));
  assert.equal(used.size, BUCKETS_PER_HOUR);
  assert.equal(bucketOf(""), 0x811c9dc5 % BUCKETS_PER_HOUR);
  assert.equal(bucketOf("a"), 0xe40c292c % BUCKETS_PER_HOUR);
  assert.deepEqual([stampHour(0), stampHour(hourMs - 1), stampHour(hourMs)], [0, 0, 1]);
});
