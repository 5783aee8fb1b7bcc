/** Datacenters come and go while the others serve; what is gone says so. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bodyOf, eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

type ClusterBody = {
  readonly epoch: number;
  readonly replica: { readonly status: string };
  readonly replicas: readonly { readonly id: number; readonly status: string }[];
};

describe("removing a datacenter", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ noRestart: true });
  });
  after(() => cluster.end());
  const view = async (datacenter: number) => bodyOf<ClusterBody>(await cluster.api(datacenter).ask("GET", "/v1/cluster"), 200);

  test("asked of a datacenter that is not the coordinator's, while all write", async () => {
    bodyOf(await cluster.api(3).put("from 3", "kept"), 200);
    let over = false;
    let acknowledged = 0;
    const writers = [1, 2].map(async (i) => {
      for (let n = 0; !over; n++) {
        bodyOf(await cluster.api(i).put(`during/${i}/${n}`, "x"), 200);
        acknowledged++;
      }
    });
    const { generation } = bodyOf<{ generation: number }>(await cluster.api(2).ask("DELETE", "/v1/cluster/replicas/3"), 202);
    assert.ok(generation > 0);
    await eventually("only 1 and 2 are members", 20_000, async () => (await view(1)).replicas.map(({ id }) => id).join() === "1,2");
    over = true;
    await Promise.all(writers);
    assert.ok(acknowledged > 0);
    assert.ok((await view(1)).epoch >= 3);
    assert.equal(await cluster.api(1).value("from 3"), "kept");
  });

  test("the removed one refuses what it can no longer promise, and says what it is", async () => {
    await eventually("it knows", 10_000, async () => (await view(3)).replica.status === "removed");
    const answer = await cluster.api(3).put("late", "x");
    assert.match(bodyOf<{ error: { code: string; message: string } }>(answer, 503).error.message, /removed/);
    assert.equal((await cluster.api(3).get("from 3")).status, 503);
    assert.equal(await cluster.api(3).value("from 3", "local"), "kept");
    assert.equal((await cluster.api(3).ask("GET", "/readyz")).status, 503);
    assert.equal(await cluster.api(1).value("late"), null);
  });

  test("its address may not be added with its old Redis", async () => {
    const { peer = "", api = "" } = cluster.view.datacenters[2] ?? {};
    const body = JSON.stringify({ name: "dc-3b", peerUrl: peer, apiUrl: api });
    bodyOf(await cluster.api(1).ask("POST", "/v1/cluster/replicas", { body, headers: { "content-type": "application/json" } }), 202);
    await eventually("the reason is told", 15_000, async () => {
      const { reconfiguration } = bodyOf<{ reconfiguration: { detail: string } | null }>(
        await cluster.api(1).ask("GET", "/v1/cluster"),
        200,
      );
      return /dc-3b/.test(reconfiguration?.detail ?? "");
    });
    assert.deepEqual(
      (await view(1)).replicas.filter(({ status }) => status === "active").map(({ id }) => id),
      [1, 2],
    );
    bodyOf(await cluster.api(2).put("still", "serving"), 200);
  });
});
