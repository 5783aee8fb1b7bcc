/** One process of a replica: the shipped code over the memory store, without its loops; what it does unasked, the script asks for. */
import type { Context } from "../../proposals/context.ts";
import { loadPeers } from "../../proposals/health.ts";
import { loadMembers, nameDisk } from "../../proposals/membership.ts";
import type { Peers, Ports } from "../../proposals/ports.ts";
import { createContext } from "../../proposals/replica.ts";
import { type Fate, openMemoryStore } from "../../proposals/store/memory.ts";
import { loadIdentity } from "../../proposals/voter-duties.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import type { Site } from "../../sim/site.ts";
import { short } from "../../sim/trace.ts";
import { violate, type World } from "../../sim/world.ts";

export type Node = {
  readonly name: string;
  readonly site: Site;
  readonly ctx: Context;
  alive: boolean;
  /** What the next write of this process ends in. */
  fate: Fate;
  /** Whom a newcomer was told to copy from. */
  sources: readonly ReplicaId[];
  kill(): void;
};

/** The wall clock of virtual time 0. */
export const WALL_START_MS = 1_750_000_000_000;

export async function openNode(world: World, site: Site, peers: (node: () => Node) => Peers): Promise<Node> {
  const name = `${site.number}s${++site.opened}`;
  const dice = world.dice.fork(name);
  const kill = () => {
    node.alive = false;
    store.kill();
    node.ctx.stop.abort();
  };
  const store = openMemoryStore({
    disk: site.disk,
    sealing: site.sealing,
    processId: name,
    fate(operation) {
      if (operation === "read") return "ok";
      const { fate } = node;
      node.fate = "ok";
      return fate;
    },
    crashed: () => {
      node.alive = false;
      world.trace.line([], () => `  ${site.number} dies at its write`);
    },
  });
  const ports: Ports = {
    store,
    peers: peers(() => node),
    clock: createClock(world, site, () => node),
    random: dice,
    workflows: {
      async beginLearning({ sources }) {
        node.sources = sources;
      },
      abortLearning: async () => {},
      replicaStatusChanged: async () => {},
      coordinatorUpdate: async () => {
        throw new EpoxyError("coordinatorUnreachable", "there is no coordinator in a script");
      },
    },
    log: createLog(world, site.number),
    meter: { count: () => {}, observe: () => {} },
  };
  const ctx = createContext(ports, {
    build: "scenario",
    loops: "all",
    onFatal: (error) => violate(world, "assert", `at ${site.number}: ${error.message}`),
  });
  const node: Node = { name, site, ctx, alive: true, fate: "ok", sources: [], kill };
  await loadIdentity(ctx);
  await nameDisk(ctx);
  await loadMembers(ctx);
  await loadPeers(ctx);
  return node;
}

function createClock({ schedule }: World, site: Site, node: () => Node): Ports["clock"] {
  return {
    monotonicMs: () => schedule.nowMs(),
    busyShare: () => 0,
    wallMs: () => Math.floor(WALL_START_MS + schedule.nowMs() + site.wallSkewMs),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const end = () => {
          schedule.cancel(timer);
          signal?.removeEventListener("abort", end);
          if (node().alive) resolve();
        };
        const timer = schedule.after(ms, end);
        signal?.addEventListener("abort", end, { once: true });
      }),
  };
}

function createLog(world: World, site: number): Ports["log"] {
  const say = (level: string) => (fields: object, message: string) => {
    for (const value of Object.values(fields)) {
      if (value instanceof TypeError || value instanceof RangeError || value instanceof ReferenceError)
        violate(world, "crash", `${site}: ${value.stack}`);
    }
    world.trace.line([], () => `  ${site} ${level}: ${message} ${short(fields)}`);
  };
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}
