/** `epoxy dev` as a process: how long it takes to be ready, what it leaves behind, what survives it. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, bodyOf, eventually, NoAnswer } from "../support/api.ts";
import { isRunning, startCluster, type TestCluster } from "../support/cluster.ts";

const readyMs = 60_000;

describe("three datacenters", () => {
  let cluster: TestCluster | null = null;
  const running = (): TestCluster => {
    assert.ok(cluster !== null, "the cluster did not start");
    return cluster;
  };
  const again = async () => {
    const { folder, port } = running();
    cluster = await startCluster({ data: folder, port, readyMs });
  };
  after(() => cluster?.end());

  test("dev prints its line within 60 s, when all of them vote and are ready", async (t) => {
    cluster = await startCluster({ readyMs });
    t.diagnostic(`ready after ${Math.round(cluster.startedMs)} ms`);
    const { view, port } = cluster;
    assert.deepEqual(
      view.datacenters.map(({ id, name, status, api, peer, redis }) => ({ id, name, status, api, peer, redis })),
      [1, 2, 3].map((i) => ({
        id: i,
        name: `dc-${i}`,
        status: "active",
        api: `http://127.0.0.1:${port + 10 * i}`,
        peer: `http://127.0.0.1:${port + 10 * i + 1}`,
        redis: `redis://127.0.0.1:${port + 10 * i + 2}`,
      })),
    );
    assert.equal(view.temporal.address, `127.0.0.1:${port + 1}`);
    assert.equal(view.temporal.ui, `http://127.0.0.1:${port + 2}`);
    assert.equal(view.temporal.namespace, "default");
    for (const i of [1, 2, 3]) {
      assert.equal(cluster.pids(i).length, 3, `dc-${i} has a server, a worker and a Redis`);
      assert.equal(await cluster.api(i).isReady(), true, `dc-${i} is ready`);
      const answer: Answer = await cluster.api(i).ask("GET", "/v1/cluster");
      const statuses = bodyOf<{ replicas: { status: string }[] }>(answer, 200).replicas.map(({ status }) => status);
      assert.deepEqual(statuses, ["active", "active", "active"]);
    }
    assert.equal(isRunning(view.temporal.pid as number), true);
  });

  test("a process that dies is started again and announced", async () => {
    const { restarted, pids } = running();
    const [server = 0] = pids(2, "server");
    const [redis = 0] = pids(3, "redis");
    running().signal("SIGKILL", 2, "server");
    running().signal("SIGKILL", 3, "redis");
    await eventually("both are announced", 30_000, () => restarted.length === 2);
    const event = (process: string) => restarted.find((each) => each.process === process);
    assert.equal(event("server")?.datacenter, 2);
    assert.equal(event("redis")?.datacenter, 3);
    assert.deepEqual([isRunning(server), isRunning(redis)], [false, false]);
    await eventually(
      "dc-2 and dc-3 are ready",
      15_000,
      async () => (await running().api(2).isReady()) && (await running().api(3).isReady()),
    );
    bodyOf(await running().api(3).put("after a restart", "yes"), 200);
    assert.equal(await running().api(2).value("after a restart"), "yes");
  });

  test("SIGTERM leaves no process behind", async () => {
    for (const i of [1, 2, 3]) bodyOf(await running().api(i).put(`term/${i}`, `from dc-${i}`), 200);
    const { code, left } = await running().stop();
    assert.deepEqual({ code, left }, { code: 0, left: [] });
  });

  test("the same --data goes on where it stopped", async () => {
    await again();
    for (const i of [1, 2, 3]) {
      for (const j of [1, 2, 3]) assert.equal(await running().api(i).value(`term/${j}`), `from dc-${j}`);
      assert.equal(await running().api(i).value("after a restart", "local"), "yes");
    }
    bodyOf(await running().api(2).put("term/1", "once more"), 200);
    assert.equal(await running().api(3).value("term/1"), "once more");
  });

  test("it also goes on after kill -9 of everything, without one acknowledged write lost", async (t) => {
    const acknowledged = await killUnderLoad(running());
    t.diagnostic(`${acknowledged.size} writes were acknowledged before the kill`);
    assert.ok(acknowledged.size > 20, `only ${acknowledged.size} writes were acknowledged before the kill`);
    await again();
    for (const i of [1, 2, 3]) {
      await Promise.all(
        [...acknowledged].map(async ([key, value]) => assert.equal(await running().api(i).value(key), value, `${key} at dc-${i}`)),
      );
    }
    bodyOf(await running().api(3).put("after kill -9", "yes"), 200);
    assert.equal(await running().api(1).value("after kill -9"), "yes");
  });

  test("kill -9 of epoxy dev alone takes the others with it", async () => {
    const { devPid, pids, view } = running();
    const all = [...[1, 2, 3].flatMap((i) => pids(i)), view.temporal.pid as number];
    process.kill(devPid, "SIGKILL");
    await eventually("all are gone", 30_000, () => !all.some(isRunning));
  });
});

/** Writes from every datacenter until everything is killed in the middle of it; what was answered by then. */
async function killUnderLoad(cluster: TestCluster): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  let killed = false;
  const writers = [1, 2, 3].map(async (i) => {
    for (let n = 0; !killed; n++) {
      const key = `load/${i}/${n}`;
      try {
        const { status } = await cluster.api(i).put(key, `value ${n}`);
        if (status === 200) acknowledged.set(key, `value ${n}`);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (killed) return;
      }
    }
  });
  await sleep(1_500);
  const killing = cluster.killEverything();
  killed = true;
  await killing;
  await Promise.all(writers);
  return acknowledged;
}
