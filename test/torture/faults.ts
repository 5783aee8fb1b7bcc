/** What several suites do to a cluster, each written down with its time. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run } from "./case.ts";
import type { Part } from "./cluster.ts";

/** One fault after the other, each at the datacenter whose turn it is, with a pause that lets some of the load through. */
export async function inTurn(run: Run, one: (datacenter: number) => Promise<void>): Promise<void> {
  const { datacenters } = run.cluster;
  for (let i = 0; i === 0 || performance.now() < run.endMs; i++) {
    await one(datacenters[i % datacenters.length] as number);
    const restMs = run.dice.between(1_000, 3_000);
    // Not after the last: its healing is timed.
    if (performance.now() < run.endMs) await sleep(restMs);
  }
}

/** Datacenters chosen by the dice: as many as may be bad at once, or `count`. */
export function some(run: Run, count: number): number[] {
  return run.dice.shuffle(run.cluster.datacenters).slice(0, count);
}

/** Killed, back after `ms`, and then given the time to serve again, so that no more than these are down at once. */
export async function down(run: Run, name: string, at: readonly number[], ms: number, ...which: Part[]): Promise<void> {
  await run.fault(name, at, async () => {
    await Promise.all(at.map((datacenter) => run.cluster.kill(datacenter, ...which)));
    run.count("processes killed", at.length * which.length);
    await sleep(ms);
    for (const datacenter of at) run.cluster.start(datacenter, ...which);
  });
  await readyAgain(run, at);
}

export async function readyAgain(run: Run, at: readonly number[] = run.cluster.datacenters): Promise<void> {
  run.most("largest wait until ready, ms", Math.round(await run.cluster.untilReady(40_000, at)));
}

/** SIGSTOP, and SIGCONT after `ms`. */
export async function paused(run: Run, name: string, at: readonly number[], ms: number, ...which: Part[]): Promise<void> {
  await run.fault(name, at, async () => {
    for (const datacenter of at) run.cluster.pause(datacenter, ...which);
    await sleep(ms);
    for (const datacenter of at) run.cluster.resume(datacenter, ...which);
  });
}

/** Nothing passes between the two sides, in both directions. */
export function split(run: Run, side: readonly number[], how: "silent" | "refused"): void {
  for (const a of side) {
    for (const b of run.cluster.datacenters.filter((each) => !side.includes(each))) {
      run.cluster.links.cut(a, b, how);
      run.cluster.links.cut(b, a, how);
    }
  }
}
