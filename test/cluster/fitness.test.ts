/** A Redis that cannot keep a promise is not voted on: the server says so in one line. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, describe, test } from "node:test";
import { apiAt, eventually } from "../support/api.ts";
import { launcher, startCluster, type TestCluster } from "../support/cluster.ts";
import { freePorts } from "../support/ports.ts";
import { startRedis } from "../support/redis.ts";

type Started = {
  readonly child: ChildProcess;
  readonly api: ReturnType<typeof apiAt>;
  said(): string;
  readonly ended: Promise<number | null>;
};

async function startServer(redisUrl: string, ...more: string[]): Promise<Started> {
  const [api = 0, peer = 0, temporal = 0] = await freePorts(3);
  const args = [
    "server",
    "--name",
    "dc-1",
    "--api-listen",
    `127.0.0.1:${api}`,
    "--peer-listen",
    `127.0.0.1:${peer}`,
    "--temporal",
    `127.0.0.1:${temporal}`,
  ];
  const child = spawn(process.execPath, [launcher, ...args, "--redis", redisUrl, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, api: apiAt(`http://127.0.0.1:${api}`), said: () => said, ended };
}

describe("a Redis that is not fit", () => {
  const running: ChildProcess[] = [];
  after(() => running.forEach((child) => void child.kill("SIGKILL")));

  test("not durable: it says so, serves no proposals, and votes once that is mended", async (t) => {
    const redis = await startRedis({ args: ["--appendonly", "no"] });
    t.after(() => redis.stop());
    const server = await startServer(redis.url, "--bootstrap");
    running.push(server.child);
    await eventually("it answers", 20_000, async () => (await server.api.ask("GET", "/healthz")).status === 200);
    assert.match(server.said(), /does not vote: appendonly is 'no'/);
    const ready = await server.api.ask("GET", "/readyz");
    assert.equal(ready.status, 503);
    assert.match(ready.text, /appendonly/);
    assert.equal((await server.api.put("a", "b")).status, 503);
  });

  test("not reachable: one line, exit code 1", async () => {
    const [port = 0] = await freePorts(1);
    const server = await startServer(`redis://127.0.0.1:${port}`, "--bootstrap");
    running.push(server.child);
    assert.equal(await server.ended, 1);
    const lines = server
      .said()
      .split("\n")
      .filter((line) => line.startsWith("epoxy:"));
    assert.equal(lines.length, 1, server.said());
    assert.match(lines[0] ?? "", /Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be reached/);
  });
});

describe("another replica's data", () => {
  let cluster: TestCluster | null = null;
  after(() => cluster?.end());

  test("one line, exit code 1, and it never votes", async () => {
    cluster = await startCluster({ noRestart: true });
    const foreign = cluster.view.datacenters[1]?.redis ?? "";
    for (const more of [[], ["--bootstrap"], ["--cluster", "other", "--bootstrap"]]) {
      const server = await startServer(foreign, ...more);
      assert.equal(await server.ended, 1);
      const lines = server
        .said()
        .split("\n")
        .filter((line) => line.startsWith("epoxy:"));
      assert.match(lines.join("\n"), /^epoxy: this Redis holds replica 2.*$/);
    }
    assert.equal(await cluster.api(1).isReady(), true);
  });
});
