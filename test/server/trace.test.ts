/** A caller's trace goes with his proposal to the other datacenters. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { traceHeaders, traceOf, tracesOf } from "../../server/trace.ts";
import { createMemoryCluster, set } from "../support/memory-cluster.ts";

const trace = (n: number) => `00-${n.toString(16).padStart(32, "0")}-00f067aa0ba902b7-01`;

describe("headers", () => {
  test("a malformed traceparent is none", () => {
    assert.equal(traceOf({ traceparent: trace(1) }), trace(1));
    for (const bad of ["", "x", trace(0), trace(1).replace("00-", "01-"), trace(1).toUpperCase().replace("F", "G"), `${trace(1)}-`]) {
      assert.equal(traceOf({ traceparent: bad }), null, bad);
    }
  });

  test("one trace is a traceparent, several are named beside, and no more than eight", () => {
    const through = (...numbers: number[]) => tracesOf(traceHeaders(new Set(numbers.map(trace))));
    assert.deepEqual(traceHeaders(new Set()), {});
    assert.deepEqual(traceHeaders(new Set([trace(1)])), { traceparent: trace(1) });
    assert.deepEqual(through(1), [trace(1)]);
    assert.deepEqual(through(1, 2), [trace(1), trace(2)]);
    assert.equal(through(...Array.from({ length: 20 }, (_, i) => i + 1)).length, 8);
    assert.deepEqual(tracesOf({ "epoxy-traces": `junk,${trace(3)}` }), [trace(3)]);
  });
});

test("pre-accepts and commits carry the traces of all callers in the instance, other messages none", async (t) => {
  const cluster = await createMemoryCluster({ sites: 3 });
  t.after(() => cluster.stop());
  await cluster.form(3);
  const told: [string, readonly string[]][] = [];
  cluster.intercept(({ request, traces }) => {
    if (request.kind !== "sync") told.push([request.kind, traces]);
    return "deliver";
  });
  const propose = (key: string, given: string | null) =>
    cluster.replica(1).propose({ commands: [set(key, "v")], idempotencyKey: null, timeoutMs: 5_000, trace: given });
  await Promise.all([propose("a", null), propose("b", trace(1)), propose("c", null), propose("d", trace(2))]);
  await cluster.read(1, "d");
  const of = (kind: string) => new Set(told.filter(([each]) => each === kind).map(([, traces]) => traces.join()));
  // The first caller has an instance of his own, without a trace; the others share one.
  assert.deepEqual(of("preAccept"), new Set(["", [trace(1), trace(2)].join()]));
  assert.deepEqual(of("commit"), new Set(["", [trace(1), trace(2)].join()]));
  assert.deepEqual(of("readIndex"), new Set([""]));
});
