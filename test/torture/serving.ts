/** Whether a cluster serves while its members change, and how long its writes wait for that. */
import type { Operation } from "../../sim/checker/history.ts";
import type { Run } from "./case.ts";

/** Everything that is asked meanwhile must be answered ok. */
export async function serving(run: Run, during: () => Promise<void>): Promise<void> {
  const before = run.recorder.operations.length;
  await during();
  const asked = run.recorder.operations.slice(before);
  const failed = asked.filter(({ status }) => status !== "ok");
  run.count("requests meanwhile", asked.length);
  run.count("requests that failed", failed.length);
  for (const each of failed.slice(0, 5))
    run.violation(`${each.op} of ${each.client} was not answered ok but ${each.status} after ${Math.round(tookMs(each))} ms`);
}

function isWrite({ op }: Operation): boolean {
  return op === "set" || op === "delete" || op === "checkAndSet" || op === "add";
}

function tookMs({ startNs, endNs }: Operation): number {
  return Number(endNs ?? startNs) / 1e6 - Number(startNs) / 1e6;
}

export function longestWriteMs(operations: readonly Operation[]): number {
  return operations.filter(isWrite).reduce((most, each) => Math.max(most, tookMs(each)), 0);
}

/** The longest time in which no write of any client was answered. */
export function longestPauseMs(operations: readonly Operation[], fromNs: bigint): number {
  const ends = operations.filter(isWrite).map(({ endNs, startNs }) => (Number(endNs ?? startNs) - Number(fromNs)) / 1e6);
  let last = 0;
  let most = 0;
  for (const end of ends.sort((a, b) => a - b)) {
    most = Math.max(most, end - last);
    last = end;
  }
  return most;
}
