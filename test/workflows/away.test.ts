/** A Temporal that goes away, and comes back where it was with what it had. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createTemporal } from "../../server/temporal.ts";
import { startWorker } from "../../server/worker.ts";
import { eventually } from "../support/api.ts";
import { freeBase } from "../support/cluster.ts";
import { createFakeCluster, fakeReplica, newcomer } from "./support/cluster.ts";
import { temporalCli } from "./support/temporal.ts";

const patienceMs = 60_000;

test("after Temporal was away the worker asks it for work as soon as it is back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-away-"));
  const port = await freeBase();
  const address = `127.0.0.1:${port}`;
  const start = (): ChildProcess => {
    const flags = ["--ip", "127.0.0.1", "--port", `${port}`, "--headless", "--db-filename", join(folder, "temporal.db")];
    return spawn(temporalCli(), ["server", "start-dev", "--log-level", "never", ...flags], { stdio: "ignore" });
  };
  const told: string[] = [];
  const tell = (_: object, text = "") => void told.push(text);
  const log = { debug() {}, info: tell, warn: tell, error: tell };
  const cluster = createFakeCluster([1, 2, 3]);
  const settings = { cluster: "away", address, namespace: "default" };
  const server = createTemporal({ settings, self: () => 1 as never, hasCoordinator: async () => true, log });
  const ends = new AbortController();
  let process = start();
  const worker = startWorker({ settings, replica: fakeReplica(cluster, 1), log, signal: ends.signal, shutdownGraceMs: 100 });
  const moved = (to: string) => server.workflows.coordinatorUpdate("updateReplica", { id: 2, apiUrl: to });
  const accepted = (to: string) =>
    eventually(`${to} is accepted`, patienceMs, () =>
      moved(to).then(
        () => true,
        () => false,
      ),
    );
  try {
    await eventually("the worker runs", patienceMs, () => told.includes("the worker runs"));
    await accepted("http://10.0.1.2:7110");
    process.kill("SIGKILL");
    await once(process, "exit");
    await sleep(7_000);
    process = start();
    await eventually("it works anew", patienceMs, () => told.filter((text) => text === "the worker runs").length === 2);
    await accepted(newcomer(2).apiUrl);
  } finally {
    ends.abort();
    await worker;
    await server.close();
    process.kill("SIGKILL");
    await once(process, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
  assert.equal(told.filter((text) => text === "the worker of before did not end in order").length, 0);
});
