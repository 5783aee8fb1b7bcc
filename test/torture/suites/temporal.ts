/** Temporal stopped at every step of a change: traffic does not notice, the change ends by itself, and no step is taken twice in effect. */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { driverSteps, memberSteps } from "../failpoints/steps.mjs";
import { added, another, clusterAt, untilDriverTakes, untilGone, untilVotes, wishGone, wishMember, wishVote } from "../members.ts";
import { longestPauseMs, serving } from "../serving.ts";

/** The coordinator's datacenter. */
const coordinator = 1;
/** As long as it takes a driver that lives; one that died would cost more. */
const noticedMs = 4_000;
const sizes = { stopSeconds: 120, first: 0, steps: 100 };
/** What is judged is that traffic goes on, for minutes at every step: light, so that several parts can be run beside each other. */
const restMsMax = 200;

export const cases: readonly TortureCase[] = [
  {
    fault: 18,
    name: "temporal-stopped-joining",
    what: "datacenters join and leave, each with Temporal killed at another step, and back only after stopSeconds",
    seconds: 1,
    params: sizes,
    timeoutMs: 10_000,
    restMsMax,
    spoils: true,
    lost: [4, 5, 6, 7, 8, 9],
    inject: (run) => serving(run, () => joining(run)),
  },
  {
    fault: 18,
    name: "temporal-stopped-changing",
    what: "the voters are changed again and again, each time with Temporal killed at another step, and back only after stopSeconds",
    seconds: 1,
    params: sizes,
    timeoutMs: 10_000,
    restMsMax,
    spoils: true,
    inject: (run) => serving(run, () => changing(run)),
  },
];

/** The steps of this run: `steps` of them from `first` on. */
function chosen<T>(run: Run, all: readonly T[]): readonly T[] {
  return all.slice(run.param("first"), run.param("first") + run.param("steps"));
}

async function joining(run: Run): Promise<void> {
  for (const { at, by, when } of chosen(run, memberSteps)) {
    const { number, newcomer } = await another(run);
    const armed = by === "coordinator" ? coordinator : number;
    const join = () => wishMember(run, newcomer);
    if (when === "joining") await stopTemporalAt(run, at, armed, { wish: join, done: () => untilVotes(run, newcomer, true) });
    else await added(run, newcomer);
    const leave = () => wishGone(run, newcomer);
    const gone = () => untilGone(run, newcomer);
    if (when === "leaving") await stopTemporalAt(run, at, armed, { wish: leave, done: gone });
    else await leave().then(gone);
    await run.cluster.kill(number);
  }
}

async function changing(run: Run): Promise<void> {
  const { newcomer } = await another(run);
  await added(run, newcomer);
  let voter = true;
  for (const step of chosen(run, driverSteps)) {
    await untilDriverTakes(step, () => {
      voter = !voter;
      const now = voter;
      return stopTemporalAt(run, step, coordinator, {
        wish: () => wishVote(run, newcomer, now),
        done: () => untilVotes(run, newcomer, now),
      });
    });
  }
  await wishVote(run, newcomer, true);
  await untilVotes(run, newcomer, true);
}

type Change = { readonly wish: () => Promise<void>; readonly done: () => Promise<void> };

/**
 * One change, in whose course the worker of `armed` ends Temporal as it comes to `step`.
 *
 * @returns false where the change was made without it: the server beside it was there first
 */
async function stopTemporalAt(run: Run, step: string, armed: number, { wish, done }: Change): Promise<boolean> {
  const { cluster } = run;
  const file = cluster.failpointFile(armed, "worker");
  const before = await clusterAt(run, coordinator);
  let wasStopped = false;
  await run.fault(`Temporal stopped: ${step}`, [], async () => {
    const startNs = process.hrtime.bigint();
    writeFileSync(file, `${step}\n${cluster.temporal.pid()}`);
    // The worker looks every 20 ms.
    await sleep(100);
    await wish();
    let isDone = false;
    const finished = done().then(() => {
      isDone = true;
    });
    finished.catch(() => undefined);
    try {
      await eventually(`Temporal is stopped at: ${step}`, 40_000, () => cluster.temporal.pid() === null || isDone);
    } finally {
      rmSync(file, { force: true });
    }
    wasStopped = cluster.temporal.pid() === null;
    if (!wasStopped) return run.count(`${step}: taken by the server beside the driver`);
    run.expectDeath();
    await sleep(run.param("stopSeconds") * 1000);
    cluster.temporal.start();
    const startedMs = performance.now();
    await done();
    run.most(`${step}: done after Temporal was back, ms`, Math.round(performance.now() - startedMs));
    const during = run.recorder.operations.filter(({ endNs }) => (endNs ?? 0n) >= startNs);
    const pauseMs = Math.round(longestPauseMs(during, startNs));
    run.most(`${step}: longest time without a write, ms`, pauseMs);
    if (pauseMs > noticedMs) run.violation(`${step}: no write was answered for ${pauseMs} ms`);
  });
  const after = await clusterAt(run, coordinator);
  if (after?.epoch !== (before?.epoch ?? 0) + 1)
    run.violation(`${step}: epoch ${before?.epoch} became ${after?.epoch}, so a change of voters was made twice`);
  return wasStopped;
}
