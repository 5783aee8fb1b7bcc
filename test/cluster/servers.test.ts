/** Several servers of each datacenter: which of them is gone makes no difference to the others. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, NoAnswer } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

describe("two servers in each of three datacenters", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ servers: 2, noRestart: true });
  });
  after(() => cluster?.end());

  test("the first one of each is killed: the second ones go on, and reach each other", async () => {
    for (const i of [1, 2, 3]) process.kill(cluster.pids(i, "server")[0] as number, "SIGKILL");
    for (const i of [1, 2, 3]) {
      await eventually(`a write at dc-${i}`, 20_000, async () => {
        const answer = await cluster
          .api(i, 2)
          .put(`second/${i}`, "alone")
          .catch((error: unknown) => {
            if (!(error instanceof NoAnswer)) throw error;
          });
        return answer?.status === 200;
      });
    }
    for (const i of [1, 2, 3]) for (const j of [1, 2, 3]) assert.equal(await cluster.api(i, 2).value(`second/${j}`), "alone");
  });
});
