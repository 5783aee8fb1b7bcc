/** Datacenters come and go while the others serve; what is gone says so. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Api, bodyOf, eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";
import { startWriting } from "../support/writing.ts";

type ClusterBody = {
  readonly epoch: number;
  readonly replica: { readonly status: string };
  readonly replicas: readonly { readonly id: number; readonly name: string; readonly status: string }[];
};
const json = { "content-type": "application/json" };

describe("members", () => {
  let cluster: TestCluster;
  let fourth: TestDatacenter | null = null;
  before(async () => {
    cluster = await startCluster({ noRestart: true });
  });
  after(async () => {
    await fourth?.end();
    await cluster.end();
  });
  const view = async (datacenter: number) => bodyOf<ClusterBody>(await cluster.api(datacenter).ask("GET", "/v1/cluster"), 200);
  const activeAt = async (api: Api) =>
    bodyOf<ClusterBody>(await api.ask("GET", "/v1/cluster"), 200)
      .replicas.filter(({ status }) => status === "active")
      .map(({ id }) => id)
      .join();

  test("one is added, asked of a datacenter that is not the coordinator's, while all write", async (t) => {
    const early = Array.from({ length: 200 }, (_, n) => `early/${n}`);
    await Promise.all(early.map(async (key, n) => bodyOf(await cluster.api((n % 3) + 1).put(key, key), 200)));
    fourth = await startDatacenter(cluster, "dc-4");
    const { api, peerUrl, apiUrl } = fourth;
    assert.equal(bodyOf<{ error: { code: string } }>(await api.put("too early", "x"), 503).error.code, "notReady");
    const writing = startWriting(
      [1, 2, 3].map((i) => cluster.api(i)),
      "added",
    );
    const body = JSON.stringify({ name: "dc-4", peerUrl, apiUrl });
    const startMs = performance.now();
    bodyOf(await cluster.api(2).ask("POST", "/v1/cluster/replicas", { body, headers: json }), 202);
    for (const each of [cluster.api(1), cluster.api(2), cluster.api(3), api]) {
      await eventually("all four are active", 30_000, async () => (await activeAt(each)) === "1,2,3,4");
    }
    t.diagnostic(`active after ${Math.round(performance.now() - startMs)} ms`);
    const written = await writing.stop();
    assert.ok(written.length > 0);
    await eventually("dc-4 is ready", 30_000, () => api.isReady());
    await Promise.all(written.map(async (key) => assert.equal(await api.value(key), "x", `${key} at dc-4`)));
    for (const key of early) assert.equal(await api.value(key, "local"), key);
    bodyOf(await api.put("from 4", "counted"), 200);
    for (const i of [1, 2, 3]) assert.equal(await cluster.api(i).value("from 4"), "counted");
  });

  test("four vote by the thresholds of four: three of them decide, two do not", async () => {
    cluster.pause(3);
    bodyOf(await cluster.api(1).put("three of four", "yes"), 200);
    assert.equal(await fourth?.api.value("three of four"), "yes");
    cluster.pause(2);
    const answer = await cluster.api(1).put("two of four", "no", { headers: { "epoxy-timeout-ms": "1000" } });
    assert.ok([503, 504].includes(answer.status), `two of four answered ${answer.status} ${answer.text}`);
    cluster.resume(2);
    cluster.resume(3);
    await eventually("all are ready", 30_000, async () =>
      (await Promise.all([1, 2, 3].map((i) => cluster.api(i).isReady()))).every(Boolean),
    );
  });

  test("one is removed, asked of a datacenter that is not the coordinator's, while all write", async () => {
    bodyOf(await cluster.api(3).put("from 3", "kept"), 200);
    const { epoch } = await view(1);
    const writing = startWriting([cluster.api(1), cluster.api(2), (fourth as TestDatacenter).api], "removed");
    const { generation } = bodyOf<{ generation: number }>(await cluster.api(2).ask("DELETE", "/v1/cluster/replicas/3"), 202);
    assert.ok(generation > 0);
    await eventually("1, 2 and 4 are members", 20_000, async () => (await view(1)).replicas.map(({ id }) => id).join() === "1,2,4");
    assert.ok((await writing.stop()).length > 0);
    assert.ok((await view(1)).epoch > epoch);
    assert.equal(await cluster.api(1).value("from 3"), "kept");
  });

  test("the removed one refuses what it can no longer promise, and says what it is", async () => {
    await eventually("it knows", 30_000, async () => (await view(3)).replica.status === "removed");
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
    bodyOf(await cluster.api(1).ask("POST", "/v1/cluster/replicas", { body, headers: json }), 202);
    await eventually("the reason is told", 30_000, async () => {
      const { reconfiguration } = bodyOf<{ reconfiguration: { detail: string } | null }>(
        await cluster.api(1).ask("GET", "/v1/cluster"),
        200,
      );
      return /dc-3b/.test(reconfiguration?.detail ?? "");
    });
    assert.deepEqual(
      (await view(1)).replicas.filter(({ status }) => status === "active").map(({ id }) => id),
      [1, 2, 4],
    );
    bodyOf(await cluster.api(2).put("still", "serving"), 200);
  });
});
