/** What a cluster has too little of: memory for one Redis, keys to spread the writes on, time between two restarts. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Run, TortureCase } from "../case.ts";
import { inTurn, readyAgain } from "../faults.ts";
import { keysOf } from "../load.ts";

/** Of the Redis that gets no more memory: enough for some records, not for a second of them. */
const spareBytes = 100_000;
const writersEach = 3;

export const cases: readonly TortureCase[] = [
  {
    fault: 8,
    name: "redis-full",
    what: "one Redis after the other may use hardly more memory than it does, for 3 to 8 s",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => full(run, datacenter)),
  },
  {
    fault: 17,
    name: "one-key",
    what: "three more clients at every datacenter write one key without a rest",
    seconds: 40,
    inject: (run) => run.fault("all write one key", [], () => writeOneKey(run)),
  },
  {
    fault: 22,
    name: "rolling-restart",
    what: "the server, Redis and worker of one datacenter after the other are told to end, and started again",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => restarted(run, datacenter)),
  },
];

async function full(run: Run, datacenter: number): Promise<void> {
  const redis = new Redis(run.cluster.place(datacenter).redisPort, "127.0.0.1");
  try {
    await run.fault("Redis full", [datacenter], async () => {
      const used = Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1] ?? 0);
      await redis.config("SET", "maxmemory", `${used + spareBytes}`);
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

async function writeOneKey({ cluster, recorder, prefix, endMs, count }: Run): Promise<void> {
  const key = keysOf(prefix).hot[0] as string;
  const write = async (datacenter: number, client: number) => {
    for (let n = 0; performance.now() < endMs; n++) {
      const name = `dc-${datacenter}.one-key.${client}`;
      const { status } = await recorder.set(name, cluster.api(datacenter), key, `${name}#${n}`);
      count(`writes of the one key: ${status}`);
    }
  };
  await Promise.all(cluster.datacenters.flatMap((each) => Array.from({ length: writersEach }, (_, client) => write(each, client))));
}

/** Redis last: its server has nothing to say any more then. */
async function restarted(run: Run, datacenter: number): Promise<void> {
  await run.fault("told to end", [datacenter], async () => {
    for (const part of ["worker", "server", "redis"] as const) {
      const startMs = performance.now();
      await run.cluster.stop(datacenter, part);
      run.most(`largest time to end of a ${part}, ms`, Math.round(performance.now() - startMs));
    }
    run.cluster.start(datacenter);
  });
  await readyAgain(run, [datacenter]);
}
