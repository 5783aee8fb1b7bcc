/** Whether a cluster serves while its members change, and how long its writes wait for that. */
import type { Operation } from "../../sim/checker/history.ts";
import type { Run } from "./case.ts";
import { largestGaugeAt } from "./scrape.ts";

/** What a change of voters may cost, besides so many round trips. */
const pauseMsMax = 500;
const pauseRoundTripsMax = 8;

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

/** The largest round trip between datacenters as their servers measure it now. */
export async function roundTripMs({ cluster }: Run): Promise<number> {
  const alive = cluster.datacenters.filter((each) => cluster.pid(each, "server") !== null);
  const each = await Promise.all(alive.map((at) => largestGaugeAt(cluster.api(at), "epoxy_peer_smoothed_round_trip_seconds")));
  return 1000 * Math.max(0, ...each);
}

export function pauseAllowedMs(roundTrip: number): number {
  return Math.round(pauseRoundTripsMax * roundTrip + pauseMsMax);
}

/** Writes down how long none was answered of what was asked since `startNs`, and judges it. @param roundTrip of before, in milliseconds */
export function judgePause(run: Run, name: string, { startNs, roundTrip }: { readonly startNs: bigint; readonly roundTrip: number }): void {
  const during = run.recorder.operations.filter(({ endNs }) => (endNs ?? 0n) >= startNs);
  const pauseMs = Math.round(longestPauseMs(during, startNs));
  const allowedMs = pauseAllowedMs(roundTrip);
  run.most(`${name}: longest write, ms`, Math.round(longestWriteMs(during)));
  run.most(`${name}: largest round trip before, ms`, Math.round(roundTrip * 10) / 10);
  run.most(`${name}: longest time without a write, ms`, pauseMs);
  if (pauseMs > allowedMs) run.violation(`${name}: no write was answered for ${pauseMs} ms, where ${allowedMs} are allowed`);
}
