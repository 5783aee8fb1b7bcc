/**
 * How fast the simulator is. `node --max-semi-space-size=64 dist/sim/speed.js`: first what a seed of 200
 * operations costs, faults, changes of the members and the judging of its history included; then how many seconds of five
 * datacenters without faults, 100 proposals a second over 1,000 keys, pass in a real one, every invariant checked.
 */
import { parseArgs } from "node:util";
import type { Key } from "../protocol/types.ts";
import { createCluster } from "./cluster.ts";
import { createCover } from "./cover.ts";
import { createObserver } from "./invariants/observer.ts";
import { createDice } from "./random.ts";
import { runSeed } from "./run.ts";
import { createSchedule } from "./schedule.ts";
import { running } from "./site.ts";
import { createTrace } from "./trace.ts";
import { tune } from "./tuning.ts";
import { pause, type World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "500" },
    seconds: { type: "string", default: "60" },
  },
});
const [KEYS, A_SECOND, DATACENTERS] = [1_000, 100, 5];

/** Of this process: another one on the same core does not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function measureSeeds(from: number, count: number): Promise<void> {
  const costs: number[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const start = cpuSeconds();
    await runSeed({ seed, operations: 200 });
    costs.push(cpuSeconds() - start);
  }
  costs.sort((a, b) => a - b);
  const mean = costs.reduce((sum, each) => sum + each, 0) / count;
  const at = (share: number) => (costs[Math.floor(share * (count - 1))] as number).toFixed(2);
  console.log(
    `${count} seeds of 200 operations from ${from}: ${mean.toFixed(2)} s of processor time each (median ${at(0.5)}, 90% below ${at(0.9)}, at most ${at(1)})`,
  );
}

async function measureSteady(seconds: number): Promise<void> {
  const schedule = createSchedule();
  const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: false });
  const world: World = { schedule, trace, dice: createDice("speed"), cover: createCover(), violation: null };
  const cluster = createCluster(world, {
    replicas: DATACENTERS,
    servers: 1,
    worker: false,
    encodes: false,
    haste: 1,
    watch: createObserver(world),
  });
  const told = { start: 0, cost: 0, answered: 0, asked: 0 };
  const load = async () => {
    await cluster.form();
    told.start = schedule.nowMs();
    const start = cpuSeconds();
    while (schedule.nowMs() < told.start + seconds * 1_000) {
      const site = cluster.sites[told.asked++ % DATACENTERS];
      const replica = site === undefined ? undefined : running(site)[0]?.replica;
      const command = { kind: "set", key: `k${world.dice.between(1, KEYS)}` as Key, value: new Uint8Array(64) } as const;
      void replica?.propose({ commands: [command], idempotencyKey: null, timeoutMs: 10_000 }).then(() => told.answered++);
      await pause(world, 1_000 / A_SECOND);
    }
    told.cost = cpuSeconds() - start;
  };
  let over = false;
  const untune = tune({ keepsStacks: false });
  void load().finally(() => {
    over = true;
  });
  await schedule.run(() => over || world.violation !== null);
  untune();
  if (world.violation !== null) throw new Error(`${world.violation.invariant}: ${world.violation.message}`);
  console.log(
    `${DATACENTERS} datacenters, ${told.asked} proposals in ${seconds} simulated seconds, ${told.answered} of them answered by then: ${told.cost.toFixed(1)} s of processor time, ${(seconds / told.cost).toFixed(1)} simulated seconds each`,
  );
}

if (values.seeds !== "0") await measureSeeds(Number(values.from), Number(values.seeds));
await measureSteady(Number(values.seconds));
