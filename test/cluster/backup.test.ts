/** The way out when a majority is lost for good: a backup from a survivor, and a new cluster from it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { type Api, bodyOf, eventually } from "../support/api.ts";
import { launcher, startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";
import { startRedis } from "../support/redis.ts";

const epoxy = async (...args: string[]) => (await promisify(execFile)(process.execPath, [launcher, ...args])).stdout;

describe("backup and restore", () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-backup-"));
  const file = join(folder, "epoxy.backup");
  let cluster: TestCluster;
  let restored: TestDatacenter | null = null;
  before(async () => {
    cluster = await startCluster({ noRestart: true });
  });
  after(async () => {
    await restored?.end();
    await cluster.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const versionOf = async (api: Api, key: string) => (await api.get(key, "local")).headers.etag;

  test("a majority is lost for good: a survivor is backed up, and a new cluster has its keys and versions", async () => {
    for (let i = 0; i < 50; i++) bodyOf(await cluster.api((i % 3) + 1).put(`kept/${i % 20}`, `value ${i}`), 200);
    const survivor = cluster.api(3);
    for (let i = 30; i < 50; i++)
      await eventually("dc-3 has it", 30_000, async () => (await survivor.value(`kept/${i % 20}`, "local")) === `value ${i}`);
    for (const gone of [1, 2]) cluster.signal("SIGKILL", gone);
    const told = JSON.parse(await epoxy("--api", survivor.url, "--json", "backup", file)) as { keys: number; replica: number };
    assert.deepEqual([told.keys, told.replica], [20, 3]);

    const redis = await startRedis();
    await epoxy("restore", file, "--redis", redis.url);
    await assert.rejects(epoxy("restore", file, "--redis", redis.url), /is not empty/);
    restored = await startDatacenter(cluster, "again", { redis, serverArgs: ["--bootstrap", "--cluster", "restored"] });
    const { api } = restored;
    await eventually("the new cluster serves", 30_000, () => api.isReady());
    for (let i = 30; i < 50; i++) {
      const key = `kept/${i % 20}`;
      assert.equal(await api.value(key), `value ${i}`);
      assert.equal(await versionOf(api, key), await versionOf(survivor, key));
    }
    bodyOf(await api.put("kept/0", "goes on"), 200);
    const [one, other] = await Promise.all(
      [api, survivor].map(async (each) => bodyOf<{ clusterId: string; epoch: number }>(await each.ask("GET", "/v1/cluster"), 200)),
    );
    assert.notEqual(one?.clusterId, other?.clusterId);
    assert.equal(one?.epoch, 1);
  });
});
