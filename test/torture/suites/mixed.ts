/** Row 23: crashes, pauses, cuts and bad links, drawn at random and two at a time, never more than a minority bad for good. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";
import { down, paused, readyAgain, some, split } from "../faults.ts";
import { watchGrowth } from "../growth.ts";

export const cases: readonly TortureCase[] = [
  { fault: 23, name: "mixed", what: "a random mix at three datacenters", seconds: 45, inject: mix },
  {
    fault: 23,
    name: "mixed-of-five",
    what: "a random mix at five datacenters, two of them bad at once",
    datacenters: 5,
    seconds: 45,
    inject: mix,
  },
  {
    fault: 25,
    name: "soak",
    what: "an hour of light load with a fault of the mix each minute: memory, Redis, its log and descriptors stay as they are",
    seconds: 3_600,
    restMsMax: 400,
    inject: soak,
  },
];

const minuteMs = 60_000;
const kinds = { server: 4, redis: 3, pause: 3, pauseAll: 1, cut: 3, weather: 3, everything: 1 } as const;

async function mix(run: Run): Promise<void> {
  while (performance.now() < run.endMs) {
    await one(run);
    await sleep(run.dice.between(500, 2_000));
  }
}

/** Each minute ends with a fault, the last one too: a rest after it would be taken for its healing. */
async function soak(run: Run): Promise<void> {
  const growth = watchGrowth(run);
  try {
    while (performance.now() < run.endMs) {
      await sleep(Math.max(0, Math.min(minuteMs, run.endMs - performance.now())));
      await one(run);
    }
  } finally {
    await growth.stop();
  }
}

/** One fault of the mix, until all are ready again. */
async function one(run: Run): Promise<void> {
  const { cluster, dice } = run;
  const bad = Math.floor((cluster.datacenters.length - 1) / 2);
  const ms = dice.between(500, 5_000);
  const at = some(run, dice.between(1, bad));
  switch (dice.weighted(kinds)) {
    case "server":
      await down(run, "server killed", at, ms, "server");
      break;
    case "redis":
      await down(run, "Redis killed", at, ms, "redis");
      break;
    case "pause":
      await paused(run, "server paused", at, ms, "server");
      break;
    case "pauseAll":
      await paused(run, "datacenter paused", at, ms, "server", "redis");
      break;
    case "cut":
      await run.fault("cut off", at, async () => {
        split(run, at, dice.chance(0.5) ? "silent" : "refused");
        await sleep(ms);
        cluster.links.heal();
      });
      break;
    case "weather":
      await run.fault("bad links", [], async () => {
        for (const from of cluster.datacenters)
          for (const to of cluster.datacenters)
            cluster.links.set(
              from,
              to,
              { delayMs: [0, 100], loss: 0.1, duplication: 0.1, late: 0.01, lateMs: 10_000 },
              dice.fork(`${from}>${to}`),
            );
        await down(run, "server killed", at, ms, "server");
        cluster.links.heal();
      });
      break;
    case "everything":
      await down(run, "everything killed", cluster.datacenters, 500, "server", "redis");
      break;
  }
  await readyAgain(run);
}
