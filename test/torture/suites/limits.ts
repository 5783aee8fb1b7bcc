/** What is not broken but full, or asked to end, or wanted by everybody. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { redisUrl } from "../../../cli/dev/layout.ts";
import type { Run, TortureCase } from "../case.ts";
import { inTurn, readyAgain } from "../faults.ts";
import { keysOf } from "../load.ts";

export const cases: readonly TortureCase[] = [
  {
    fault: 8,
    name: "redis-full",
    what: "one Redis after the other has reached its maxmemory for 3 s: writes there answer 507 or 503, local reads go on",
    seconds: 30,
    inject: (run) => inTurn(run, (datacenter) => full(run, datacenter)),
  },
  {
    fault: 17,
    name: "one-key",
    what: "twelve more writers, at all datacenters, on one key",
    seconds: 60,
    timeoutMs: 10_000,
    inject: (run) => run.fault("one key", [], () => crowd(run)),
  },
  {
    fault: 22,
    name: "servers-stopped",
    what: "SIGTERM to one server after the other, each started again once it has gone",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => stopped(run, datacenter)),
  },
];

async function full(run: Run, datacenter: number): Promise<void> {
  const redis = new Redis(redisUrl(run.cluster.place(datacenter)));
  const api = run.cluster.api(datacenter);
  try {
    await run.fault("Redis full", [datacenter], async () => {
      await redis.config("SET", "maxmemory", "1mb");
      for (const endMs = performance.now() + 3_000; performance.now() < endMs; await sleep(200)) {
        const { status } = await api.ask("PUT", `/v1/kv/${run.prefix}full`, { body: "x", timeoutMs: 5_000 });
        run.count(`writes there answered ${status}`);
        if (status !== 507 && status !== 503) run.violation(`a write at dc-${datacenter} with its Redis full: ${status}`);
        const read = await api.ask("GET", `/v1/kv/${run.prefix}full?read=local`, { timeoutMs: 5_000 });
        if (read.status !== 200 && read.status !== 404)
          run.violation(`a local read at dc-${datacenter} with its Redis full: ${read.status}`);
      }
      await redis.config("SET", "maxmemory", "0");
    });
    const [, evicted = "not told"] = /evicted_keys:(\d+)/.exec(await redis.info("stats")) ?? [];
    if (evicted !== "0") run.violation(`Redis of dc-${datacenter} evicted ${evicted} keys`);
  } finally {
    await redis.config("SET", "maxmemory", "0");
    redis.disconnect();
  }
  await readyAgain(run, [datacenter]);
}

async function crowd(run: Run): Promise<void> {
  const { cluster, recorder } = run;
  const [key = ""] = keysOf(run.prefix).hot;
  const writers = cluster.datacenters.flatMap((datacenter) =>
    Array.from({ length: 4 }, async (_, i) => {
      const name = `one-key.${datacenter}.${i}`;
      for (let n = 0; performance.now() < run.endMs; n++) {
        const beganMs = performance.now();
        const { status } = await recorder.set(name, cluster.api(datacenter), key, `${name}#${n}`);
        run.count(`writes of it: ${status}`);
        run.most("slowest write of it, ms", Math.round(performance.now() - beganMs));
      }
    }),
  );
  await Promise.all(writers);
}

async function stopped(run: Run, datacenter: number): Promise<void> {
  const { cluster } = run;
  await run.fault("server stopped", [datacenter], async () => {
    const beganMs = performance.now();
    await cluster.stop(datacenter, "server");
    run.most("longest from SIGTERM to its end, ms", Math.round(performance.now() - beganMs));
    cluster.start(datacenter, "server");
  });
  await readyAgain(run, [datacenter]);
}
