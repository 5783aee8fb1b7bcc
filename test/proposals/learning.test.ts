/** A newcomer's copy: interrupted, begun anew elsewhere, run twice at once. RECONFIGURE step 3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "../../proposals/ports.ts";
import { createMemoryDisk } from "../../proposals/store/memory.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, Key, ReplicaId } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { codeOf, createMemoryCluster, set, until } from "../support/memory-cluster.ts";

const [one, two] = [1 as ReplicaId, 2 as ReplicaId];
const add = (key: string): Command => ({ kind: "add", key: key as Key, delta: 1n });

test("a copy begun anew at another source has nothing of the one before it, and late pages of that one are refused", async (t) => {
  const before = Object.assign({}, limits);
  t.after(() => Object.assign(limits, before));
  const cluster = await createMemoryCluster({ sites: 3, learns: false });
  t.after(() => cluster.stop());
  await cluster.begin();
  const learner = () => cluster.replica(2);
  await cluster.join(2);
  for (let cursor = "", done = false; !done; ) ({ cursor, done } = await learner().learnPage({ source: one, cursor }));
  await cluster.replica(1).changeVoters([one, two], { timeoutMs: 10_000 });
  await until("site 2 serves", () => cluster.replica(2).report().problems.length === 0);

  for (let i = 0; i < 6; i++) await cluster.propose(1, set(`k${i}`, "x"));
  for (let i = 0; i < 3; i++) await cluster.propose(2, add("n"));
  await cluster.join(3);
  Object.assign(limits, { snapshotPageEntries: 3 });
  const newcomer = cluster.replica(3);
  const names = () => cluster.site(3).disk.state.length;

  let first = await newcomer.learnPage({ source: one, cursor: "" });
  for (let i = 0; i < 200 && names() < 4; i++) first = await newcomer.learnPage({ source: one, cursor: first.cursor });
  assert.ok(names() >= 4);
  let second = await newcomer.learnPage({ source: two, cursor: "" });
  assert.equal(names(), 0);
  assert.equal(await codeOf(newcomer.learnPage({ source: one, cursor: first.cursor })), "notReady");
  assert.equal(names(), 0);
  for (let i = 0; i < 3; i++) await cluster.propose(1, add("n"));
  Object.assign(limits, before);
  while (!second.done) second = await newcomer.learnPage({ source: two, cursor: second.cursor });
  await until("site 3 has activated", () => newcomer.report().epoch > 0);

  await cluster.replica(1).changeVoters([one, two, 3 as ReplicaId], { timeoutMs: 10_000 });
  await cluster.propose(1, add("n"));
  await until("all are the same", async () => {
    const digests = await Promise.all([1, 2, 3].map((site) => cluster.process(site).store.digest()));
    return new Set(digests).size === 1;
  });
  await until("site 3 serves", () => newcomer.report().problems.length === 0);
  assert.equal(await cluster.read(3, "n"), "7");
  assert.equal((await newcomer.learnPage({ source: one, cursor: "" })).done, true);
});

test("RECONFIGURE 3: a page that an older copy asked for ahead is not taken by a newer one", async (t) => {
  const before = Object.assign({}, limits);
  t.after(() => Object.assign(limits, before));
  const cluster = await createMemoryCluster({ sites: 2, learns: false });
  t.after(() => cluster.stop());
  await cluster.begin();
  for (let i = 0; i < 6; i++) await cluster.propose(1, set(`k${i}`, "old"));
  await cluster.join(2);
  const sibling = cluster.replica(2);
  const { replica } = await cluster.start(2, { loops: "sync" });
  // Two pages: all but the last names, and the last.
  Object.assign(limits, { snapshotPageEntries: cluster.site(1).disk.state.length - 3 });
  const step = async (from: typeof replica, cursor: string) => (await from.learnPage({ source: one, cursor })).cursor;

  await step(replica, await step(replica, ""));
  // The page asked for ahead is read at site 1 meanwhile.
  await systemClock.sleep(300);
  for (let i = 0; i < 6; i++) await cluster.propose(1, set(`k${i}`, "new"));
  const second = await step(sibling, await step(sibling, ""));
  for (let cursor = second, done = false; !done; ) ({ cursor, done } = await replica.learnPage({ source: one, cursor }));
  for (let i = 0; i < 6; i++) assert.equal(await cluster.local(2, `k${i}`), "new");
});

test("RECONFIGURE 3: a page is gone through a few times at most, not once for each of its records", async (t) => {
  const cluster = await createMemoryCluster({ sites: 2, learns: false });
  t.after(() => cluster.stop());
  await cluster.begin();
  await cluster.replica(1).propose({
    commands: Array.from({ length: 300 }, (_, i) => set(`k${i}`, "x")),
    idempotencyKey: null,
    timeoutMs: 5_000,
  });
  await cluster.process(2).stop();
  let runs = 0;
  let most = 0;
  const counting = (store: Store): Store => ({
    ...store,
    async transact(step) {
      runs = 0;
      const value = await store.transact((tx) => {
        runs++;
        return step(tx);
      });
      most = Math.max(most, runs);
      return value;
    },
  });
  // Without loops, nothing else of it writes meanwhile.
  const { replica } = await cluster.start(2, { loops: "sync", store: counting });
  await cluster.join(2);
  const first = await replica.learnPage({ source: one, cursor: "" });
  most = 0;
  const page = await replica.learnPage({ source: one, cursor: first.cursor });
  assert.ok(page.copied > 300);
  assert.ok(most < 10, `${most} runs`);
});

test("RECONFIGURE 2: all processes of a newcomer tell one name of its disk, from their first answer on", async (t) => {
  const cluster = await createMemoryCluster({ sites: 2 });
  t.after(() => cluster.stop());
  await cluster.replica(1).bootstrap({ clusterName: "test", name: "dc-1", peerUrl: "http://site-1.test", apiUrl: "http://site-1.test" });
  await cluster.process(2).stop();
  const site = cluster.site(2);
  site.disk = createMemoryDisk();
  site.hooks = { latency: () => systemClock.sleep(100) };
  const starting = [cluster.start(2), cluster.start(2)];
  // Whoever comes first to the disk names it, and the last one started answers.
  const told = await cluster.replica(1).healthCheck("http://site-2.test");
  site.hooks = {};
  for (const { replica } of await Promise.all(starting)) assert.equal(replica.report().incarnation, told.incarnation);
});

test("RECONFIGURE 3: who votes takes up no learning, whatever a member tells it", async (t) => {
  const cluster = await createMemoryCluster({ sites: 2 });
  t.after(() => cluster.stop());
  await cluster.form(2);
  const request = { kind: "beginLearning", learnId: "another", clusterName: "test", links: [], sources: [9 as ReplicaId] } as const;
  const { replies } = await cluster.replica(2).handle({ header: cluster.replica(1).header(two), requests: [request] });
  assert.deepEqual(replies, [{ kind: "ok" }]);
  assert.deepEqual(cluster.process(2).learnings, ["learn-2"]);
});
