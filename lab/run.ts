/** One setting, from an empty world to its report. The same setting gives the same report, to the bit. */
import { createCover } from "../sim/cover.ts";
import { createDice } from "../sim/random.ts";
import { createSchedule } from "../sim/schedule.ts";
import { createTrace } from "../sim/trace.ts";
import { pause, type World } from "../sim/world.ts";
import { judge } from "./judge.ts";
import { LabInputError } from "./matrix.ts";
import { createModelCluster, modelOf } from "./model-cluster.ts";
import { type LabReport, summarize } from "./report.ts";
import { isShipped, type Operation, type Setting } from "./setting.ts";
import { createShippedCluster } from "./shipped-cluster.ts";
import { runWorkload } from "./workload.ts";

const REPLICAS_MAX = 9;

/** Safety is judged of every run. @throws LabInputError for a setting that cannot be run @throws Error when a run was not safe */
export async function runSetting(setting: Setting): Promise<LabReport> {
  check(setting);
  const schedule = createSchedule();
  const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: false });
  const world: World = { schedule, dice: createDice(`lab ${setting.seed}`), trace, cover: createCover(), violation: null };
  const cluster = isShipped(setting.protocol)
    ? createShippedCluster(world, setting)
    : createModelCluster(schedule, world.dice.fork("ways"), setting, modelOf(setting.protocol, setting.leader));
  let report: LabReport | null = null;
  let failure: unknown = null;
  const { stackTraceLimit } = Error;
  // Nobody reads the stacks of requests that are given up.
  Error.stackTraceLimit = 0;
  const story = async () => {
    await cluster.form();
    await pause(world, setting.warmupSeconds * 1_000);
    const startMs = schedule.nowMs();
    const before = cluster.traffic();
    const operations = await runWorkload(world, cluster, setting, startMs + setting.seconds * 1_000);
    const after = cluster.traffic();
    // What is on its way arrives.
    await pause(world, 3_000);
    const wrong = judge(cluster, operations);
    if (wrong.length > 0) throw new Error(`${setting.protocol} was not safe: ${wrong.slice(0, 3).join("; ")}`);
    report = summarize(setting, counted(setting, operations, startMs), {
      messages: after.messages - before.messages,
      bytes: after.bytes - before.bytes,
      operations: operations.length,
    });
  };
  try {
    void story().catch((error: unknown) => {
      failure = error ?? new Error("the run failed");
    });
    await schedule.run(() => report !== null || failure !== null || world.violation !== null);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (failure !== null) throw failure;
  if (world.violation !== null) throw new Error(`${setting.protocol} was not safe: ${JSON.stringify(world.violation)}`);
  if (report === null) throw new Error(`${setting.protocol} came to a halt`);
  return report;
}

/** Those begun once the first ones of all clients were over. */
function counted({ workload }: Setting, operations: readonly Operation[], startMs: number): Operation[] {
  const settleMs = workload.openPerSecond === null ? 1_000 : 0;
  return operations.filter((each) => each.startMs >= startMs + settleMs);
}

function check({ placement, protocol, down, seconds, leader, workload }: Setting): void {
  const n = placement.length;
  if (n < 3 || n > REPLICAS_MAX) throw new LabInputError(`the lab runs 3 to ${REPLICAS_MAX} datacenters, not ${n}`);
  if (!isShipped(protocol) && down !== null) throw new LabInputError(`${protocol} is run without failures only`);
  if (/-f2$/.test(protocol) && n < 5) throw new LabInputError(`${protocol} takes at least 5 datacenters`);
  if (!(seconds >= 2)) throw new LabInputError("a run takes at least 2 seconds: the first one does not count");
  if (leader < 0 || leader >= n || (down !== null && down >= n)) throw new LabInputError("there is no such datacenter");
  for (const share of [workload.readShare, workload.keys.kind === "conflicts" ? workload.keys.share : 0])
    if (!(share >= 0 && share <= 1)) throw new LabInputError(`a share is a number from 0 to 1, not ${share}`);
}
