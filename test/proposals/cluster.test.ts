import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryCluster, set } from "../support/memory-cluster.ts";

test("three replicas form a cluster, and each sees what the others wrote", async (t) => {
  const cluster = await createMemoryCluster({ sites: 3 });
  t.after(() => cluster.stop());
  await cluster.form(3);
  for (const site of [1, 2, 3]) {
    await cluster.propose(site, set(`k${site}`, `v${site}`));
    for (const other of [1, 2, 3]) assert.equal(await cluster.read(other, `k${site}`), `v${site}`);
  }
});
