/** 503 says that nothing was proposed, 504 that something may come of it: interface.md, and within the time that was given. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreInDoubt } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { InstanceId, Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { codeOf, formed, set, until } from "../support/memory-cluster.ts";

async function timed<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const startMs = performance.now();
  const result = await run();
  return { result, ms: performance.now() - startMs };
}

describe("a store that goes away", () => {
  test("before anything was tried: nothing was proposed", async (t) => {
    const cluster = await formed(t);
    await cluster.process(1).stop();
    let isBroken = false;
    await cluster.start(1, {
      store: (store) => ({
        ...store,
        transact: (step) => (isBroken ? Promise.reject(new StoreInDoubt("went away")) : store.transact(step)),
      }),
    });
    await until("site 1 serves", () => cluster.replica(1).report().problems.length === 0);
    isBroken = true;
    assert.equal(await codeOf(cluster.propose(1, set("a", "1"), 1_000)), "notReady");
  });

  test("while the pre-accept is made durable: the outcome is unknown, and the instance is named", async (t) => {
    const cluster = await formed(t);
    cluster.site(1).hooks = {};
    await cluster.propose(1, set("a", "0"));
    await cluster.process(1).stop();
    let calls = -1;
    await cluster.start(1, {
      store: (store) => ({
        ...store,
        transact: async (step) => {
          const isSubmit = calls >= 0 && /slotTaken/.test(String(step)) && calls++ === 0;
          const result = await store.transact(step);
          if (isSubmit) throw new StoreInDoubt("went away");
          return result;
        },
      }),
    });
    await until("site 1 serves", () => cluster.replica(1).report().problems.length === 0);
    calls = 0;
    const error = await cluster.propose(1, set("a", "1"), 1_000).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof EpoxyError);
    assert.equal(error.code, "outcomeUnknown");
    assert.match(String(error.details["instance"]), /^1\.\d+$/);
  });

  test("and does not answer at all: 504 or 503 in the time that was given, for reads 503", async (t) => {
    const cluster = await formed(t);
    const site = cluster.site(1);
    site.hooks = { latency: () => systemClock.sleep(4_000) };
    const proposed = await timed(() => codeOf(cluster.propose(1, set("a", "1"), 500)));
    assert.ok(["outcomeUnknown", "notReady"].includes(proposed.result), proposed.result);
    assert.ok(proposed.ms < 1_000, `${proposed.ms} ms`);
    const read = await timed(() => codeOf(cluster.read(1, "a", 500)));
    assert.equal(read.result === "noQuorum" || read.result === "notReady", true, read.result);
    assert.ok(read.ms < 1_000, `${read.ms} ms`);
    site.hooks = {};
  });
});

describe("a quorum that goes away", () => {
  test("a write under way gets 504 in its time; once the loss is known, writes and reads get 503 at once", async (t) => {
    const cluster = await formed(t);
    for (const other of [2, 3]) cluster.isolate(other);
    const write = await timed(() => codeOf(cluster.propose(1, set("a", "1"), 1_000)));
    assert.deepEqual([write.result, write.ms < 1_300], ["outcomeUnknown", true]);
    const slow = await timed(() => codeOf(cluster.read(1, "a", 10_000)));
    assert.equal(slow.result, "noQuorum");
    assert.ok(slow.ms < limits.quorumLostMs + 1_500, `a read noticed after ${slow.ms} ms`);
    const refused = await timed(() => codeOf(cluster.propose(1, set("a", "2"), 10_000)));
    assert.deepEqual([refused.result, refused.ms < 100], ["noQuorum", true]);
    const read = await timed(() => codeOf(cluster.read(1, "a", 10_000)));
    assert.deepEqual([read.result, read.ms < 100], ["noQuorum", true]);
    assert.equal(await cluster.local(1, "a"), null);
    cluster.heal();
    await until("writes go on", async () => (await codeOf(cluster.propose(1, set("a", "3")))) === "none");
  });

  test("others whose stores are gone are as good as gone", async (t) => {
    const cluster = await formed(t);
    for (const other of [2, 3]) cluster.site(other).hooks = { fate: () => "unreachable" };
    await until("the loss is known", () => !cluster.replica(1).report().quorum, limits.quorumLostMs + 2_000);
    const refused = await timed(() => codeOf(cluster.propose(1, set("a", "2"), 10_000)));
    assert.deepEqual([refused.result, refused.ms < 100], ["noQuorum", true]);
    for (const other of [2, 3]) cluster.site(other).hooks = {};
    await until("they are back", () => cluster.replica(1).report().quorum);
    await cluster.propose(1, set("a", "3"));
  });

  test("others whose disks may not vote are as good as gone", async (t) => {
    const cluster = await formed(t);
    for (const other of [2, 3]) cluster.replica(other).setUnfit("this Redis forgets");
    await until("the loss is known", () => !cluster.replica(1).report().quorum, limits.quorumLostMs + 2_000);
    assert.equal(await codeOf(cluster.propose(1, set("a", "2"), 1_000)), "noQuorum");
    for (const other of [2, 3]) cluster.replica(other).setUnfit(null);
    await until("they are back", () => cluster.replica(1).report().quorum);
  });
});

describe("after a Nop", () => {
  test("the proposal goes on under a new instance, and the old one names it", async (t) => {
    const cluster = await formed(t);
    let first: InstanceId | null = null;
    cluster.intercept(({ from, request }) => {
      if (from !== 1 || request.kind !== "preAccept") return "deliver";
      first ??= request.id;
      return request.id === first ? "lost" : "deliver";
    });
    const answered = cluster.propose(1, set("a", "1"), 10_000);
    await until("it was sent", () => first !== null);
    const [before] = await Promise.all([cluster.replica(2).recover(first as unknown as InstanceId, 5_000), answered]);
    assert.equal(before.value, "nop");
    const old = await cluster.replica(1).instance(before.id);
    assert.deepEqual([old?.value, old?.resubmittedAs], ["nop", (await answered).instance]);
    assert.equal(await cluster.read(2, "a"), "1");
  });
});

describe("more than can be ordered", () => {
  test("a proposal with too many conflicts is refused before anything is written", async (t) => {
    const cluster = await formed(t, { sites: 1 });
    const bounds = limits as unknown as { submitDepsMax: number };
    const before = bounds.submitDepsMax;
    t.after(() => {
      bounds.submitDepsMax = before;
    });
    bounds.submitDepsMax = -1;
    const entries = cluster.site(1).disk.open.length;
    assert.equal(await codeOf(cluster.propose(1, set("a", "1"), 1_000)), "overloaded");
    assert.equal(cluster.site(1).disk.open.length, entries);
  });
});

test("an optimistic read in a cluster of one does not wait for others", async (t) => {
  const cluster = await formed(t, { sites: 1 });
  const read = await timed(() => cluster.replica(1).read("never" as Key, "optimistic", 5_000));
  assert.deepEqual([read.result.version, read.ms < 200], [0, true]);
});
