/** What each datacenter's own Temporal remembers and carries on with, in few words: the replica workflow and what coordinators are told. */
import type { Workflows } from "../proposals/ports.ts";
import { EpoxyError } from "../protocol/errors.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { type Process, running, type Site } from "./site.ts";
import { pause, type World, within } from "./world.ts";

type Learning = { readonly learnId: string; readonly sources: readonly ReplicaId[]; asked: number; joined: boolean };
type Memory = { learning: Learning | null; readonly learned: Map<ReplicaId, string> };

export type Temporal = {
  workflows(site: Site): Workflows;
  /** Whether the coordinator at this site was told that the replica has learned under this name. */
  hasLearned(site: Site, id: ReplicaId, learnId: string): boolean;
};

/** As in activities/learning.ts. */
const TRIES_A_SOURCE = 3;
const TRY_AGAIN_MS = 250;
const LAG_MAX = 100;
const ACTIVITY_TIMEOUT_MS = 12_000;

export function createTemporal(world: World): Temporal {
  const memories = new Map<number, Memory>();
  const memoryOf = (site: Site): Memory => {
    let memory = memories.get(site.number);
    if (memory === undefined) {
      memory = { learning: null, learned: new Map() };
      memories.set(site.number, memory);
    }
    return memory;
  };
  return {
    hasLearned: (site, id, learnId) => memoryOf(site).learned.get(id) === learnId,
    workflows: (site) => ({
      async beginLearning({ learnId, sources }) {
        const memory = memoryOf(site);
        if (memory.learning?.learnId === learnId) {
          // The same again: whoever asks did not hear that it is done.
          memory.learning.asked++;
          if (memory.learning.joined) void tellJoined(world, site, memory.learning);
          return;
        }
        memory.learning = { learnId, sources, asked: 0, joined: false };
        void learn(world, site, memory.learning, () => memory.learning);
      },
      async abortLearning({ learnId }) {
        const memory = memoryOf(site);
        if (memory.learning?.learnId === learnId && !memory.learning.joined) memory.learning = null;
      },
      async replicaStatusChanged({ id, learnId }) {
        memoryOf(site).learned.set(id, learnId);
      },
      async coordinatorUpdate() {
        throw new EpoxyError("coordinatorUnreachable", "nobody changes the members by this way here");
      },
    }),
  };
}

/** A process that may run activities: a worker where the site has one. */
export function workerOf(site: Site): Process | undefined {
  return running(site, "worker")[0] ?? running(site)[0];
}

async function learn(world: World, site: Site, learning: Learning, current: () => Learning | null): Promise<void> {
  let [at, cursor, failures] = [0, "", 0];
  while (current() === learning && !site.lost && world.violation === null) {
    const source = learning.sources[at % learning.sources.length] as ReplicaId;
    const page = await attempt(world, site, (process) => process.replica.learnPage({ source, cursor }));
    if (page?.done === true) break;
    if (page !== null) {
      cursor = page.cursor;
      failures = 0;
      continue;
    }
    failures++;
    // A copy goes on only where it was begun.
    if (failures % TRIES_A_SOURCE === 0) [at, cursor] = [at + 1, ""];
    await pause(world, TRY_AGAIN_MS);
  }
  while (current() === learning && !site.lost && world.violation === null) {
    const lag = await attempt(world, site, (process) => process.replica.lag());
    if (lag !== null && lag <= LAG_MAX) break;
    await pause(world, TRY_AGAIN_MS);
  }
  await tellJoined(world, site, learning);
}

async function tellJoined(world: World, site: Site, learning: Learning): Promise<void> {
  for (let asked = -1; asked !== learning.asked && !site.lost && world.violation === null; ) {
    asked = learning.asked;
    const told = await attempt(world, site, async (process) => {
      await process.replica.reportStatus({ learnId: learning.learnId });
      return true;
    });
    if (told === null) {
      asked = -1;
      await pause(world, TRY_AGAIN_MS);
    }
  }
  learning.joined = true;
}

/** One activity at some process of the site; null when it failed, or its process ended under it. */
async function attempt<T>(world: World, site: Site, run: (process: Process) => Promise<T>): Promise<T | null> {
  const process = workerOf(site);
  if (process === undefined) return null;
  try {
    return await within(world, ACTIVITY_TIMEOUT_MS, run(process));
  } catch (error) {
    world.trace.line([], () => `${process.name} activity failed: ${error}`);
    return null;
  }
}
