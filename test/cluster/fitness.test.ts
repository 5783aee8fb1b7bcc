/** A Redis that cannot keep a promise is not voted on: the server says so in one line. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { askRedis } from "../../cli/redis-probe.ts";
import { apiAt, bodyOf, type ErrorAnswer, eventually } from "../support/api.ts";
import { launcher, startCluster, type TestCluster } from "../support/cluster.ts";
import { freePort, freePorts } from "../support/ports.ts";
import { startRedis } from "../support/redis.ts";

type Started = {
  readonly child: ChildProcess;
  readonly api: ReturnType<typeof apiAt>;
  said(): string;
  /** What it said to the person who started it; the rest is log. */
  lines(): string[];
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
  // Only when it is closed all of stderr was read.
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, api: apiAt(`http://127.0.0.1:${api}`), said: () => said, lines: () => linesOf(said, /^epoxy:/), ended };
}

function linesOf(text: string, wanted: RegExp): string[] {
  return text.split("\n").filter((line) => wanted.test(line));
}

describe("a Redis that is not fit", () => {
  const running: ChildProcess[] = [];
  after(() => running.forEach((child) => void child.kill("SIGKILL")));

  test("not durable: it says so in one line, serves no proposals, and serves them once that is mended", async (t) => {
    const redis = await startRedis({ args: ["--appendonly", "no"] });
    t.after(() => redis.stop());
    const server = await startServer(redis.url, "--bootstrap");
    running.push(server.child);
    await eventually("it answers", 20_000, async () => (await server.api.ask("GET", "/healthz")).status === 200);
    const told = linesOf(server.said(), /does not vote/);
    assert.equal(told.length, 1, server.said());
    assert.match(told[0] ?? "", /appendonly is 'no'.*CONFIG SET appendonly yes/);
    const ready = await server.api.ask("GET", "/readyz");
    assert.equal(ready.status, 503);
    assert.match(ready.text, /appendonly/);
    assert.equal(bodyOf<ErrorAnswer>(await server.api.put("a", "b"), 503).error.code, "notReady");
    await askRedis(redis.url, [["CONFIG", "SET", "appendonly", "yes"]]);
    await eventually("it is ready", 20_000, () => server.api.isReady());
    bodyOf(await server.api.put("a", "b"), 200);
  });

  test("not reachable: one line, exit code 1", async () => {
    const server = await startServer(`redis://127.0.0.1:${await freePort()}`, "--bootstrap");
    running.push(server.child);
    assert.equal(await server.ended, 1);
    assert.equal(server.lines().length, 1, server.said());
    assert.match(server.lines()[0] ?? "", /Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be reached/);
  });
});

describe("in a cluster of three", () => {
  let cluster: TestCluster;
  const redisOf = (datacenter: number) => cluster.view.datacenters[datacenter - 1]?.redis ?? "";
  before(async () => {
    cluster = await startCluster({ noRestart: true });
  });
  after(() => cluster.end());

  test("another replica's data: one line, exit code 1, and it never votes", async () => {
    for (const more of [[], ["--bootstrap"], ["--cluster", "other", "--bootstrap"]]) {
      const server = await startServer(redisOf(2), ...more);
      assert.equal(await server.ended, 1);
      assert.match(server.lines().join("\n"), /^epoxy: this Redis holds replica 2.*$/);
    }
    assert.equal(await cluster.api(1).isReady(), true);
  });

  test("a Redis that goes away: dc-2 says so in one line and stays up, the others go on", async () => {
    cluster.signal("SIGKILL", 2, "redis");
    await eventually("dc-2 is not ready", 30_000, async () => (await cluster.api(2).ask("GET", "/readyz")).status === 503);
    assert.match((await cluster.api(2).ask("GET", "/readyz")).text, /Redis cannot be reached/);
    // A process writes its log beside its answers: the line may come after them.
    const lines = () => linesOf(cluster.log("dc-2-server", 1_000), /does not vote/);
    await eventually("its server says so", 30_000, () => lines().length > 0);
    const told = lines();
    assert.equal(told.length, 1, told.join("\n"));
    assert.equal(bodyOf<ErrorAnswer>(await cluster.api(2).put("no Redis", "x"), 503).error.code, "notReady");
    bodyOf(await cluster.api(1).put("beside", "yes"), 200);
    assert.equal(await cluster.api(3).value("no Redis"), null);
    assert.equal(cluster.pids(2, "server").length, 1);
  });
});
