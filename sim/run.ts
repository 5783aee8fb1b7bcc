/** One seed: one run from an empty world to a verdict, bit for bit the same each time. */

import type { Key } from "../protocol/types.ts";
import { type Clients, startClients, type Workload } from "./clients.ts";
import { type Cluster, createCluster } from "./cluster.ts";
import { createCover } from "./cover.ts";
import type { Driver } from "./driver.ts";
import { type Faults, startFaults } from "./faults.ts";
import type { Operation } from "./history.ts";
import { type OpenSince, overdue, unfinished } from "./invariants/convergence.ts";
import type { Mirror } from "./invariants/ledger.ts";
import { createObserver, type Observer } from "./invariants/observer.ts";
import { judgeHistory } from "./linearizable.ts";
import { createDice, type Dice } from "./random.ts";
import { createSchedule } from "./schedule.ts";
import type { Site } from "./site.ts";
import { createTrace, type Trace } from "./trace.ts";
import { tune } from "./tuning.ts";
import { CALM, drawForming, drawWeather } from "./weather.ts";
import { pause, type Violation, violate, type World } from "./world.ts";

export type RunOptions = {
  readonly seed: number;
  /** Drawn from the seed unless given. */
  readonly replicas?: number | undefined;
  readonly operations?: number | undefined;
  /** The trace is kept as text. */
  readonly keepsLines?: boolean;
};

export type RunResult = {
  readonly seed: number;
  readonly replicas: number;
  readonly plan: Plan;
  /** Of the whole trace. */
  readonly hash: string;
  readonly violation: Violation | null;
  readonly trace: Trace;
  readonly virtualMs: number;
  readonly events: number;
  readonly history: readonly Operation[];
  /** How often what happened: see cover.ts. */
  readonly cover: ReadonlyMap<string, number>;
  /** Why the history could not be judged; null where it was. */
  readonly undecided: string | null;
};

/** What kind of run a seed is. */
export type Plan = {
  readonly servers: number;
  readonly worker: boolean;
  readonly encodes: boolean;
  readonly haste: number;
  readonly workload: Workload;
  readonly faults: Faults;
};

/** Longest time under faults. */
const FAULTY_MS = 20_000;
/** I19: once faults have stopped, no instance is open for longer. */
const SETTLE_MS = 30_000;
/** A change of the members has this long: a newcomer asks each source that is lost three times, for 10 s each. */
const MEMBERS_SETTLE_MS = 120_000;
/** At each datacenter, in the end: one after the other would take longer than all the rest. */
const READERS = 6;

export async function runSeed(options: RunOptions): Promise<RunResult> {
  const { seed } = options;
  const schedule = createSchedule();
  const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: options.keepsLines ?? false });
  const dice = createDice(`${seed}`);
  const world: World = { schedule, dice, trace, cover: createCover(), violation: null };
  const replicas = options.replicas ?? dice.pick([3, 3, 4, 5, 5, 7]);
  const plan = drawPlan(dice.fork("plan"), options.operations ?? 200);
  const history: Operation[] = [];
  const observer = createObserver(world);
  const cluster = createCluster(world, { replicas, ...plan, watch: observer });

  const onRejection = (error: unknown) =>
    violate(world, "crash", `a promise nobody waits for failed: ${error instanceof Error ? error.stack : error}`);
  process.on("unhandledRejection", onRejection);
  const untune = tune({ keepsStacks: options.keepsLines ?? false });
  let ended = false;
  try {
    void story({ world, cluster, observer, plan, history }).finally(() => {
      ended = true;
    });
    await schedule.run(() => ended || world.violation !== null);
  } finally {
    process.off("unhandledRejection", onRejection);
    untune();
  }
  const judged = world.violation === null ? judgeHistory(history, observer.ledger) : null;
  if (judged?.kind === "violation") violate(world, "I14", judged.reason);
  const { violation } = world;
  return {
    seed,
    replicas,
    plan,
    hash: trace.hash(),
    violation,
    trace,
    virtualMs: schedule.nowMs(),
    events: schedule.count(),
    history,
    cover: world.cover.counts(),
    undecided: judged?.kind === "unknown" ? judged.reason : null,
  };
}

function drawPlan(dice: Dice, operations: number): Plan {
  const quiet = dice.chance(0.1);
  const clients = dice.between(4, 24);
  const workMs = dice.pick([1_000, 3_000, 6_000, 12_000]);
  const reconfigurations = dice.chance(0.5) ? dice.between(1, 4) : 0;
  const losses = dice.chance(0.25) ? dice.between(1, 2) : 0;
  return {
    servers: dice.chance(0.25) ? 2 : 1,
    worker: dice.chance(0.2),
    encodes: dice.chance(0.1),
    haste: dice.pick([1, 1, 4, 20]),
    workload: {
      operations,
      clients,
      keys: dice.pick([2, 5, 10, 30]),
      restMs: (workMs * clients) / operations,
      idempotent: dice.pick([0, 0.3, 0.6]),
      timeoutMs: dice.pick([1_000, 3_000]),
    },
    faults: {
      everyMs: quiet ? 0 : dice.pick([300, 1_000, 3_000]),
      reconfigurations,
      losses,
      membersEveryMs: workMs / (reconfigurations + losses + 1),
    },
  };
}

type Story = {
  readonly world: World;
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly plan: Plan;
  readonly history: Operation[];
};

async function story({ world, cluster, observer, plan, history }: Story): Promise<void> {
  cluster.weather = drawForming(world.dice.fork("forming"));
  if (!(await cluster.form())) return violate(world, "I19", "the cluster did not form");
  const faulty = plan.faults.everyMs > 0;
  cluster.weather = CALM;
  if (faulty) cluster.weather = drawWeather(world.dice.fork("weather"));
  const trouble = startFaults({ world, cluster, ledger: observer.ledger, faults: plan.faults });
  const clients = startClients({ world, sites: () => cluster.sites, workload: plan.workload, history });
  const endMs = world.schedule.nowMs() + FAULTY_MS;
  while (!clients.isDone() && world.violation === null && world.schedule.nowMs() < endMs) {
    await pause(world, 250);
    // What crashed at a write comes back.
    if (faulty) for (const site of cluster.sites) if (world.dice.chance(0.2)) cluster.boot(site);
  }
  clients.stop();
  cluster.weather = CALM;
  trouble.stop();
  world.trace.line([], () => "all faults end");
  await settle(world, cluster, observer, clients);
  await readAll(world, cluster, clients, plan);
}

/** Waits until nobody asks and all is as it must be in the end, with somebody who changes the members wherever a voter stays. */
async function settle(world: World, cluster: Cluster, observer: Observer, clients: Clients): Promise<void> {
  const startMs = world.schedule.nowMs();
  const since: OpenSince = new Map();
  for (const driver of cluster.drivers) driver.stopped = true;
  // Whoever runs it gives up what is lost for good.
  for (const { number, lost } of cluster.sites) if (lost) cluster.desired.wanted.delete(number);
  let driver: Driver | null = null;
  while (world.violation === null) {
    // One that was started in the last moment of the faults may have failed by one of them.
    for (const site of cluster.sites) cluster.boot(site);
    const homes = voters(cluster, observer);
    if (driver === null || !homes.includes(driver.site)) {
      if (driver !== null) driver.stopped = true;
      driver = homes[0] === undefined ? null : cluster.drive(homes[0]);
    }
    const [now, all] = [world.schedule.nowMs(), members(cluster, observer)];
    const old = overdue(since, all, { nowMs: now, maxMs: SETTLE_MS });
    if (old !== null) return violate(world, "I19", old.message, old.ids);
    const left = unfinished(observer.ledger, all);
    // Whoever still asks may begin something new, which must come to its end as well.
    if (left === null && driver?.settled === true && clients.isDone()) return;
    if (now - startMs > MEMBERS_SETTLE_MS)
      return violate(
        world,
        "I19",
        left?.message ?? `the members are not as they were wanted: ${JSON.stringify([...cluster.desired.wanted])}`,
        left?.ids,
      );
    await pause(world, 100);
  }
}

/** Sites that vote in the newest epoch, those first that shall go on voting. */
function voters(cluster: Cluster, { ledger }: Observer): Site[] {
  const voting = [...ledger.mirrors.values()].filter(
    ({ site, replica }) => !site.lost && replica !== null && (ledger.chain.at(-1)?.voters.includes(replica.self) ?? false),
  );
  const stays = (site: Site) => (cluster.desired.wanted.get(site.number)?.voter === true ? 0 : 1);
  return voting.map(({ site }) => site).sort((a, b) => stays(a) - stays(b) || a.number - b.number);
}

/** Everyone who must have everything: members that are wanted and not lost. */
function members(cluster: Cluster, { ledger }: Observer): Mirror[] {
  return [...ledger.mirrors.values()].filter(
    ({ site, replica }) => !site.lost && cluster.desired.wanted.has(site.number) && replica !== null,
  );
}

/** Every key, once more, from everywhere. Who has just come back may take a moment. */
async function readAll(world: World, cluster: Cluster, clients: Clients, plan: Plan): Promise<void> {
  const keys = Array.from({ length: plan.workload.keys }, (_, i) => [`k${i + 1}`, `c${i + 1}`]).flat();
  const voting = cluster.sites.filter((site) => !site.lost && cluster.desired.wanted.get(site.number)?.voter === true);
  const readOne = async (client: number, site: Site, key: Key) => {
    for (let tries = 0; tries < 20 && world.violation === null; tries++) {
      const read = await clients.ask(client, site, { kind: "read", key });
      if (read?.heard.kind === "read") return;
      await pause(world, 500);
    }
    if (world.violation === null) violate(world, "I19", `datacenter ${site.number} does not answer a read after all faults have ended`);
  };
  await Promise.all(
    voting.flatMap((site, i) =>
      Array.from({ length: READERS }, async (_, lane) => {
        for (let at = lane; at < keys.length; at += READERS) await readOne(1_000 + i * READERS + lane, site, keys[at] as Key);
      }),
    ),
  );
}
