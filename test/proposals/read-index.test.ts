/** Readers who come together ask the voters together: PROPOSAL 60. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { keyFootprint } from "../../protocol/conflict.ts";
import type { Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { bytes, formed, type MemoryCluster, set } from "../support/memory-cluster.ts";

/** A cluster that says it has more to do than it can, so that who comes second waits for others. */
const busy = (t: Parameters<typeof formed>[0]) => formed(t, { busyShare: () => 1 });

describe("readers of a busy process", () => {
  test("share one question for all their keys, and each gets his own key's value", async (t) => {
    const cluster = await busy(t);
    for (const name of ["a", "b", "c"]) await cluster.propose(1, set(name, `of ${name}`));
    for (const name of ["a", "b", "c"]) await cluster.read(2, name);
    const asked: number[] = [];
    cluster.intercept(({ from, request }) => {
      if (from !== 2 || request.kind !== "readIndex") return "deliver";
      if (request.footprints.includes(keyFootprint("held" as Key))) return "lost";
      asked.push(request.footprints.length);
      return "deliver";
    });
    const crowd = await gather(cluster);
    const names = ["a", "b", "a", "c", "b", "nothing"];
    const values = await Promise.all(names.map((name) => cluster.read(2, name)));
    assert.deepEqual(values, ["of a", "of b", "of a", "of c", "of b", null]);
    // Whoever came first asked at once; the others together, whichever voters were asked.
    assert.deepEqual([...new Set(asked)], [1, 4]);
    cluster.intercept(null);
    await crowd.answered;
  });

  test("do not wait for what another's key waits for", async (t) => {
    const cluster = await busy(t);
    await cluster.propose(1, set("cold", "there"));
    await cluster.propose(1, set("hot", "before"));
    assert.equal(await cluster.read(1, "cold"), "there");
    // The voters have seen a write of the hot key that nobody can decide for now.
    cluster.intercept(({ request }) => {
      if (request.kind === "readIndex" || request.kind === "sync") return "deliver";
      return request.kind === "preAccept" ? "replyLost" : "lost";
    });
    const writing = cluster.propose(2, set("hot", "after"), 20_000);
    while (!(await seesOpen(cluster, 1))) await new Promise((resolve) => setTimeout(resolve, 20));
    let isHotAnswered = false;
    const first = cluster.read(1, "cold");
    const hot = cluster.read(1, "hot", 20_000).finally(() => {
      isHotAnswered = true;
    });
    assert.deepEqual(await Promise.all([first, cluster.read(1, "cold")]), ["there", "there"]);
    assert.equal(isHotAnswered, false);
    cluster.intercept(null);
    assert.equal(await hot, "after");
    await writing;
  });

  test("get the sum of a key that others add to", async (t) => {
    const cluster = await busy(t);
    await cluster.propose(1, { kind: "add", key: "sum" as never, delta: 5n });
    await cluster.propose(1, { kind: "set", key: "plain" as never, value: bytes("p") });
    const [, sum, plain] = await Promise.all([cluster.read(1, "plain"), cluster.read(1, "sum"), cluster.read(1, "plain")]);
    assert.deepEqual([sum, plain], ["5", "p"]);
  });
});

/** Many readers at datacenter 2 whose key nobody answers for: who comes next may expect company. Resolves once all of them have asked. */
async function gather(cluster: MemoryCluster): Promise<{ readonly answered: Promise<unknown> }> {
  const held = Array.from({ length: 200 }, () => cluster.read(2, "held", 20_000));
  await systemClock.sleep(150);
  return { answered: Promise.all(held) };
}

async function seesOpen(cluster: MemoryCluster, site: number): Promise<boolean> {
  return (await cluster.process(site).store.openInstances(null, 10)).length > 0;
}
