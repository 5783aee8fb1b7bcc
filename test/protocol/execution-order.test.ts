/** Consensus section 1.5 against a slow obvious version of it, and one order everywhere (I11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { payloadsConflict } from "../../protocol/conflict.ts";
import { executeComponents, planExecution } from "../../protocol/execution.ts";
import { instanceName, ownerOf } from "../../protocol/ids.ts";
import type { InstanceId, Payload, Slot, Write } from "../../protocol/types.ts";
import type { TestView } from "../support/view.ts";
import { allIds, anyId, id } from "./arbitrary.ts";
import { all, instance, progress, view } from "./committed.ts";

type Graph = ReadonlyMap<InstanceId, readonly InstanceId[]>;
const anyGraph: fc.Arbitrary<Graph> = fc
  .array(fc.tuple(anyId, fc.array(anyId, { maxLength: 3 })), { minLength: 1, maxLength: 14 })
  .map((rows) => new Map(rows));

/** As many blockers as a plan looks for (`BLOCKERS_MAX` of protocol/execution.ts). */
const BLOCKERS_ENOUGH = 8;
/** More than that, which the random graphs seldom have. */
const nineMissing: Graph = new Map([
  [id(1, 4), [id(1, 1), id(2, 1), id(1, 3)]],
  [id(3, 1), [id(1, 6), id(1, 4), id(1, 5)]],
  [id(1, 8), [id(2, 2), id(3, 1), id(1, 2)]],
  [id(2, 3), [id(1, 8), id(2, 4), id(3, 2)]],
]);

function reaches(graph: Graph, from: InstanceId): ReadonlySet<InstanceId> {
  const found = new Set<InstanceId>();
  const rest = [from];
  for (let one = rest.pop(); one !== undefined; one = rest.pop()) {
    for (const next of graph.get(one) ?? [])
      if (!found.has(next)) {
        found.add(next);
        rest.push(next);
      }
  }
  return found;
}

test("components are the strongly connected ones, in an order that respects every edge", () => {
  fc.assert(
    fc.property(anyGraph, fc.uniqueArray(anyId, { maxLength: 3 }), (graph, executed) => {
      const writes = [...graph].map(([one, deps]) => instance(one, { deps, executed: executed.includes(one) }));
      const live: Graph = new Map(
        [...graph]
          .filter(([one]) => !executed.includes(one))
          .map(([one, deps]) => [one, deps.filter((dep) => !executed.includes(dep) || !graph.has(dep))]),
      );
      for (const root of graph.keys()) {
        const plan = planExecution(view(...writes), root, all);
        if (!live.has(root)) {
          assert.equal(plan.kind, "done");
          continue;
        }
        const closure = new Set([root, ...reaches(live, root)]);
        const missing = [...closure].filter((one) => !live.has(one));
        if (missing.length > 0) {
          assert.ok(plan.kind === "blocked");
          // Enough of them are enough: the rest is found once these are there.
          if (missing.length <= BLOCKERS_ENOUGH) assert.deepEqual(new Set(plan.on), new Set(missing));
          else assert.ok(plan.on.length >= BLOCKERS_ENOUGH && plan.on.every((one) => missing.includes(one)));
          continue;
        }
        assert.ok(plan.kind === "ready");
        assert.deepEqual(
          plan.components.flat().sort((x, y) => x - y),
          [...closure].sort((x, y) => x - y),
        );
        const place = new Map(plan.components.flatMap((component, i) => component.map((one) => [one, i] as const)));
        for (const x of closure) {
          for (const y of closure) {
            const together = x === y || (reaches(live, x).has(y) && reaches(live, y).has(x));
            assert.equal(place.get(x) === place.get(y), together);
            if (!together && reaches(live, x).has(y)) assert.ok((place.get(y) ?? 0) < (place.get(x) ?? 0));
          }
        }
      }
    }),
    { numRuns: 300, examples: [[nineMissing, []]] },
  );
});

/** Conflicting pairs are linked one way or both, as the protocol guarantees (I2); who links whom is random. */
const anyHistory = fc.record({
  keys: fc.array(
    fc.tuple(
      anyId,
      fc.uniqueArray(fc.constantFrom("x", "y", "z"), { minLength: 1, maxLength: 2 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
    ),
    { minLength: 2, maxLength: 10 },
  ),
  links: fc.array(fc.constantFrom("forth", "back", "both"), { minLength: 45, maxLength: 45 }),
  orders: fc.tuple(
    fc.shuffledSubarray([...allIds], { minLength: allIds.length }),
    fc.shuffledSubarray([...allIds], { minLength: allIds.length }),
  ),
  visitMax: fc.constantFrom(1, 3, 1000),
});

function commitInOrder(
  records: ReadonlyMap<InstanceId, Write>,
  order: readonly InstanceId[],
  visitMax: number,
): { readonly done: readonly InstanceId[]; readonly state: TestView } {
  const state = view();
  const done: InstanceId[] = [];
  for (const arrived of order.filter((one) => records.has(one))) {
    state.apply([records.get(arrived) as Write]);
    for (const root of order.filter((one) => records.has(one))) {
      for (
        let plan = planExecution(state, root, { ...all, visitMax });
        plan.kind === "ready";
        plan = planExecution(state, root, { ...all, visitMax })
      ) {
        const step = executeComponents(state, plan.components);
        state.apply(step.writes);
        done.push(...step.reply.executed.map((one) => one.id));
      }
    }
  }
  return { done, state };
}

test("whatever order commits arrive in, conflicting commands execute in one order and all execute", () => {
  fc.assert(
    fc.property(anyHistory, ({ keys, links, orders, visitMax }) => {
      const rows = [...new Map(keys.map((row) => [row[0], row])).values()];
      const deps = new Map<InstanceId, InstanceId[]>(rows.map(([one]) => [one, []]));
      let next = 0;
      for (const [i, [x, xKeys]] of rows.entries()) {
        for (const [y, yKeys] of rows.slice(i + 1)) {
          const link = links[next++ % links.length];
          if (!xKeys.some((name) => yKeys.includes(name))) continue;
          if (link !== "back") deps.get(x)?.push(y);
          if (link !== "forth") deps.get(y)?.push(x);
        }
      }
      const records = new Map(
        rows.map(([one, names, seq, nop]) => [
          one,
          instance(one, { keys: names, seq, nop: nop && ownerOf(one) === 3, deps: deps.get(one) ?? [] }),
        ]),
      );
      const [left, right] = orders.map((order) => commitInOrder(records, order, visitMax)) as [
        ReturnType<typeof commitInOrder>,
        ReturnType<typeof commitInOrder>,
      ];
      assert.equal(left.done.length, rows.length);
      assert.equal(right.done.length, rows.length);
      const payload = (one: InstanceId) => left.state.get("instance", instanceName(one))?.value;
      for (const x of left.done) {
        for (const y of left.done) {
          const [px, py] = [payload(x), payload(y)];
          if (px === "nop" || py === "nop" || x === y || !payloadsConflict(px as Payload, py as Payload)) continue;
          assert.equal(
            left.done.indexOf(x) < left.done.indexOf(y),
            right.done.indexOf(x) < right.done.indexOf(y),
            `${instanceName(x)} and ${instanceName(y)}`,
          );
        }
      }
      for (const name of ["x", "y", "z"]) assert.deepEqual(left.state.get("value", name), right.state.get("value", name));
    }),
    { numRuns: 400 },
  );
});

test("floors and explicit ids execute alike", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 0, max: 7 }), (length, executed) => {
      const byFloor = view(progress([[1, Math.min(executed, length - 1)]]));
      const byList = view(progress([[1, Math.min(executed, length - 1)]]));
      for (let position = 1; position <= length; position++) {
        byFloor.apply([instance(id(1, position), { floor: [[1, position - 1]] })]);
        byList.apply([instance(id(1, position), { deps: Array.from({ length: position - 1 }, (_, i) => id(1, (i + 1) as Slot)) })]);
      }
      assert.deepEqual(planExecution(byFloor, id(1, length), all), planExecution(byList, id(1, length), all));
    }),
  );
});
