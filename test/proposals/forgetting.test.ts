/** What is dropped, when, and what is answered afterwards: PROPOSAL step 57, spec/KEYS.md "Idempotency keys". */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BUCKET_MS } from "../../protocol/conflict.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { formed, kindOf, type MemoryCluster, set, until } from "../support/memory-cluster.ts";

type Hooks = { after(fn: () => unknown): void };

function quickly(t: Hooks, changes: Partial<Record<keyof typeof limits, number>>): void {
  const before = Object.assign({}, limits);
  t.after(() => Object.assign(limits, before));
  Object.assign(limits, changes);
}

function kept(cluster: MemoryCluster, site: number, prefix: string): string[] {
  return [...cluster.site(site).disk.records.keys()].filter((name) => name.startsWith(prefix));
}

const add = (key: string): Command => ({ kind: "add", key: key as Key, delta: 1n });

describe("instances", () => {
  test("are dropped with their index entries once every member has executed them, and not while one is away", async (t) => {
    quickly(t, { keepDecidedMs: 400, pruneEveryMs: 100, prunePage: 4, pruneGapMax: 64 });
    const cluster = await formed(t);
    cluster.isolate(3);
    for (let i = 0; i < 30; i++) await cluster.propose(1 + (i % 2), set(`k${i % 10}`, `${i}`));
    await systemClock.sleep(1_500);
    assert.ok(kept(cluster, 1, "i:").length >= 30, "site 3 has yet to hear of them");
    await cluster.process(1).kill();
    await cluster.start(1);
    cluster.heal();
    await until("all is dropped everywhere", () => [1, 2, 3].every((site) => kept(cluster, site, "i:").length < 4));
    await until("their index too", () => [1, 2, 3].every((site) => kept(cluster, site, "x:k").length < 4));
    for (let i = 0; i < 10; i++) assert.equal(await cluster.read(3, `k${i}`), `${20 + i}`);
    await cluster.propose(2, set("k0", "after"));
    assert.equal(await cluster.read(1, "k0"), "after");
    for (const site of [1, 2, 3]) assert.deepEqual(cluster.process(site).fatal, []);
  });
});

describe("index entries", () => {
  test("go as soon as every member has executed their instances; the records stay for whoever asks", async (t) => {
    const cluster = await formed(t);
    for (let i = 0; i < 30; i++) await cluster.propose(1 + (i % 3), set(`k${i}`, `${i}`));
    await until("all is dropped everywhere", () => [1, 2, 3].every((site) => kept(cluster, site, "x:k").length === 0));
    for (const site of [1, 2, 3]) assert.ok(kept(cluster, site, "i:").length >= 30);
    for (const site of [1, 2, 3]) assert.deepEqual(cluster.process(site).fatal, []);
  });
});

describe("idempotency keys", () => {
  const once = (cluster: MemoryCluster, site: number, idempotencyKey: string) =>
    cluster.replica(site).propose({ commands: [add("n")], idempotencyKey, timeoutMs: 5_000 });

  test("a clock in 1970 does no harm, in a cluster that is young", async (t) => {
    const cluster = await formed(t, { wallMs: (site) => (site === 2 ? 0 : systemClock.wallMs()) });
    await once(cluster, 2, "key");
    assert.equal(kindOf((await once(cluster, 1, "key")).outcome), "added");
    await once(cluster, 2, "key");
    assert.equal(await cluster.read(1, "n"), "1");
  });

  test("count for 24 hours, and are forgotten soon after", async (t) => {
    quickly(t, { bucketsEveryMs: 30, pruneEveryMs: 50, pageEntriesMax: 4 });
    let hours = 0;
    const cluster = await formed(t, { wallMs: () => systemClock.wallMs() + hours * BUCKET_MS });
    for (let i = 0; i < 10; i++) await once(cluster, 1, `key ${i}`);
    await until("site 2 has their rows", () => kept(cluster, 2, "r:").length === 10);
    hours = 24;
    await systemClock.sleep(1_000);
    await once(cluster, 2, "key 0");
    assert.equal(await cluster.read(1, "n"), "10");
    hours = 52;
    await until("the rows are gone", () => [1, 2, 3].every((site) => kept(cluster, site, "r:").length === 0), 20_000);
    await once(cluster, 3, "key 0");
    assert.equal(await cluster.read(1, "n"), "11");
    for (const site of [1, 2, 3]) assert.deepEqual(cluster.process(site).fatal, []);
  });
});
