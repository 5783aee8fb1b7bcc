/** The desired set in the config file of the coordinator's datacenter: taken on SIGHUP, as soon as Temporal is there. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bodyOf, eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";

const patienceMs = 60_000;

describe("the desired set in a config file", () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-desired-"));
  const file = join(folder, "epoxy.json");
  /** For its Temporal: the two datacenters below are another cluster. */
  let cluster: TestCluster;
  let paris: TestDatacenter;
  let tokyo: TestDatacenter;
  before(async () => {
    writeFileSync(file, "{}");
    cluster = await startCluster({ datacenters: 1 });
    process.env["EPOXY_CLUSTER"] = "desired";
    paris = await startDatacenter(cluster, "paris", { serverArgs: ["--bootstrap", "--config", file] });
    tokyo = await startDatacenter(cluster, "tokyo", { serverArgs: ["--config", file] });
    delete process.env["EPOXY_CLUSTER"];
    await eventually("paris is ready", patienceMs, () => paris.api.isReady());
  });
  after(async () => {
    await tokyo?.end();
    await paris?.end();
    await cluster?.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const desire = (...datacenters: TestDatacenter[]) =>
    writeFileSync(file, JSON.stringify({ replicas: datacenters.map(({ name, peerUrl, apiUrl }) => ({ name, peerUrl, apiUrl })) }));
  const voters = async () =>
    bodyOf<{ replicas: readonly { name: string; status: string }[] }>(await paris.api.ask("GET", "/v1/cluster"), 200)
      .replicas.filter(({ status }) => status === "active")
      .map(({ name }) => name)
      .join();

  test("a datacenter that was written into it becomes a voter; another datacenter's file counts for nothing", async () => {
    desire(tokyo);
    tokyo.signal("SIGHUP", "server");
    desire(paris, tokyo);
    paris.signal("SIGHUP", "server");
    await eventually("both vote", patienceMs, async () => (await voters()) === "paris,tokyo");
    assert.doesNotMatch(tokyo.log(), /are desired now|not taken/);
  });

  test("a file that is wrong changes nothing, and the log says what is wrong", async () => {
    writeFileSync(file, '{"replicas":[{"name":"paris"}]}');
    paris.signal("SIGHUP", "server");
    await eventually("it is told", patienceMs, () => /peerUrl.*were not taken/.test(paris.log()));
    assert.equal(await voters(), "paris,tokyo");
  });

  test("one that was taken out is removed, also where Temporal comes back only later", async () => {
    desire(paris);
    const pid = cluster.view.temporal.pid as number;
    const before = paris.log().length;
    process.kill(pid, "SIGSTOP");
    try {
      paris.signal("SIGHUP", "server");
      await eventually("it was tried in vain", patienceMs, () => /were not taken/.test(paris.log().slice(before)));
      assert.equal(await voters(), "paris,tokyo");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await eventually("paris alone votes", patienceMs, async () => (await voters()) === "paris");
  });
});
