/** What a Redis has too little of, disk and memory; and datacenters that are told to end, one after the other. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { lacksMounts, onSmallDisk } from "../disk/small-disk.ts";
import { inTurn, readyAgain } from "../faults.ts";

/** Of the Redis that gets no more memory: enough for some records, not for a second of them. */
const spareMemoryBytes = 100_000;
/** Of the disk: some seconds of load. */
const spareDiskBytes = 2 * 1024 * 1024;
/** A replica that lost its Redis has to know by then that it cannot serve. */
const knowsWithinMs = 5_000;

export const cases: readonly TortureCase[] = [
  {
    fault: 7,
    name: "disk-full",
    what: "the disk of one Redis after the other is full, until it gets more room",
    seconds: 30,
    needs: lacksMounts,
    inject: (run) => inTurn(run, (datacenter) => diskFull(run, datacenter)),
  },
  {
    fault: 8,
    name: "redis-full",
    what: "one Redis after the other may use hardly more memory than it does, for 3 to 8 s",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => full(run, datacenter)),
  },
  {
    fault: 8,
    name: "redis-evicts",
    what: "one Redis after the other may throw away keys: a server that finds it so at its start does not serve",
    seconds: 20,
    inject: (run) => inTurn(run, (datacenter) => evicts(run, datacenter)),
  },
  {
    fault: 22,
    name: "rolling-restart",
    what: "the worker, server and Redis of one datacenter after the other are told to end, and started again",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => restarted(run, datacenter)),
  },
];

/** Redis ends itself when it cannot write what it answers. The server stays, says so, and goes on by itself once there is room. */
async function diskFull(run: Run, datacenter: number): Promise<void> {
  const { cluster } = run;
  const folder = join(cluster.place(datacenter).folder, "redis");
  const server = cluster.pid(datacenter, "server");
  await run.fault("moved to a small disk", [datacenter], () => cluster.stop(datacenter, "redis"));
  const disk = onSmallDisk(folder, spareDiskBytes);
  try {
    cluster.start(datacenter, "redis");
    await readyAgain(run, [datacenter]);
    await run.fault("disk full", [datacenter], async () => {
      run.expectDeath("exit code 1");
      await eventually("Redis finds its disk full", 60_000, () => cluster.pid(datacenter, "redis") === null);
      await sleep(knowsWithinMs);
      if (await cluster.api(datacenter).isReady()) run.violation(`dc-${datacenter} is ready without its Redis`);
      disk.grow(256 * 1024 * 1024);
      cluster.start(datacenter, "redis");
    });
    run.count("disks full");
    const startMs = performance.now();
    await readyAgain(run, [datacenter]);
    run.most("largest wait until ready with room again, ms", Math.round(performance.now() - startMs));
    if (cluster.pid(datacenter, "server") !== server) run.violation(`the server of dc-${datacenter} is another one`);
  } finally {
    await run.fault("moved back", [datacenter], async () => {
      await cluster.stop(datacenter, "redis");
      disk.remove();
      cluster.start(datacenter, "redis");
    });
  }
  await readyAgain(run, [datacenter]);
}

async function full(run: Run, datacenter: number): Promise<void> {
  const redis = new Redis(run.cluster.place(datacenter).redisPort, "127.0.0.1");
  try {
    await run.fault("Redis full", [datacenter], async () => {
      const used = Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1] ?? 0);
      await redis.config("SET", "maxmemory", `${used + spareMemoryBytes}`);
      await sleep(run.dice.between(3_000, 8_000));
      await redis.config("SET", "maxmemory", "0");
    });
    const evicted = Number(/^evicted_keys:(\d+)/m.exec(await redis.info("stats"))?.[1] ?? -1);
    if (evicted !== 0) run.violation(`Redis of dc-${datacenter} has evicted ${evicted} keys`);
  } finally {
    redis.disconnect();
  }
  await readyAgain(run, [datacenter]);
}

async function evicts(run: Run, datacenter: number): Promise<void> {
  const { cluster } = run;
  const redis = new Redis(cluster.place(datacenter).redisPort, "127.0.0.1");
  try {
    await run.fault("Redis may evict", [datacenter], async () => {
      await cluster.kill(datacenter, "server");
      await redis.config("SET", "maxmemory-policy", "allkeys-lru");
      cluster.start(datacenter, "server");
      for (let waited = 0; waited < 6_000; waited += 200) {
        if (await cluster.api(datacenter).isReady()) run.violation(`dc-${datacenter} is ready with a Redis that may evict`);
        await sleep(200);
      }
      await redis.config("SET", "maxmemory-policy", "noeviction");
    });
  } finally {
    redis.disconnect();
  }
  await readyAgain(run, [datacenter]);
}

/** Redis last: its server has nothing to say any more then. */
async function restarted(run: Run, datacenter: number): Promise<void> {
  const cutOff = run.recorder.cutOff.length;
  await run.fault("told to end", [datacenter], async () => {
    for (const part of ["worker", "server", "redis"] as const) {
      const startMs = performance.now();
      await run.cluster.stop(datacenter, part);
      run.most(`largest time to end of a ${part}, ms`, Math.round(performance.now() - startMs));
    }
    run.cluster.start(datacenter);
  });
  run.count("requests cut off", run.recorder.cutOff.length - cutOff);
  for (const what of run.recorder.cutOff.slice(cutOff, cutOff + 3)) run.violation(`a request was cut off: ${what}`);
  await readyAgain(run, [datacenter]);
}
