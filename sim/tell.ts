/** A failed run in words: what is broken, how to see it again, and the last lines about the instances concerned. */
import type { RunOptions, RunResult } from "./run.ts";

const LINES_MAX = 250;

export function replayCommand({ seed, replicas, operations }: RunOptions): string {
  const more = [replicas === undefined ? "" : ` --replicas ${replicas}`, operations === undefined ? "" : ` --operations ${operations}`];
  return `npm run sim -- --seeds 1 --from ${seed}${more.join("")} --trace`;
}

export function tellFailure(result: RunResult, fixed: Pick<RunOptions, "replicas" | "operations"> = {}): string {
  const { seed, violation, trace, plan, replicas } = result;
  if (violation === null) return `seed ${seed}: nothing is wrong`;
  return [
    `seed ${seed}: ${violation.invariant} at ${(violation.atMs / 1000).toFixed(3)} s of ${replicas} replicas: ${violation.message}`,
    `replay: ${replayCommand({ seed, ...fixed })}`,
    `plan: ${JSON.stringify(plan)}`,
    ...trace.about(violation.ids, LINES_MAX),
  ].join("\n");
}
