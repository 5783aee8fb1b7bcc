/** Who waits for whom before it can be executed (PROPOSAL 52), and what a process that begins with nothing in memory makes of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { block, nothingBlocked, release, unblock } from "../../proposals/blocked.ts";
import type { Store, Transaction } from "../../proposals/ports.ts";
import type { InstanceId } from "../../protocol/types.ts";
import { createMemoryCluster, set, until } from "../support/memory-cluster.ts";

const [a, b, c, d] = [1, 2, 3, 4] as InstanceId[] as [InstanceId, InstanceId, InstanceId, InstanceId];

describe("what is blocked", () => {
  test("is released by what it waits for, once", () => {
    const blocked = nothingBlocked();
    block(blocked, a, d);
    block(blocked, b, d);
    block(blocked, c, a);
    assert.deepEqual(release(blocked, d), [a, b]);
    assert.deepEqual(release(blocked, d), []);
    assert.deepEqual([...blocked.by], [[c, a]]);
  });

  test("waits for one at a time: the one named last", () => {
    const blocked = nothingBlocked();
    block(blocked, a, c);
    block(blocked, a, d);
    assert.deepEqual(release(blocked, c), []);
    assert.deepEqual(release(blocked, d), [a]);
  });

  test("is not tried again once it waits no more", () => {
    const blocked = nothingBlocked();
    block(blocked, a, d);
    unblock(blocked, a);
    unblock(blocked, a);
    assert.deepEqual([blocked.on.size, blocked.by.size], [0, 0]);
  });
});

/** Counts how often steps are run, and again because they lacked a record or lost a race. */
function counting(runs: { count: number }): (store: Store) => Store {
  return (store) => ({
    ...store,
    transact: <T>(step: (tx: Transaction) => T) =>
      store.transact((tx) => {
        runs.count++;
        return step(tx);
      }),
  });
}

test("a process that starts with hundreds of instances missing runs a few steps for each of them", async (t) => {
  const cluster = await createMemoryCluster({ sites: 3 });
  t.after(() => cluster.stop());
  await cluster.form(3);
  const write = async (site: number, count: number) => {
    for (let i = 0; i < count; i++) await cluster.propose(site, set(`hot-${i % 3}`, `${site}.${i}`), 10_000);
  };
  await write(1, 1);
  await cluster.process(1).kill();
  await Promise.all([write(2, 150), write(3, 150)]);
  // What is missed comes late, so that what is written meanwhile has something to wait for.
  cluster.intercept(({ from, request }) => (from === 1 && request.kind === "downloadInstances" ? 300 : "deliver"));
  const runs = { count: 0 };
  await cluster.start(1, { store: counting(runs) });
  await Promise.all([write(2, 100), write(3, 100)]);
  await until("it has caught up", async () => (await cluster.local(1, "hot-0")) === (await cluster.local(2, "hot-0")), 20_000);
  await cluster.read(1, "hot-0", 10_000);
  // With a plan for each record that was not in memory, and for all that waits at each look, there were tens of thousands.
  assert.ok(runs.count < 5_000, `${runs.count} steps were run for 500 instances`);
});
