/** The workload of every run: clients at every datacenter, most of them on few keys, each write with a value of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../../sim/checker/history.ts";
import type { Dice } from "../../sim/random.ts";
import { eventually } from "../support/api.ts";
import type { Recorder } from "../support/recorder.ts";
import type { TortureCluster } from "./cluster.ts";

export const clientTimeoutMs = 2_000;
const clientsEach = 3;
const hotShare = 0.8;
/** Between two operations of one client: with nine clients some 200 operations a second, which two slow cores can carry. */
const restMsUsual = 40;
/** After a refusal, as a client would. */
const refusedMs = 100;
const largeBytes = 64 * 1024;
const kinds = { get: 38, getLocal: 4, set: 24, checkAndSet: 14, cas: 10, delete: 10 } as const;

export type Load = {
  /** Clients of one datacenter ask another one from now on. Resolves when nothing of theirs is under way at the old one. */
  move(from: number, to: number): Promise<void>;
  stop(): Promise<void>;
};

export function keysOf(prefix: string): { readonly hot: string[]; readonly cold: string[]; readonly counters: string[] } {
  const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${name}/${i}`);
  return { hot: named("hot", 5), cold: named("cold", 15), counters: named("counter", 2) };
}

type LoadInput = {
  readonly cluster: TortureCluster;
  readonly recorder: Recorder;
  readonly prefix: string;
  readonly dice: Dice;
  readonly restMsMax?: number | undefined;
};

export function startLoad({ cluster, recorder, prefix, dice, restMsMax = restMsUsual }: LoadInput): Load {
  const going = { is: true };
  const drivers = cluster.datacenters.flatMap((datacenter) =>
    Array.from({ length: clientsEach }, (_, k): Driver => {
      const name = `dc-${datacenter}.${k}`;
      const own = dice.fork(`${datacenter}.${k}`);
      return { cluster, recorder, prefix, name, dice: own, restMsMax, going, asked: datacenter, underWayAt: null };
    }),
  );
  const clients = drivers.map(drive);
  return {
    async move(from, to) {
      const moved = drivers.filter(({ asked }) => asked === from);
      for (const driver of moved) driver.asked = to;
      while (moved.some(({ underWayAt }) => underWayAt === from)) await sleep(5);
    },
    async stop() {
      going.is = false;
      await Promise.all(clients);
    },
  };
}

type Driver = {
  readonly cluster: TortureCluster;
  readonly recorder: Recorder;
  readonly prefix: string;
  readonly name: string;
  readonly dice: Dice;
  readonly restMsMax: number;
  readonly going: { is: boolean };
  /** The datacenter of its next operation, and that of the one under way. */
  asked: number;
  underWayAt: number | null;
};

/** One outstanding operation after the other. */
async function drive(driver: Driver): Promise<void> {
  const { cluster, recorder, prefix, name, dice, going } = driver;
  const { hot, cold, counters } = keysOf(prefix);
  const seen = new Map<string, { readonly value: string | null; readonly version: number }>();
  for (let n = 0; going.is; n++) {
    const key = dice.pick(dice.chance(hotShare) ? hot : cold);
    const value = `${name}#${n}${n % 60 === 59 ? "x".repeat(largeBytes) : ""}`;
    driver.underWayAt = driver.asked;
    const api = cluster.api(driver.asked);
    const last = seen.get(key) ?? { value: null, version: 0 };
    const done = await (async (): Promise<Operation> => {
      if (dice.chance(0.06)) return recorder.add(name, api, dice.pick(counters), 1);
      if (dice.chance(0.03)) return recorder.get(name, api, dice.pick(counters));
      switch (dice.weighted(kinds)) {
        case "get":
          return recorder.get(name, api, key);
        case "getLocal":
          return recorder.get(name, api, key, "local");
        case "set":
          return recorder.set(name, api, key, value);
        case "checkAndSet":
          return recorder.checkAndSet(name, api, key, { expectOneOf: [null, last.value], newValue: value });
        case "cas":
          return recorder.checkAndSet(name, api, key, { expectVersion: last.version, newValue: value });
        case "delete":
          return recorder.delete(name, api, key);
      }
    })();
    driver.underWayAt = null;
    if (done.op === "get" && done.status === "ok")
      seen.set(done.key, { value: done.result?.value ?? null, version: done.result?.version ?? 0 });
    await sleep(done.status === "fail" ? refusedMs : dice.between(0, driver.restMsMax));
  }
}

/** To say that one is ready is not to serve: a busy key is read from each of these until it answers. @throws Error after `withinMs` */
export async function untilServed(
  cluster: TortureCluster,
  recorder: Recorder,
  prefix: string,
  which: readonly number[],
  withinMs: number,
): Promise<void> {
  const key = keysOf(prefix).hot[0] as string;
  const read = async (datacenter: number) =>
    (await recorder.get(`final.served-${datacenter}`, cluster.api(datacenter), key)).status === "ok";
  await Promise.all(
    which.map((datacenter) => eventually(`datacenter ${datacenter} answers a linearizable read`, withinMs, () => read(datacenter))),
  );
}

/**
 * Every key from every datacenter, until each has answered: what was acknowledged must be in it. One that has just come back may
 * have some seconds of commits to fetch first. @returns what did not answer
 */
export async function readAll(cluster: TortureCluster, recorder: Recorder, prefix: string, which: readonly number[]): Promise<string[]> {
  const { hot, cold, counters } = keysOf(prefix);
  const silent: string[] = [];
  for (const key of [...hot, ...cold, ...counters]) {
    await Promise.all(
      which.map(async (datacenter) => {
        for (let i = 0; i < 15; i++) {
          const { status } = await recorder.get(`final.${datacenter}`, cluster.api(datacenter), key);
          if (status === "ok") return;
          await sleep(200);
        }
        silent.push(`${key} at dc-${datacenter}`);
      }),
    );
  }
  return silent;
}
