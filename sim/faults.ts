/** What goes wrong, and when: cuts, crashes, clocks, lost disks and changed members, all by dice. */

import { limits } from "../protocol/limits.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { Cluster } from "./cluster.ts";
import type { Ledger } from "./invariants/ledger.ts";
import type { Dice } from "./random.ts";
import { running, type Site } from "./site.ts";
import { pause, type World } from "./world.ts";

export type Faults = {
  /** Mean time between two faults; 0 for none. */
  readonly everyMs: number;
  readonly reconfigurations: number;
  /** Disks that may be lost for good. */
  readonly losses: number;
  /** Mean time between two changes of the members or losses. */
  readonly membersEveryMs: number;
};

const KINDS = { cut: 30, crash: 25, crashAll: 3, clock: 8, pause: 6, calm: 8 } as const;
const CUTS = { "one cut off": 30, halves: 20, "one way": 25, bridge: 10 } as const;

export type FaultDeps = { readonly world: World; readonly cluster: Cluster; readonly ledger: Ledger; readonly faults: Faults };
export type Trouble = { /** Ends all faults: what is down is up again, what was cut is whole. */ stop(): void };

export function startFaults(deps: FaultDeps): Trouble {
  const { world, faults } = deps;
  const dice = world.dice.fork("faults");
  const state = { stopped: false };
  if (faults.everyMs > 0) void breakThings(deps, dice, state);
  if (faults.reconfigurations > 0 || faults.losses > 0) void changeMembers(deps, world.dice.fork("members"), state);
  return {
    stop() {
      state.stopped = true;
      deps.cluster.network.mendAll();
      for (const site of deps.cluster.sites) deps.cluster.boot(site);
    },
  };
}

type State = { stopped: boolean };

async function breakThings(deps: FaultDeps, dice: Dice, state: State): Promise<void> {
  const { world, cluster, faults } = deps;
  for (;;) {
    await pause(world, dice.next() * 2 * faults.everyMs);
    if (state.stopped) return;
    const kind = dice.weighted(KINDS);
    world.trace.line([], () => `fault: ${kind}`);
    if (kind !== "cut" && kind !== "calm") world.cover.count("fault", kind);
    const here = cluster.sites.filter(({ lost }) => !lost);
    switch (kind) {
      case "cut":
        void cut(deps, dice, state);
        break;
      case "crash":
        crash(deps, dice, state, [dice.pick(here)]);
        break;
      case "crashAll":
        crash(deps, dice, state, here);
        break;
      case "clock":
        dice.pick(here).wallSkewMs = dice.pick([-3_600_000, 3_600_000, -30_000, 30_000, 0, 7_200_000]);
        break;
      case "pause":
        hold(deps, dice, dice.pick(here));
        break;
      case "calm":
        break;
    }
  }
}

/** Processes end and come back after a while, now and then two in place of one and one of them older. */
function crash({ world, cluster }: FaultDeps, dice: Dice, state: State, sites: readonly Site[]): void {
  for (const site of sites) {
    const victims = dice.chance(0.3) ? running(site, "any").slice(0, 1) : running(site, "any");
    for (const process of victims) process.kill("fault");
    world.schedule.after(dice.pick([0, 50, 500, 3_000]) * dice.next(), () => {
      if (!state.stopped) cluster.boot(site);
    });
  }
}

/** Nothing gets in or out for a while, and then all of it does: as good as a stopped process. */
function hold({ world, cluster }: FaultDeps, dice: Dice, site: Site): void {
  const others = cluster.sites.filter((other) => other !== site);
  for (const other of others) {
    cluster.network.cut(site, other);
    cluster.network.cut(other, site);
  }
  world.schedule.after(dice.next() * 4_000, () => {
    for (const other of others) {
      cluster.network.mend(site, other);
      cluster.network.mend(other, site);
    }
  });
}

async function cut({ world, cluster }: FaultDeps, dice: Dice, state: State): Promise<void> {
  const kind = dice.weighted(CUTS);
  world.cover.count("fault", kind);
  const ways = drawCut(dice, cluster.sites, kind);
  const flapping = dice.chance(0.15);
  if (flapping) world.cover.count("fault", "flapping");
  const endMs = world.schedule.nowMs() + dice.pick([300, 2_000, 8_000]) * dice.next();
  do {
    for (const [from, to] of ways) cluster.network.cut(from, to);
    await pause(world, flapping ? 20 + 400 * dice.next() : endMs - world.schedule.nowMs());
    for (const [from, to] of ways) cluster.network.mend(from, to);
    if (flapping) await pause(world, 300 * dice.next());
  } while (!state.stopped && world.schedule.nowMs() < endMs);
}

function drawCut(dice: Dice, sites: readonly Site[], kind: keyof typeof CUTS): (readonly [Site, Site])[] {
  const shuffled = dice.shuffle(sites);
  const [one, two] = shuffled as [Site, Site];
  const both = (a: readonly Site[], b: readonly Site[]) => a.flatMap((x) => b.flatMap((y) => [[x, y] as const, [y, x] as const]));
  switch (kind) {
    case "one cut off":
      return both([one], shuffled.slice(1));
    case "one way":
      return dice.chance(0.5) ? [[one, two]] : shuffled.slice(1).map((to) => [one, to] as const);
    case "bridge": {
      // The first one sees both sides, which do not see each other.
      const middle = Math.floor(shuffled.length / 2);
      return both(shuffled.slice(1, middle + 1), shuffled.slice(middle + 1));
    }
    default: {
      const at = dice.between(1, shuffled.length - 1);
      return both(shuffled.slice(0, at), shuffled.slice(at));
    }
  }
}

/** Datacenters come, go, are replaced and are lost, never more of them than the newest epoch can do without. */
async function changeMembers({ world, cluster, ledger, faults }: FaultDeps, dice: Dice, state: State): Promise<void> {
  let [changes, losses] = [faults.reconfigurations, faults.losses];
  while (changes + losses > 0) {
    await pause(world, 100 + dice.next() * 2 * faults.membersEveryMs);
    if (state.stopped) return;
    const wanted = cluster.sites.filter((site) => cluster.desired.wanted.has(site.number) && !site.lost);
    if (losses > 0 && dice.chance(losses / (changes + losses))) {
      losses--;
      const victim = dice.pick(wanted);
      if (spare(cluster, ledger) > 0) {
        lose(world, victim);
        if (cluster.drivers.some((driver) => !driver.stopped && !driver.settled)) world.cover.count("members", "lost meanwhile");
        if ([...ledger.mirrors.values()].some(({ replica }) => replica?.frozen === true)) world.cover.count("members", "lost while frozen");
        if (dice.chance(0.8)) replace(cluster, victim, dice.chance(0.5) ? dice.between(0, 4_000) : 0, world);
      }
    } else {
      changes--;
      change(world, cluster, dice, wanted);
    }
    if (dice.chance(0.5)) moveDriver(world, cluster, { dice, state });
  }
}

/** Voters of the newest epochs that may still be lost. */
function spare(cluster: Cluster, { chain, mirrors }: Ledger): number {
  const lost = new Set([...mirrors.values()].filter(({ site }) => site.lost).map(({ replica }) => replica?.self ?? 0));
  const left = chain.slice(-2).map(({ voters }) => thresholds(voters.length).f - voters.filter((id) => lost.has(id)).length);
  // Whoever is wanted may be all of the next epoch.
  const wanted = [...cluster.desired.wanted.keys()].map((number) => cluster.sites[number - 1] as Site);
  return Math.min(...left, thresholds(Math.max(1, Math.min(9, wanted.length))).f - wanted.filter((site) => site.lost).length);
}

function lose(world: World, site: Site): void {
  site.lost = true;
  for (const process of running(site, "any")) process.kill("its datacenter is lost");
  world.trace.line([], () => `datacenter ${site.number} is lost for good`);
  world.cover.count("fault", "datacenter lost");
}

function replace(cluster: Cluster, old: Site, afterMs: number, world: World): void {
  world.schedule.after(afterMs, () => {
    const wish = cluster.desired.wanted.get(old.number);
    if (wish === undefined) return;
    cluster.desired.wanted.delete(old.number);
    cluster.desired.wanted.set(cluster.addSite().number, wish);
  });
}

function change(world: World, cluster: Cluster, dice: Dice, wanted: readonly Site[]): void {
  const voters = wanted.filter(({ number }) => cluster.desired.wanted.get(number)?.voter === true);
  const kind = dice.weighted({ add: 30, remove: 25, replace: 25, learner: 10, turn: 10 });
  world.trace.line([], () => `members: ${kind}`);
  world.cover.count("members", kind);
  const free = limits.votersMax - cluster.desired.wanted.size;
  if (kind === "add" && free > 0)
    for (let count = Math.min(free, dice.between(1, 2)); count > 0; count--)
      cluster.desired.wanted.set(cluster.addSite().number, { voter: true });
  else if (kind === "learner" && free > 0) cluster.desired.wanted.set(cluster.addSite().number, { voter: false });
  else if (kind === "remove" && voters.length > 2) cluster.desired.wanted.delete(dice.pick(voters).number);
  else if (kind === "turn" && voters.length > 2) {
    const site = dice.pick(wanted);
    cluster.desired.wanted.set(site.number, { voter: cluster.desired.wanted.get(site.number)?.voter !== true });
  } else if (wanted.length > 0) replace(cluster, dice.pick(wanted), 0, world);
}

/** The one who changes the members dies, or another one begins beside it, at a place that stays. */
function moveDriver(world: World, cluster: Cluster, { dice, state }: { readonly dice: Dice; readonly state: State }): void {
  if (dice.chance(0.7)) for (const driver of cluster.drivers) driver.stopped = true;
  const homes = cluster.sites.filter(({ number, lost }) => !lost && cluster.desired.wanted.has(number));
  world.schedule.after(dice.next() * 2_000, () => {
    // Beside the one who puts the members in order in the end, two would take the coordinator's place from each other for ever.
    if (!state.stopped) cluster.drive(dice.pick(homes));
  });
}
