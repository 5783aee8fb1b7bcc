/** One datacenter: a disk, the processes on it, and what its own Temporal would remember. */

import type { Replica } from "../proposals/api.ts";
import type { Clock, Logger, Peers, Ports, Workflows } from "../proposals/ports.ts";
import { createReplica } from "../proposals/replica.ts";
import { createMemoryDisk, type Fate, type MemoryDisk, type MemoryStore, openMemoryStore } from "../proposals/store/memory.ts";
import type { Sealing } from "../proposals/store/sealing.ts";
import type { Dice } from "./random.ts";
import { short } from "./trace.ts";
import type { Weather } from "./weather.ts";
import { pause, violate, type World } from "./world.ts";

export type Role = "server" | "worker";

export type Process = {
  readonly name: string;
  readonly site: Site;
  readonly role: Role;
  readonly replica: Replica;
  readonly store: MemoryStore;
  readonly bornMs: number;
  alive: boolean;
  /** It ends at once: what has not reached the disk never will, and it hears and says nothing any more. */
  kill(why: string): void;
};

export type Site = {
  readonly number: number;
  readonly url: string;
  readonly apiUrl: string;
  readonly region: number;
  disk: MemoryDisk;
  sealing: Sealing;
  /** Added to the wall clock. */
  wallSkewMs: number;
  /** Its disk is gone for good. */
  lost: boolean;
  processes: Process[];
  opened: number;
};

/** The wall clock of virtual time 0. */
const WALL_START_MS = 1_750_000_000_000;

export type SiteDeps = {
  readonly world: World;
  readonly weather: () => Weather;
  readonly peers: (process: () => Process) => Peers;
  readonly workflows: (site: Site) => Workflows;
  /** How busy a process says that it is, for as long as it lives: nothing takes time to compute here. */
  readonly busyShare: (site: Site) => number;
};

export function createSite(input: { readonly number: number; readonly region: number; readonly sealing: Sealing }): Site {
  const { number, region, sealing } = input;
  const url = `http://dc-${number}.peer`;
  return {
    number,
    url,
    apiUrl: `http://dc-${number}.api`,
    region,
    disk: createMemoryDisk(),
    sealing,
    wallSkewMs: 0,
    lost: false,
    processes: [],
    opened: 0,
  };
}

/** Processes that run, servers only unless asked otherwise. */
export function running(site: Site, role: Role | "any" = "server"): Process[] {
  return site.processes.filter((process) => process.alive && (role === "any" || process.role === role));
}

/** Starts one process on the site's disk. */
export function openProcess(deps: SiteDeps, site: Site, role: Role): Process {
  const { world } = deps;
  const name = `${site.number}${role === "worker" ? "w" : "s"}${++site.opened}`;
  const dice = world.dice.fork(`process ${name}`);
  const die = (why: string) => {
    if (!process.alive) return;
    process.alive = false;
    store.kill();
    world.trace.mix("die", site.number, site.opened);
    world.trace.line([], () => `process ${name} ends: ${why}`);
  };
  const store = openMemoryStore({
    disk: site.disk,
    sealing: site.sealing,
    processId: name,
    latency: () => storeLatency(deps, dice),
    fate: (operation) => {
      const fate = drawFate(deps.weather(), dice, operation);
      if (fate !== "ok") world.cover.count("store", fate);
      if (fate === "crashAfter") world.cover.lastWrite(site.number);
      return fate;
    },
    crashed: () => {
      world.cover.died(site.number);
      die("crash at a write");
    },
  });
  const ports: Ports = {
    store,
    peers: deps.peers(() => process),
    clock: createClock(deps, site, () => process, dice),
    random: dice,
    workflows: deps.workflows(site),
    log: createLog(world, name),
    meter: {
      count: (name, labels) => {
        if (name === "epoxy_commits_total") world.cover.count("commit", labels?.["path"] ?? "");
      },
      observe: () => {},
    },
  };
  const replica = createReplica(ports, {
    build: "sim",
    loops: role === "server" ? "all" : "sync",
    onFatal: (error) => violate(world, "assert", error.message),
  });
  const process: Process = { name, site, role, replica, store, bornMs: world.schedule.nowMs(), alive: true, kill: die };
  site.processes = [...site.processes.filter(({ alive }) => alive), process];
  world.trace.mix("open", site.number, site.opened);
  world.trace.line([], () => `process ${name} starts`);
  return process;
}

function createClock({ world, busyShare: shareOf }: SiteDeps, site: Site, process: () => Process, dice: Dice): Clock {
  const { schedule } = world;
  const busyShare = shareOf(site);
  // Two processes' clocks have nothing in common.
  const startMs = dice.between(0, 1_000_000) - schedule.nowMs();
  return {
    monotonicMs: () => startMs + schedule.nowMs(),
    wallMs: () => Math.max(0, Math.floor(WALL_START_MS + schedule.nowMs() + site.wallSkewMs)),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const end = () => {
          schedule.cancel(timer);
          signal?.removeEventListener("abort", end);
          if (process().alive) resolve();
        };
        const timer = schedule.after(ms, end);
        signal?.addEventListener("abort", end, { once: true });
      }),
    busyShare: () => busyShare,
  };
}

function storeLatency({ world, weather }: SiteDeps, dice: Dice): Promise<void> | null {
  const { storeMs, storeSlow } = weather();
  if (storeMs === 0 && storeSlow === 0) return null;
  // Most ways take no time: two events for every look at the disk would be half of all there are.
  if (!dice.chance(0.25)) return null;
  const ms = dice.chance(storeSlow) ? dice.next() * 1_000 : dice.next() * storeMs;
  return ms > 0 ? pause(world, ms) : null;
}

const TROUBLES: readonly Fate[] = ["requestLost", "replyLost", "unreachable", "doubtNotDone", "doubtDone"];

function drawFate({ crash, storeTrouble }: Weather, dice: Dice, operation: "read" | "commit"): Fate {
  if (operation === "commit" && dice.chance(crash)) return dice.pick(["crashBefore", "crashAfter"]);
  return dice.chance(storeTrouble) ? dice.pick(TROUBLES) : "ok";
}

function createLog(world: World, name: string): Logger {
  const say = (level: string) => (fields: object, message: string) => {
    for (const value of Object.values(fields)) {
      if (value instanceof TypeError || value instanceof RangeError || value instanceof ReferenceError)
        violate(world, "crash", `${name}: ${value.stack}`);
    }
    if (level !== "debug") world.trace.line([], () => `${name} ${level}: ${message} ${short(fields)}`);
  };
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}
