import fc from "fast-check";
import type { Command, Expectation, Key, SimpleCommand } from "../../protocol/types.ts";

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => new Uint8Array(Buffer.from(text))),
);
const value = fc.option(bytes);
const key = bytes.filter((found) => found.length > 0).map((found) => Buffer.from(found).toString("latin1") as Key);
const expect: fc.Arbitrary<Expectation> = fc.oneof(
  fc.array(value, { minLength: 1, maxLength: 3 }).map((values): Expectation => ({ kind: "oneOf", values })),
  fc.nat().map((version): Expectation => ({ kind: "version", version })),
);
const simple: fc.Arbitrary<SimpleCommand> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), key, value }),
  fc.record({ kind: fc.constant("checkAndSet" as const), key, expect, newValue: value }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.record({ kind: fc.constant("add" as const), key, delta: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ kind: fc.constant("get" as const), key }),
);
const txn: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant("txn" as const),
  checks: fc.array(fc.record({ key, expect }), { maxLength: 3 }),
  commands: fc.array(simple, { maxLength: 3 }),
});

/** Everything a caller may send in one proposal. */
export const anyCommandList: fc.Arbitrary<readonly Command[]> = fc.array(fc.oneof(simple, txn), { minLength: 1, maxLength: 5 });
