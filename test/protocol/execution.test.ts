/** Consensus section 1.5: what may run now, and running it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { genesisLink, makeLink } from "../../protocol/cluster.ts";
import { executeComponents, planExecution } from "../../protocol/execution.ts";
import { instanceName, replicaId } from "../../protocol/ids.ts";
import { NOTHING_SETTLED } from "../../protocol/settled.ts";
import type { ChainLink, InstanceId, Write } from "../../protocol/types.ts";
import { testView } from "../support/view.ts";
import { bytes, id, noMembers } from "./arbitrary.ts";
import { all, instance, progress, replica, view } from "./committed.ts";

const [a, b, c, d] = [id(1, 1), id(2, 1), id(3, 1), id(1, 2)];

describe("planExecution", () => {
  const cases: readonly {
    readonly name: string;
    readonly writes: readonly Write[];
    readonly root?: InstanceId;
    readonly plan: ReturnType<typeof planExecution>;
  }[] = [
    { name: "an unknown root blocks on itself", writes: [], plan: { kind: "blocked", on: [a], waiting: [] } },
    {
      name: "an uncommitted root blocks on itself",
      writes: [instance(a, { phase: "accepted" })],
      plan: { kind: "blocked", on: [a], waiting: [] },
    },
    { name: "an executed root is done", writes: [instance(a, { executed: true })], plan: { kind: "done" } },
    { name: "below the executed prefix it is done, record or not", writes: [progress([[1, 1]])], plan: { kind: "done" } },
    { name: "below the global floor it is done, record or not", writes: [progress([], [[1, 1]])], plan: { kind: "done" } },
    {
      name: "dependencies come first",
      writes: [instance(a, { deps: [b] }), instance(b, { deps: [c] }), instance(c)],
      plan: { kind: "ready", components: [[c], [b], [a]] },
    },
    {
      name: "every id reached must be committed",
      writes: [instance(a, { deps: [b, c] }), instance(b, { deps: [d] }), instance(d, { phase: "preaccepted" })],
      plan: { kind: "blocked", on: [d, c], waiting: [a] },
    },
    {
      name: "edges to executed ids are dropped",
      writes: [instance(a, { deps: [b] }), instance(b, { executed: true, deps: [c] })],
      plan: { kind: "ready", components: [[a]] },
    },
    {
      name: "a cycle is one component, ordered by seq, then id",
      writes: [instance(a, { deps: [b], seq: 3 }), instance(b, { deps: [c], seq: 3 }), instance(c, { deps: [a], seq: 2 })],
      plan: { kind: "ready", components: [[c, a, b]] },
    },
    {
      name: "what depends on a cycle comes after it",
      writes: [instance(a, { deps: [b] }), instance(b, { deps: [c] }), instance(c, { deps: [b] })],
      plan: { kind: "ready", components: [[b, c], [a]] },
    },
    { name: "an instance never waits for itself", writes: [instance(a, { deps: [a] })], plan: { kind: "ready", components: [[a]] } },
    {
      name: "a Nop runs too, and waits for nothing",
      writes: [instance(a, { deps: [b] }), instance(b, { nop: true, deps: [c] })],
      plan: { kind: "ready", components: [[b], [a]] },
    },
    {
      name: "floor edges are waits: what is below comes before",
      writes: [
        instance(d, {
          floor: [
            [1, 1],
            [2, 1],
          ],
        }),
        instance(a),
        instance(b),
      ],
      root: d,
      plan: { kind: "ready", components: [[a], [b], [d]] },
    },
    {
      name: "below its floor every id must be committed",
      writes: [
        instance(d, {
          floor: [
            [1, 1],
            [2, 2],
          ],
        }),
        instance(a),
      ],
      root: d,
      plan: { kind: "blocked", on: [b, id(2, 2)], waiting: [d] },
    },
    {
      name: "of a floor only what is above the executed prefix counts",
      writes: [progress([[2, 1]]), instance(a, { floor: [[2, 2]] }), instance(id(2, 2))],
      plan: { kind: "ready", components: [[id(2, 2)], [a]] },
    },
    {
      name: "an instance of a later epoch waits for its activation",
      writes: [instance(a, { epoch: 2 })],
      plan: { kind: "blocked", on: [], waiting: [] },
    },
  ];
  for (const { name, writes, root, plan } of cases) {
    test(name, () => assert.deepEqual(planExecution(view(...writes), root ?? a, all), plan));
  }

  test("the hint from memory is believed", () => {
    const plan = planExecution(view(instance(a, { deps: [b], floor: [[3, 1]] })), a, {
      ...all,
      executedHint: (one) => one === b || one === c,
    });
    assert.deepEqual(plan, { kind: "ready", components: [[a]] });
  });

  describe("what was seen to wait is not looked into again", () => {
    const writes = [instance(a, { deps: [b] }), instance(b, { deps: [c] })];

    test("all on the way to what is missing wait for it", () => {
      assert.deepEqual(planExecution(view(...writes), a, all), { kind: "blocked", on: [c], waiting: [a, b] });
    });

    test("one that needs one of these is planned without what that needs", () => {
      const waitsFor = (one: InstanceId) => (one === b ? c : undefined);
      const looked: string[] = [];
      const known = view(...writes, instance(d, { deps: [b] }));
      const get: typeof known.get = (kind, name) => {
        if (kind === "instance") looked.push(name);
        return known.get(kind, name);
      };
      assert.deepEqual(planExecution({ get }, d, { ...all, waitsFor }), { kind: "blocked", on: [c], waiting: [d] });
      assert.deepEqual([...new Set(looked)].sort(), [d, b, c].map(instanceName).sort());
    });

    test("what is committed meanwhile is waited for no longer", () => {
      const waitsFor = (one: InstanceId) => (one === a || one === b ? c : undefined);
      const plan = planExecution(view(...writes, instance(c)), a, { ...all, waitsFor });
      assert.deepEqual(plan, { kind: "ready", components: [[c], [b], [a]] });
    });
  });

  test("a cycle through a floor is a bug somewhere and stops the process", () => {
    assert.throws(() => planExecution(view(instance(a, { floor: [[2, 1]] }), instance(b, { deps: [a] })), a, all), {
      name: "InvariantViolation",
    });
    assert.throws(() => planExecution(view(instance(a, { deps: [b] }), instance(b, { floor: [[1, 1]] })), a, all), {
      name: "InvariantViolation",
    });
  });

  test("a chain of 20,000 is no recursion, and visitMax cuts it at a component", () => {
    const chain = view();
    for (let position = 1; position <= 20_000; position++)
      chain.apply([instance(id(1, position), { deps: position === 1 ? [] : [id(1, position - 1)] })]);
    const plan = planExecution(chain, id(1, 20_000), { ...all, visitMax: 100_000 });
    assert.ok(plan.kind === "ready" && plan.components.length === 20_000);
    const part = planExecution(chain, id(1, 20_000), { ...all, visitMax: 10 });
    assert.deepEqual(part, { kind: "ready", components: [[id(1, 1)]] });
  });

  test("blockers are bounded", () => {
    const plan = planExecution(view(instance(a, { floor: [[2, 1_000_000]] })), a, all);
    assert.ok(plan.kind === "blocked" && plan.on.length === 8);
  });
});

describe("across epochs (consensus 4.2 R4, R7)", () => {
  const hash = (text: string) => text;
  const first = genesisLink({ voter: replicaId(1), members: noMembers }, hash);
  const chain = (settled: ChainLink["settled"]): Write => ({
    kind: "chain",
    id: "",
    record: { links: [first, makeLink({ previous: first, voters: first.voters, settled, members: noMembers }, hash)] },
  });

  test("an id outside K of its closed epoch is Nop everywhere: nobody waits for it", () => {
    const closed = chain({ frontier: [], listed: [a] });
    assert.deepEqual(planExecution(view(closed, instance(a, { deps: [b], floor: [[3, 5]] })), a, all), {
      kind: "ready",
      components: [[a]],
    });
  });

  test("an id inside K is waited for", () => {
    const closed = chain({ frontier: [], listed: [a, b] });
    assert.deepEqual(planExecution(view(closed, instance(a, { deps: [b] })), a, all), { kind: "blocked", on: [b], waiting: [a] });
  });

  test("explicit ids of K before the instance's epoch are dropped: its replica executed them before it activated", () => {
    const closed = chain({ frontier: [], listed: [b] });
    const plan = planExecution(testView([replica(2), closed, instance(a, { epoch: 2, deps: [b] })]), a, all);
    assert.deepEqual(plan, { kind: "ready", components: [[a]] });
  });

  test("an empty K", () => {
    assert.deepEqual(planExecution(view(chain(NOTHING_SETTLED), instance(a, { deps: [b, c] })), a, all), {
      kind: "ready",
      components: [[a]],
    });
  });
});

describe("executeComponents", () => {
  test("marks, applies and tells each instance in order, Nops too; outcomes stay at the owner", () => {
    const state = view(instance(a, { keys: ["k", "k"] }), instance(b), instance(c, { nop: true }));
    const step = executeComponents(state, [[b], [a, c]]);
    state.apply(step.writes);
    assert.deepEqual(
      step.changes.map(({ instance: one, writes }) => [one, writes.length]),
      [
        [b, 1],
        [a, 2],
        [c, 0],
      ],
    );
    assert.deepEqual(state.get("value", "k"), { value: bytes("1.1"), version: 3 });
    const records = [a, b, c].map((one) => state.get("instance", instanceName(one)));
    assert.deepEqual(
      records.map((record) => record?.executed),
      [true, true, true],
    );
    assert.deepEqual(
      records.map((record) => record?.outcomes?.length ?? null),
      [2, null, null],
    );
    assert.deepEqual(
      step.reply.executed.map(({ id: one, outcomes }) => [one, outcomes.length]),
      [
        [b, 1],
        [a, 2],
        [c, 0],
      ],
    );
  });

  test("nothing is executed twice or before it is committed", () => {
    assert.throws(() => executeComponents(view(instance(a, { executed: true })), [[a]]), { name: "InvariantViolation" });
    assert.throws(() => executeComponents(view(instance(a)), [[a], [a]]), { name: "InvariantViolation" });
    assert.throws(() => executeComponents(view(instance(a, { phase: "accepted" })), [[a]]), { name: "InvariantViolation" });
    assert.throws(() => executeComponents(view(), [[a]]), { name: "InvariantViolation" });
  });
});
