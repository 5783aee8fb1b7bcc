/** Prints what the Redis store does alone: `npx tsx bench/lab/store-throughput.ts [SECONDS]`. Starts a Redis of its own with fsync always. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Transaction } from "../../proposals/ports.ts";
import { openRedisStore, type RedisStore } from "../../proposals/store/redis.ts";
import type { IndexRecord, InstanceId, Write } from "../../protocol/types.ts";
import { findRedis } from "../../scripts/tools.mjs";

const seconds = Number(process.argv[2] ?? 3);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const value = new Uint8Array(64).fill(120);
const entries: IndexRecord["entries"] = [1, 2, 3].map((i) => ({ id: (2 ** 40 + i) as InstanceId, access: "write" }));

/** About one step of a proposal: two records read, two written. */
function smallStep(key: string) {
  return (tx: Transaction): void => {
    const state = tx.get("value", key);
    tx.get("index", key);
    tx.put({ kind: "value", id: key, record: { value, version: (state?.version ?? 0) + 1 } } as Write);
    tx.put({ kind: "index", id: key, record: { entries } });
  };
}

type Load = {
  readonly name: string;
  readonly concurrent: number;
  readonly stores: readonly RedisStore[];
  readonly key: (worker: number, i: number) => string;
};

async function measure({ name, concurrent, stores, key }: Load): Promise<void> {
  const before = stores.map((store) => store.stats());
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const done = stores.map(() => 0);
  let failed = 0;
  const worker = async (store: RedisStore, s: number, w: number) => {
    for (let i = 0; performance.now() - startMs < seconds * 1000; i++) {
      try {
        await store.transact(smallStep(key(w, i)));
        done[s] = (done[s] ?? 0) + 1;
      } catch {
        failed++;
        await sleep(1);
      }
    }
  };
  await Promise.all(stores.flatMap((store, s) => Array.from({ length: concurrent }, (_, w) => worker(store, s, w))));
  const elapsedS = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const total = done.reduce((sum, count) => sum + count, 0);
  const batches = stores.reduce((sum, store, s) => sum + store.stats().batches - (before[s]?.batches ?? 0), 0);
  const lost = stores.reduce((sum, store, s) => sum + store.stats().lostRaces - (before[s]?.lostRaces ?? 0), 0);
  const perSecond = Math.round(total / elapsedS);
  const cpuUs = ((user + system) / total).toFixed(1);
  console.log(
    `${name}: ${perSecond} transactions/s (${done.join(" + ")}), ${cpuUs} us of CPU each, ${(total / batches).toFixed(1)} a batch, ${lost} lost races, ${failed} failed`,
  );
}

const folder = await mkdtemp(join(tmpdir(), "epoxy-store-throughput-"));
const socket = join(folder, "redis.sock");
const durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];
const redis = spawn(findRedis() ?? "redis-server", ["--port", "0", "--unixsocket", socket, "--dir", folder, ...durable], {
  stdio: "ignore",
});
const open = () => openRedisStore({ url: socket, processId: "bench", log });
const stores = [await open(), await open()];
const one = stores.slice(0, 1);
const spread = (w: number, i: number) => `${w}.${i % 100}`;
await measure({ name: "1 at a time", concurrent: 1, stores: one, key: spread });
await measure({ name: "64 at a time", concurrent: 64, stores: one, key: spread });
await measure({ name: "512 at a time", concurrent: 512, stores: one, key: spread });
await measure({ name: "64 at a time on one key", concurrent: 64, stores: one, key: () => "hot" });
await measure({ name: "two processes, 64 each, on the same 6,400 keys", concurrent: 64, stores, key: (w, i) => `${w}:${i % 100}` });
await measure({ name: "two processes, 64 each, on one key", concurrent: 64, stores, key: () => "hot" });
await Promise.all(stores.map((store) => store.close()));
const gone = once(redis, "exit");
redis.kill();
await gone;
await rm(folder, { recursive: true });
