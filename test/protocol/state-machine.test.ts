/** One row per sentence of spec/KEYS.md. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bucketName, bucketOf } from "../../protocol/conflict.ts";
import { addToCounter, formatCounter, parseCounter } from "../../protocol/counter.ts";
import { rowMayGo } from "../../protocol/idempotency.ts";
import { applyEntry } from "../../protocol/state-machine.ts";
import type { Bytes, Command, CommandResult, EntryOutcome, Expectation, KeyState, SimpleCommand } from "../../protocol/types.ts";
import { type TestView, testView } from "../support/view.ts";
import { bytes, id, key } from "./arbitrary.ts";

const hourMs = 3_600_000;
const k = key("k");
const here = id(1, 1);
const is = (...values: readonly (string | null)[]): Expectation => ({
  kind: "oneOf",
  values: values.map((value) => (value === null ? null : bytes(value))),
});
const version = (number: number): Expectation => ({ kind: "version", version: number });
const set = (value: string | null, name = "k"): SimpleCommand => ({
  kind: "set",
  key: key(name),
  value: value === null ? null : bytes(value),
});
const cas = (expect: Expectation, value: string | null, name = "k"): SimpleCommand => ({
  kind: "checkAndSet",
  key: key(name),
  expect,
  newValue: value === null ? null : bytes(value),
});
const remove: SimpleCommand = { kind: "delete", key: k };
const add = (delta: bigint, name = "k"): SimpleCommand => ({ kind: "add", key: key(name), delta });
const get = (name = "k"): SimpleCommand => ({ kind: "get", key: key(name) });
const txn = (checks: readonly (readonly [string, Expectation])[], ...commands: readonly SimpleCommand[]): Command => ({
  kind: "txn",
  checks: checks.map(([name, expect]) => ({ key: key(name), expect })),
  commands,
});
const written = (number: number): CommandResult => ({ kind: "written", version: number });
const state = (value: string | null, number: number): KeyState => ({ value: value === null ? null : bytes(value), version: number });
const mismatch = (current: string | null, number: number): CommandResult => ({
  kind: "expectedValueDoesNotMatch",
  current: current === null ? null : bytes(current),
  version: number,
});

function holding(before: KeyState | null): TestView {
  return testView(before === null ? [] : [{ kind: "value", id: k, record: before }]);
}

function apply(view: TestView, ...commands: readonly Command[]): EntryOutcome {
  return view.run(applyEntry(view, here, { commands, idempotency: null }));
}

describe("commands", () => {
  const some = state("v", 4);
  const gone = state(null, 5);
  const cases: readonly {
    readonly name: string;
    readonly before: KeyState | null;
    readonly command: Command;
    readonly result: CommandResult;
    readonly after: KeyState | null;
  }[] = [
    { name: "the first set makes version 1", before: null, command: set("a"), result: written(1), after: state("a", 1) },
    { name: "a set of the same value is a change", before: some, command: set("v"), result: written(5), after: state("v", 5) },
    { name: "a set of null deletes", before: some, command: set(null), result: written(5), after: gone },
    { name: "a deleted key keeps its version and counts on", before: gone, command: set("a"), result: written(6), after: state("a", 6) },
    { name: "a delete is a change", before: some, command: remove, result: written(5), after: gone },
    { name: "a delete of an absent key is none", before: gone, command: remove, result: written(5), after: gone },
    { name: "a delete of a key never written leaves no record", before: null, command: remove, result: written(0), after: null },
    { name: "a set of null of a key never written leaves no record", before: null, command: set(null), result: written(0), after: null },
    { name: "an empty value is not an absent one", before: null, command: set(""), result: written(1), after: state("", 1) },
    {
      name: "checkAndSet takes any of the values",
      before: some,
      command: cas(is("x", "v"), "w"),
      result: written(5),
      after: state("w", 5),
    },
    { name: "checkAndSet says what is there", before: some, command: cas(is("x", null), "w"), result: mismatch("v", 4), after: some },
    { name: "null expects an absent key", before: gone, command: cas(is(null), "w"), result: written(6), after: state("w", 6) },
    {
      name: "null does not expect an empty value",
      before: state("", 1),
      command: cas(is(null), "w"),
      result: mismatch("", 1),
      after: state("", 1),
    },
    {
      name: "an empty value does not expect an absent key",
      before: null,
      command: cas(is(""), "w"),
      result: mismatch(null, 0),
      after: null,
    },
    {
      name: "a longer value does not match its beginning",
      before: some,
      command: cas(is("vv"), "w"),
      result: mismatch("v", 4),
      after: some,
    },
    { name: "checkAndSet by version", before: some, command: cas(version(4), "w"), result: written(5), after: state("w", 5) },
    { name: "another version does not match", before: some, command: cas(version(3), "w"), result: mismatch("v", 4), after: some },
    { name: "version 0 is a key never written", before: null, command: cas(version(0), "w"), result: written(1), after: state("w", 1) },
    { name: "version 0 is not a deleted key", before: gone, command: cas(version(0), "w"), result: mismatch(null, 5), after: gone },
    { name: "checkAndSet to null deletes", before: some, command: cas(is("v"), null), result: written(5), after: gone },
    { name: "checkAndSet of absent to null is no change", before: gone, command: cas(is(null), null), result: written(5), after: gone },
    { name: "an absent key counts as 0", before: null, command: add(3n), result: { kind: "added" }, after: state("3", 1) },
    {
      name: "a deleted key counts as 0 and keeps its version",
      before: gone,
      command: add(-3n),
      result: { kind: "added" },
      after: state("-3", 6),
    },
    { name: "an add of 0 is a change", before: state("7", 2), command: add(0n), result: { kind: "added" }, after: state("7", 3) },
    {
      name: "an add wraps round",
      before: state("9223372036854775807", 1),
      command: add(1n),
      result: { kind: "added" },
      after: state("-9223372036854775808", 2),
    },
    { name: "an add to no counter changes nothing", before: some, command: add(1n), result: { kind: "notACounter" }, after: some },
    {
      name: "a get of a key never written is version 0",
      before: null,
      command: get(),
      result: { kind: "value", value: null, version: 0 },
      after: null,
    },
    {
      name: "a get of a deleted key has its version",
      before: gone,
      command: get(),
      result: { kind: "value", value: null, version: 5 },
      after: gone,
    },
    { name: "a get", before: some, command: get(), result: { kind: "value", value: bytes("v"), version: 4 }, after: some },
    {
      name: "a txn whose checks hold",
      before: some,
      command: txn(
        [
          ["k", version(4)],
          ["n", is(null)],
        ],
        set("w"),
        get(),
      ),
      result: { kind: "txn", results: [written(5), { kind: "value", value: bytes("w"), version: 5 }] },
      after: state("w", 5),
    },
    {
      name: "a txn names the first check that fails",
      before: some,
      command: txn(
        [
          ["k", is("v")],
          ["n", version(1)],
          ["k", is("x")],
        ],
        set("w"),
      ),
      result: { kind: "checkFailed", failed: 1, current: null, version: 0 },
      after: some,
    },
    {
      name: "a txn whose checkAndSet fails has no effect",
      before: some,
      command: txn([], set("w"), cas(is("v"), "x")),
      result: mismatch("w", 5),
      after: some,
    },
    {
      name: "a txn whose add fails has no effect",
      before: some,
      command: txn([], set("x", "n"), add(1n)),
      result: { kind: "notACounter" },
      after: some,
    },
    {
      name: "checks look at the state before the txn",
      before: null,
      command: txn([["k", version(0)]], set("a"), set("b")),
      result: { kind: "txn", results: [written(1), written(2)] },
      after: state("b", 2),
    },
    { name: "a txn of checks alone", before: some, command: txn([["k", is("v")]]), result: { kind: "txn", results: [] }, after: some },
  ];
  for (const { name, before, command, result, after } of cases) {
    test(name, () => {
      const view = holding(before);
      assert.deepEqual(apply(view, command), { kind: "results", results: [result] });
      assert.deepEqual(view.get("value", k), after);
      assert.equal(view.get("value", "n"), null);
    });
  }

  test("commands of one entry see each other, and one that fails stops no other", () => {
    const view = holding(null);
    assert.deepEqual(apply(view, set("x"), add(1n), cas(is("x"), "1"), add(1n), get()), {
      kind: "results",
      results: [written(1), { kind: "notACounter" }, written(2), { kind: "added" }, { kind: "value", value: bytes("2"), version: 3 }],
    });
  });

  test("keys that JavaScript objects have are keys like any other", () => {
    const view = testView();
    assert.deepEqual(apply(view, get("__proto__"), set("v", "constructor"), get("constructor")), {
      kind: "results",
      results: [{ kind: "value", value: null, version: 0 }, written(1), { kind: "value", value: bytes("v"), version: 1 }],
    });
  });
});

describe("counters", () => {
  for (const text of [
    "",
    "-0",
    "007",
    "+1",
    "1 ",
    " 1",
    "1.0",
    "1e3",
    "0x1",
    "--1",
    "-",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "1\n",
    "٣",
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseCounter(bytes(text)), null));
  }
  const anyInt64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  test("every signed 64-bit integer is one, written one way", () => {
    fc.assert(fc.property(anyInt64, (number) => assert.equal(parseCounter(formatCounter(number)), number)));
    for (const edge of [0n, -(2n ** 63n), 2n ** 63n - 1n]) assert.equal(parseCounter(formatCounter(edge)), edge);
  });
  test("bytes that are no text are none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (raw: Bytes) => {
        const number = parseCounter(raw);
        if (number !== null) assert.deepEqual(formatCounter(number), new Uint8Array(raw));
      }),
    );
  });

  test("adds commute: every order leaves the same value and version", () => {
    fc.assert(
      fc.property(fc.array(anyInt64, { maxLength: 6 }), fc.option(anyInt64), fc.integer(), (deltas, start, turn) => {
        const before = start === null ? null : { value: formatCounter(start), version: 3 };
        const [one, other] = [holding(before), holding(before)];
        const cut = deltas.length === 0 ? 0 : Math.abs(turn) % deltas.length;
        apply(one, ...deltas.map((delta) => add(delta)));
        apply(other, ...[...deltas.slice(cut), ...deltas.slice(0, cut)].reverse().map((delta) => add(delta)));
        assert.deepEqual(one.get("value", k), other.get("value", k));
        if (deltas.length > 0) assert.equal(parseCounter(one.get("value", k)?.value ?? null), deltas.reduce(addToCounter, start ?? 0n));
      }),
    );
  });
});

describe("idempotency keys (consensus section 9)", () => {
  const send = (
    view: TestView,
    { stampMs, fingerprint = "f", instance = here }: { stampMs: number; fingerprint?: string; instance?: typeof here },
    ...commands: readonly Command[]
  ) => view.run(applyEntry(view, instance, { commands, idempotency: { key: "once", fingerprint, stampMs } }));
  const closeHour = (view: TestView, hour: number) => apply(view, { kind: "closeBucket", hour, bucket: bucketOf("once") });

  test("a retry has the first one's results, and nothing is done again", () => {
    const view = testView();
    const first = send(view, { stampMs: 0 }, add(5n), get());
    assert.deepEqual(send(view, { stampMs: 1, instance: id(2, 9) }, add(5n), get()), first);
    assert.deepEqual(view.get("value", k), state("5", 1));
    assert.equal(view.get("row", "once")?.instance, here);
  });

  test("a failed condition is a result like any other: a retry has it too", () => {
    const view = testView();
    send(view, { stampMs: 0 }, cas(is("x"), "y"));
    apply(view, set("x"));
    assert.deepEqual(send(view, { stampMs: 1 }, cas(is("x"), "y")), { kind: "results", results: [mismatch(null, 0)] });
  });

  test("another payload under the same key is refused and does nothing", () => {
    const view = testView();
    send(view, { stampMs: 0 }, set("a"));
    assert.deepEqual(send(view, { stampMs: 1, fingerprint: "g" }, set("b")), { kind: "idempotencyKeyReused" });
    assert.deepEqual(view.get("value", k), state("a", 1));
    assert.equal(view.get("row", "once")?.fingerprint, "f");
  });

  test("a row of hour H answers up to hour H+25 and not one millisecond longer", () => {
    for (const [stampMs, repeated] of [
      [26 * hourMs - 1, true],
      [26 * hourMs, false],
    ] as const) {
      const view = testView();
      send(view, { stampMs: hourMs - 1 }, add(1n));
      send(view, { stampMs }, add(1n));
      assert.deepEqual(view.get("value", k), repeated ? state("1", 1) : state("2", 2));
      assert.equal(view.get("row", "once")?.stampMs, repeated ? hourMs - 1 : stampMs);
    }
  });

  test("a proposal stamped before its row is answered by it", () => {
    const view = testView();
    send(view, { stampMs: 100 * hourMs }, add(1n));
    send(view, { stampMs: 3 * hourMs }, add(1n));
    assert.deepEqual(view.get("value", k), state("1", 1));
  });

  test("after its bucket is closed a late proposal is refused, whether or not the row is still there", () => {
    for (const early of [true, false]) {
      const view = testView();
      if (early) send(view, { stampMs: 0 }, add(1n));
      assert.deepEqual(closeHour(view, 0), { kind: "results", results: [{ kind: "bucketClosed" }] });
      assert.deepEqual(send(view, { stampMs: hourMs - 1 }, add(1n)), { kind: "idempotencyKeyExpired" });
      assert.deepEqual(view.get("value", k), early ? state("1", 1) : null);
    }
  });

  test("a retry in a later hour is still answered after the first one's bucket is closed", () => {
    const view = testView();
    send(view, { stampMs: 0 }, add(1n));
    closeHour(view, 0);
    assert.equal(send(view, { stampMs: hourMs }, add(1n)).kind, "results");
    assert.deepEqual(view.get("value", k), state("1", 1));
  });

  test("closing twice changes nothing the second time", () => {
    const view = testView();
    closeHour(view, 7);
    const again = applyEntry(view, here, { commands: [{ kind: "closeBucket", hour: 7, bucket: bucketOf("once") }], idempotency: null });
    assert.deepEqual(again.writes, []);
    assert.deepEqual(view.get("bucket", bucketName(7, bucketOf("once"))), { closed: true });
  });

  test("a row may go only when no answer can depend on it any more", () => {
    const anyHour = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(fc.uniqueArray(anyHour, { maxLength: 1 }), anyHour, fc.integer({ min: 0, max: 2 }), (left, late, rowHour) => {
        const closed = Array.from({ length: 31 }, (_, hour) => hour).filter((hour) => !left.includes(hour));
        const view = testView();
        send(view, { stampMs: rowHour * hourMs }, add(1n));
        for (const hour of closed) closeHour(view, hour);
        const row = view.get("row", "once");
        assert.ok(row !== null);
        const mayGo = rowMayGo(view, { key: "once", row, firstHour: 0 });
        assert.equal(
          mayGo,
          Array.from({ length: rowHour + 26 }, (_, hour) => hour).every((hour) => closed.includes(hour)),
        );
        if (!mayGo) return;
        const kept = send(view, { stampMs: late * hourMs }, add(1n));
        view.apply([{ kind: "row", id: "once", record: null }]);
        assert.deepEqual(send(view, { stampMs: late * hourMs }, add(1n)), kept);
      }),
    );
  });

  test("two entries of one batch with one key: the second has the first one's results", () => {
    const view = testView();
    const outcomes = [1, 2].map(() => send(view, { stampMs: 0 }, add(1n)));
    assert.deepEqual(outcomes[0], outcomes[1]);
    assert.deepEqual(view.get("value", k), state("1", 1));
  });
});
