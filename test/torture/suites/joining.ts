/** A datacenter joins with many keys: how fast it copies, in how much memory, and that it goes on where it was after any process is killed. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { bodyOf, eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { another, type Newcomer, untilVotes, wishMember } from "../members.ts";

/** The one that holds everything. */
const source = 1;
const commandsEach = 500;
const writersAtOnce = 4;
const lookEveryMs = 200;
const downMs = 1_000;

export const cases: readonly TortureCase[] = [
  {
    fault: 20,
    name: "join-with-keys",
    what: "a datacenter joins one that holds many keys; then another one, of which, and of its source, each process is killed once on the way",
    datacenters: 1,
    seconds: 1,
    // keysASecond: at least; 0 for not to be judged.
    params: { keys: 1_000_000, keysASecond: 20_000 },
    timeoutMs: 10_000,
    spoils: true,
    inject: joinWithKeys,
  },
];

async function joinWithKeys(run: Run): Promise<void> {
  const keys = run.param("keys");
  const startMs = performance.now();
  await fill(run, keys);
  run.most("keys written a second before", Math.round((keys * 1000) / (performance.now() - startMs)));
  await join(run, "undisturbed", []);
  const { cluster } = run;
  await join(run, "with kills", [
    ["its worker", (own) => down(run, own, "worker")],
    ["its server", (own) => down(run, own, "server")],
    ["its Redis", (own) => down(run, own, "redis")],
    ["the source's server", () => down(run, source, "server")],
    ["the source's Redis", () => down(run, source, "redis")],
    [
      "Temporal",
      async () => {
        await cluster.temporal.kill();
        await sleep(downMs);
        cluster.temporal.start();
      },
    ],
  ]);
}

async function fill(run: Run, keys: number): Promise<void> {
  const api = run.cluster.api(source);
  let next = 0;
  const writer = async () => {
    while (next < keys) {
      const from = next;
      next += commandsEach;
      const commands = Array.from({ length: Math.min(commandsEach, keys - from) }, (_, i) => ({
        kind: "set",
        key: `${run.prefix}join/${from + i}`,
        value: `value of ${from + i}`,
      }));
      bodyOf(await api.propose(commands, { headers: { "epoxy-timeout-ms": "60000" }, timeoutMs: 90_000 }), 200);
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, writer));
}

type Kill = readonly [string, (own: number) => Promise<void>];

/** Each kill comes when the next part of the keys is there. */
async function join(run: Run, name: string, kills: readonly Kill[]): Promise<void> {
  const { number, newcomer } = await another(run);
  const keys = run.param("keys");
  await run.fault(`joins ${name}`, [number], async () => {
    const watched = watch(run, number);
    await wishMember(run, newcomer);
    for (const [i, [what, kill]] of kills.entries()) {
      await eventually(`part ${i + 1} is copied`, 300_000, () => watched.copied() > (keys * (i + 1)) / (kills.length + 1), 20);
      await run.fault(`killed: ${what}`, [number], () => kill(number));
      run.count("killed in mid-download");
    }
    await eventually("everything is copied", 300_000, () => watched.copied() >= keys, 20);
    const { seconds, fell, worker, server } = watched.stop();
    await voted(run, newcomer);
    const rate = Math.round(keys / seconds);
    run.most(`${name}: keys copied a second`, rate);
    run.most(`${name}: its worker's memory, half of the way, MB`, worker.half);
    run.most(`${name}: its worker's memory, at most, MB`, worker.most);
    run.most(`${name}: the source's server's memory, half of the way, MB`, server.half);
    run.most(`${name}: the source's server's memory, at most, MB`, server.most);
    run.count(`${name}: copies that began anew`, fell);
    if (fell > 0) run.violation(`${name}: the copy began anew ${fell} times`);
    if (kills.length === 0 && rate < run.param("keysASecond"))
      run.violation(`${rate} keys were copied a second, not ${run.param("keysASecond")}`);
  });
}

async function voted(run: Run, newcomer: Newcomer): Promise<void> {
  const startMs = performance.now();
  await untilVotes(run, newcomer, true);
  run.most("votes after the last key, ms", Math.round(performance.now() - startMs));
}

async function down(run: Run, datacenter: number, part: "worker" | "server" | "redis"): Promise<void> {
  await run.cluster.kill(datacenter, part);
  await sleep(downMs);
  run.cluster.start(datacenter, part);
}

/** Looks at a newcomer's Redis and at who copies, again and again. */
function watch(run: Run, number: number) {
  const { cluster } = run;
  const redis = new Redis(cluster.place(number).redisPort, "127.0.0.1", { maxRetriesPerRequest: 0, retryStrategy: () => 100 });
  redis.on("error", () => undefined);
  const keys = run.param("keys");
  const memory = { worker: { half: 0, most: 0 }, server: { half: 0, most: 0 } };
  let [copied, fell, firstMs, lastMs] = [0, 0, 0, 0];
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      // Unknown while it is down or loads its data.
      const now = await redis.dbsize().catch(() => null);
      if (now !== null) {
        if (now < copied / 2) fell++;
        if (now > 100 && firstMs === 0) firstMs = performance.now();
        if (copied < keys && now >= keys) lastMs = performance.now();
        copied = now;
      }
      for (const [which, pid] of [
        ["worker", cluster.pid(number, "worker")],
        ["server", cluster.pid(source, "server")],
      ] as const) {
        const mb = pid === null ? 0 : residentMb(pid);
        if (copied < keys / 2) memory[which].half = Math.max(memory[which].half, mb);
        memory[which].most = Math.max(memory[which].most, mb);
      }
      await sleep(lookEveryMs);
    }
    redis.disconnect();
  };
  void look();
  return {
    copied: () => copied,
    stop() {
      isOver = true;
      return { seconds: (lastMs - firstMs) / 1000, fell, ...memory };
    },
  };
}

function residentMb(pid: number): number {
  try {
    const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kilobytes) / 1024);
  } catch {
    return 0;
  }
}
