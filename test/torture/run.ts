/** One case on a running cluster: healthy load, its faults, healed load, last reads from everywhere, then the verdict. */
import { setTimeout as sleep } from "node:timers/promises";
import { createDice } from "../../sim/random.ts";
import { createRecorder } from "../support/recorder.ts";
import type { Run, Span, TortureCase } from "./case.ts";
import type { TortureCluster } from "./cluster.ts";
import { figuresOf } from "./figures.ts";
import { clientTimeoutMs, readAll, startLoad, untilServed } from "./load.ts";
import type { Result } from "./report.ts";
import { judge, lostWrites, sameEverywhere } from "./verdict.ts";

/** From the end of the last fault until every datacenter says that it is ready: a run that takes longer is given up. */
const readyMsMax = 60_000;
export type Phases = {
  readonly healthyMs: number;
  readonly faultsMs: number;
  readonly healedMs: number;
  /** From the end of the last fault until every datacenter has answered a linearizable read of a busy key. Beyond it the run has failed. */
  readonly healedWithinMs: number;
};

type Wanted = {
  readonly suite: string;
  readonly torture: TortureCase;
  readonly seed: string;
  readonly phases: Phases;
  /** In place of the case's own. */
  readonly params?: Readonly<Record<string, number>>;
};

let runs = 0;

/** Never throws for what the cluster does: what went wrong is in the result. */
export async function runCase(cluster: TortureCluster, { suite, torture, seed, phases, params: wanted = {} }: Wanted): Promise<Result> {
  const params: Readonly<Record<string, number>> = { ...torture.params, ...wanted };
  const dice = createDice(seed);
  const prefix = `${torture.name}/${++runs}/`;
  const recorder = createRecorder(torture.timeoutMs ?? clientTimeoutMs);
  const violations: string[] = [];
  const spans: Span[] = [];
  const counts: Record<string, number> = {};
  const diedBefore = cluster.died.length;
  const deathsExpected: string[] = [];
  const killedBefore = { ...cluster.killed };
  const passedBefore = { ...cluster.links.counts };
  const startedMs = performance.now();
  const load = startLoad({ cluster, recorder, prefix, dice: dice.fork("load"), restMsMax: torture.restMsMax });
  await sleep(phases.healthyMs);
  const faultsFromMs = performance.now();
  const run: Run = {
    cluster,
    dice: dice.fork("faults"),
    recorder,
    load,
    prefix,
    endMs: faultsFromMs + phases.faultsMs,
    param(name) {
      const value = params[name];
      if (value === undefined) throw new RangeError(`${torture.name} has no ${name}`);
      return value;
    },
    async fault(name, at, during) {
      const fromMs = performance.now();
      try {
        await during();
      } finally {
        spans.push({ name, at, fromMs, toMs: performance.now() });
      }
    },
    count(name, more = 1) {
      counts[name] = (counts[name] ?? 0) + more;
    },
    most(name, value) {
      counts[name] = Math.max(counts[name] ?? 0, value);
    },
    expectDeath: (how = "SIGKILL") => void deathsExpected.push(how),
    violation: (what) => void violations.push(what),
  };
  await torture.inject(run).catch((error: unknown) => violations.push(`the case itself: ${(error as Error).stack ?? error}`));
  // Not after what a case waits for: that is the healing.
  const healFromMs = Math.max(...spans.map(({ toMs }) => toMs), faultsFromMs);
  const alive = cluster.datacenters.filter((each) => torture.lost?.includes(each) !== true);
  // What died without being asked to is started again here, and counted below.
  if (torture.spoils !== true) cluster.heal();
  const healMs = await cluster
    .untilReady(readyMsMax, alive)
    .then(() => untilServed(cluster, recorder, prefix, alive, readyMsMax))
    .then(() => performance.now() - healFromMs)
    .catch((error: unknown) => {
      violations.push(`not healed: ${(error as Error).message}`);
      return null;
    });
  if (healMs !== null && healMs > phases.healedWithinMs)
    violations.push(`healed only ${(healMs / 1000).toFixed(1)} s after the last fault, not within ${phases.healedWithinMs / 1000} s`);
  await sleep(phases.healedMs);
  await load.stop();
  const endMs = performance.now();
  for (const each of await readAll(cluster, recorder, prefix, alive)) violations.push(`no answer to the last read of ${each}`);
  violations.push(...(await sameEverywhere(cluster, alive, prefix)));
  const crashes = cluster.died.slice(diedBefore).filter(({ how }) => {
    const at = deathsExpected.indexOf(how);
    if (at >= 0) deathsExpected.splice(at, 1);
    return at < 0;
  });
  violations.push(...crashes.map(({ name, how, tail }) => `${name} died by itself (${how}): ${tail.slice(-1_500)}`));
  violations.push(...recorder.strange.slice(0, 5).map((answer) => `an answer that is not documented: ${answer}`));
  // A history of nothing shows nothing.
  if (recorder.operations.filter(({ status }) => status === "ok").length < 20) violations.push("hardly anything was answered ok");
  const judged = judge(recorder.operations);
  violations.push(...judged.violations);
  const lost = lostWrites(recorder.operations);
  if (lost > 0) violations.push(`${lost} acknowledged writes are lost`);
  if (torture.mustLose === true) {
    counts["violations, as it must be"] = violations.splice(0).length;
    if (lost === 0) violations.push("no acknowledged write was seen to be lost, though the case loses some");
  }
  for (const [name, value] of Object.entries(cluster.links.counts)) {
    const more = value - passedBefore[name as keyof typeof passedBefore];
    if (more > 0 && name !== "passed") counts[`messages ${name}`] = more;
  }
  return {
    suite,
    case: torture.name,
    fault: torture.fault,
    what: torture.what,
    datacenters: cluster.datacenters.length,
    seed,
    params,
    spans: spans.map((span) => ({ ...span, fromMs: span.fromMs - startedMs, toMs: span.toMs - startedMs })),
    counts,
    healMs,
    violations,
    lost,
    isSelfCheck: torture.mustLose === true,
    killed: {
      server: cluster.killed.server - killedBefore.server + (counts["servers ended at a step"] ?? 0),
      redis: cluster.killed.redis - killedBefore.redis,
      worker: cluster.killed.worker - killedBefore.worker,
    },
    crashes: crashes.length,
    checkMs: judged.ms,
    verdict: judged.verdict,
    ...figuresOf(recorder.operations, { startedMs, faultsFromMs, healFromMs, endMs }, cluster.datacenters),
    operations: recorder.operations,
  };
}
