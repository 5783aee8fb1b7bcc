/** Whoever changes the voters is killed at every step of it: no request fails because of it, and the change ends by itself. */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { driverSteps } from "../failpoints/steps.mjs";
import { added, another, type Newcomer, untilDriverTakes, untilVotes, wishVote } from "../members.ts";
import { longestPauseMs, serving } from "../serving.ts";

/** The coordinator's datacenter: its worker changes the voters. */
const driver = 1;
/** As a supervisor starts it again. */
const restartAfterMs = 1_000;
const stepsMin = 2;

export const cases: readonly TortureCase[] = [
  {
    fault: 19,
    name: "driver-killed",
    what: "the worker that changes the voters is killed at each step of it, and is back after a second",
    seconds: 600,
    // From the death of the driver until all vote that shall vote and the coordinator has nothing left to do.
    params: { endsWithinMs: 15_000 },
    timeoutMs: 10_000,
    spoils: true,
    inject: driverKilled,
  },
];

/** A datacenter's vote is taken and given again and again, each time with the driver ending at another step. */
async function driverKilled(run: Run): Promise<void> {
  const { number, newcomer } = await another(run);
  await run.fault("datacenter added", [number], () => added(run, newcomer));
  await serving(run, async () => {
    let voter = true;
    for (const [i, step] of run.dice.shuffle(driverSteps).entries()) {
      if (i >= stepsMin && performance.now() > run.endMs) break;
      await untilDriverTakes(step, () => {
        voter = !voter;
        return endDriverAt(run, step, newcomer, voter);
      });
    }
    await wishVote(run, newcomer, true);
    await untilVotes(run, newcomer, true);
  });
}

/** @returns false where the voters were changed without it: the server beside it was there first */
async function endDriverAt(run: Run, step: string, newcomer: Newcomer, voter: boolean): Promise<boolean> {
  const { cluster } = run;
  const file = cluster.failpointFile(driver, "worker");
  const before = cluster.pid(driver, "worker");
  const hasEnded = () => cluster.pid(driver, "worker") !== before;
  await run.fault(`driver ends: ${step}`, [driver], async () => {
    writeFileSync(file, step);
    // The worker looks every 20 ms.
    await sleep(100);
    const startNs = process.hrtime.bigint();
    await wishVote(run, newcomer, voter);
    let isDone = false;
    const done = untilVotes(run, newcomer, voter).then(() => {
      isDone = true;
    });
    done.catch(() => undefined);
    try {
      await eventually(`the driver ends at: ${step}`, 30_000, () => hasEnded() || isDone);
    } finally {
      rmSync(file, { force: true });
    }
    // Between the look at the file and its removal it may just have ended.
    await sleep(100);
    if (!hasEnded()) return run.count(`${step}: taken by the server beside the driver`);
    run.expectDeath();
    const endedMs = performance.now();
    await sleep(restartAfterMs);
    cluster.start(driver, "worker");
    await done;
    const tookMs = Math.round(performance.now() - endedMs);
    run.most(`${step}: done after, ms`, tookMs);
    const during = run.recorder.operations.filter(({ endNs }) => (endNs ?? 0n) >= startNs);
    run.most(`${step}: longest time without a write, ms`, Math.round(longestPauseMs(during, startNs)));
    if (tookMs > run.param("endsWithinMs")) run.violation(`${step}: the change was done only ${tookMs} ms after its driver was killed`);
  });
  return hasEnded();
}
