import { runSeed } from "../../sim/run.ts";

export type SeedsResult = { readonly seeds: number; readonly seconds: number; readonly violation: string | null };

/** Runs seeds until one breaks an invariant, the last one is done, or the time is over. */
export async function runSeeds(input: {
  readonly from: number;
  readonly count: number;
  readonly operations: number;
  readonly secondsMax: number;
}): Promise<SeedsResult> {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  for (let at = 0; at < input.count; at++) {
    if (seconds() > input.secondsMax) return { seeds: at, seconds: seconds(), violation: null };
    const { violation } = await runSeed({ seed: input.from + at, operations: input.operations });
    if (violation !== null) return { seeds: at + 1, seconds: seconds(), violation: violation.invariant };
  }
  return { seeds: input.count, seconds: seconds(), violation: null };
}
