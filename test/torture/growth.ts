/** Whether anything of a cluster grows for as long as it runs: its sizes, every few seconds, and what they come to. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Run } from "./case.ts";
import { parts, type TortureCluster } from "./cluster.ts";
import { descriptors, rssMiB } from "./processes.ts";

const everyMs = 10_000;
/** The last quarter may be so many times the second one: compilers, caches and logs between two rewrites have their own pace. */
const growthMax = 1.3;
/** Of any size: below it a ratio tells nothing. */
const slack = 40;

type Sizes = Readonly<Record<string, number>>;

/** Samples until it is stopped; then figures of the second and the last quarter, and violations where something has grown. */
export function watchGrowth(run: Run): { stop(): Promise<void> } {
  const samples: Sizes[] = [];
  let taking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    taking = sizesOf(run.cluster).then((sizes) => samples.push(sizes));
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await taking;
      for (const name of Object.keys(samples[0] ?? {})) {
        const of = (from: number, to: number) =>
          middle(samples.slice(from * samples.length, to * samples.length).map((each) => each[name] ?? 0));
        const [before, after] = [of(0.25, 0.5), of(0.75, 1)];
        run.most(`${name}, second quarter`, before);
        run.most(`${name}, last quarter`, after);
        if (after > growthMax * before + slack) run.violation(`${name} grew from ${before} to ${after}`);
      }
    },
  };
}

/** Of the largest one of each kind. */
async function sizesOf(cluster: TortureCluster): Promise<Sizes> {
  const sizes: Record<string, number> = {};
  for (const datacenter of cluster.datacenters) {
    const most = (name: string, value: number) => {
      sizes[name] = Math.max(sizes[name] ?? 0, value);
    };
    for (const part of parts) {
      most(`memory of a ${part}, MiB`, rssMiB(cluster.pid(datacenter, part)));
      most(`descriptors of a ${part}`, descriptors(cluster.pid(datacenter, part)));
    }
    const { redisPort, folder } = cluster.place(datacenter);
    most("data of a Redis, MiB", await usedMiB(redisPort));
    most("log of a Redis, MiB", mib(bytesIn(join(folder, "redis", "appendonlydir"))));
  }
  return sizes;
}

/** 0 while it is down or stands still. */
async function usedMiB(port: number): Promise<number> {
  const redis = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: null, connectTimeout: 1_000, commandTimeout: 1_000 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return mib(Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1] ?? 0));
  } catch {
    return 0;
  } finally {
    redis.disconnect();
  }
}

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    // A rewrite has just taken one of them away.
    return 0;
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
