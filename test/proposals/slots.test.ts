/** PROPOSAL 9a: a slot is taken in the transaction that uses it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instanceId, instanceName, slotOf } from "../../protocol/ids.ts";
import type { ReplicaId, Slot } from "../../protocol/types.ts";
import { formed, set, until } from "../support/memory-cluster.ts";

const one = 1 as ReplicaId;

describe("slots", () => {
  test("a lone caller waits for one write before his pre-accept goes out", async (t) => {
    const cluster = await formed(t);
    await cluster.process(1).stop();
    let writes = 0;
    let isProposing = false;
    await cluster.start(1, {
      store: (store) => ({
        ...store,
        async transact(step) {
          const result = await store.transact(step);
          // Those of the loops name no payload.
          if (isProposing && /payload|slots/.test(String(step))) writes++;
          return result;
        },
      }),
    });
    await until("site 1 serves", () => cluster.replica(1).report().problems.length === 0);
    await cluster.propose(1, set("a", "0"));
    let before: number | null = null;
    cluster.intercept(({ request }) => {
      if (request.kind === "preAccept") before ??= writes;
      return "deliver";
    });
    isProposing = true;
    await cluster.propose(1, set("a", "1"));
    assert.equal(before, 1);
  });

  test("two processes of one replica never use one slot", async (t) => {
    const cluster = await formed(t);
    await cluster.start(1);
    await until("both serve", () => cluster.site(1).processes.every(({ replica }) => replica.report().problems.length === 0));
    const proposals = [0, 1, 2, 3, 4, 5].flatMap((round) =>
      cluster.site(1).processes.map(async ({ replica }, i) => {
        const used = [];
        for (let k = 0; k < 10; k++) {
          const commands = [set(`${round}.${i}.${k}`, "v")];
          used.push((await replica.propose({ commands, idempotencyKey: null, timeoutMs: 10_000 })).instance);
        }
        return used;
      }),
    );
    // Callers of one process share instances; no instance is of both.
    const used = await Promise.all(proposals);
    const [first = new Set(), second = new Set()] = [0, 1].map((i) => new Set(used.filter((_, at) => at % 2 === i).flat()));
    assert.deepEqual([...first].filter((id) => second.has(id)).map(String), []);
    for (let round = 0; round < 6; round++) assert.notEqual(await cluster.read(2, `${round}.1.9`), null);
  });

  test("one that the others decided to be Nop before it was used is passed over", async (t) => {
    const cluster = await formed(t);
    const { instance } = await cluster.propose(1, set("a", "0"));
    const next = instanceId(one, (slotOf(instance) + 1) as Slot);
    assert.equal((await cluster.replica(2).recover(next, 5_000)).value, "nop", instanceName(next));
    const after = await cluster.propose(1, set("a", "1"));
    assert.ok(slotOf(after.instance) > slotOf(next), instanceName(after.instance));
    assert.equal(await cluster.read(3, "a"), "1");
  });
});
