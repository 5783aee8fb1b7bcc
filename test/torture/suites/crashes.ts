/** Processes killed under load: servers, Redis, workers, one at a time and all at once, and at chosen steps of the protocol. */
import { rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Run, TortureCase } from "../case.ts";
import { cutToSynced, lacksCompiler, newestLog } from "../disk/synced.ts";
import { steps } from "../failpoints/steps.mjs";
import { down, inTurn, readyAgain, some } from "../faults.ts";

export const cases: readonly TortureCase[] = [
  {
    fault: 1,
    name: "kill-server",
    what: "kill -9 of one server after the other, each back after up to 3 s",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => down(run, "server killed", [datacenter], run.dice.between(0, 3_000), "server")),
  },
  {
    fault: 1,
    name: "kill-two-servers",
    what: "kill -9 of two servers of five at once",
    datacenters: 5,
    seconds: 40,
    inject: (run) => inTurn(run, () => down(run, "two servers killed", some(run, 2), run.dice.between(0, 5_000), "server")),
  },
  {
    fault: 1,
    name: "kill-all-servers",
    what: "kill -9 of all servers at once",
    seconds: 40,
    inject: (run) => inTurn(run, () => down(run, "all servers killed", run.cluster.datacenters, run.dice.between(0, 1_000), "server")),
  },
  {
    fault: 2,
    name: "kill-at-step",
    what: "a server ends itself at a chosen step of the protocol, and is back at once",
    seconds: 40,
    inject: (run) => {
      const order = run.dice.shuffle(steps);
      let next = 0;
      return inTurn(run, (datacenter) => endAt(run, datacenter, order[next++ % order.length] as string));
    },
  },
  {
    fault: 3,
    name: "kill-redis",
    what: "kill -9 of one Redis after the other, the server staying up",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => down(run, "Redis killed", [datacenter], run.dice.between(0, 3_000), "redis")),
  },
  {
    fault: 24,
    name: "power-loss",
    what: "every process of every datacenter killed at once, each log cut to what it was when it was last synced",
    seconds: 40,
    needs: lacksCompiler,
    inject: (run) => inTurn(run, () => powerLoss(run)),
  },
  {
    fault: 24,
    name: "power-loss-everysec",
    what: "the same with appendfsync everysec, each log cut to what it was a second before: the campaign must see what is lost",
    seconds: 1,
    mustLose: true,
    inject: (run) => lastSecondGone(run),
  },
];

/** A step that nothing takes within a few seconds, such as those of a recovery, is given up. */
async function endAt(run: Run, datacenter: number, step: string): Promise<void> {
  const { cluster } = run;
  const before = cluster.pid(datacenter, "server");
  await run.fault(`server ends at: ${step}`, [datacenter], async () => {
    const file = cluster.failpointFile(datacenter, "server");
    writeFileSync(file, step);
    for (let waited = 0; waited < 3_000 && cluster.pid(datacenter, "server") === before; waited += 50) await sleep(50);
    const hasEnded = cluster.pid(datacenter, "server") !== before;
    if (hasEnded) run.expectDeath();
    run.count(hasEnded ? "servers ended at a step" : "steps nobody took");
    rmSync(file, { force: true });
    cluster.start(datacenter, "server");
  });
  await readyAgain(run, [datacenter]);
}

/** With `appendfsync always` whatever was answered is synced: a power loss leaves at least that, and here it leaves no more. */
async function powerLoss(run: Run): Promise<void> {
  const { cluster } = run;
  await run.fault("power loss everywhere", cluster.datacenters, async () => {
    await Promise.all(cluster.datacenters.map((datacenter) => cluster.kill(datacenter)));
    run.count("power losses");
    for (const datacenter of cluster.datacenters) {
      const bytes = cutToSynced(redisFolder(run, datacenter));
      run.count("bytes cut", bytes);
      if (bytes > 0) run.count("logs cut");
    }
    await restartAll(run);
  });
  await readyAgain(run);
}

/** Redis syncs once a second: what it wrote in the last one may be gone. The servers look at its settings too seldom to stop this. */
async function lastSecondGone(run: Run): Promise<void> {
  const { cluster } = run;
  await run.fault("power loss everywhere, the last second gone", cluster.datacenters, async () => {
    for (const datacenter of cluster.datacenters) {
      const redis = new Redis(cluster.place(datacenter).redisPort, "127.0.0.1");
      await redis.config("SET", "appendfsync", "everysec");
      redis.disconnect();
    }
    await sleep(500);
    const logs = cluster.datacenters.map((datacenter) => newestLog(redisFolder(run, datacenter)));
    const synced = logs.map((log) => statSync(log).size);
    await sleep(1_000);
    await Promise.all(cluster.datacenters.map((datacenter) => cluster.kill(datacenter)));
    for (const [i, log] of logs.entries()) {
      run.count("bytes cut", statSync(log).size - (synced[i] as number));
      truncateSync(log, synced[i]);
    }
    await restartAll(run);
  });
  await readyAgain(run);
}

/** What is torn at the end of a log was never answered: Redis drops it. */
async function restartAll({ cluster }: Run): Promise<void> {
  for (const datacenter of cluster.datacenters) cluster.start(datacenter, "redis");
  await sleep(500);
  for (const datacenter of cluster.datacenters) cluster.start(datacenter);
}

function redisFolder({ cluster }: Run, datacenter: number): string {
  return join(cluster.place(datacenter).folder, "redis");
}
