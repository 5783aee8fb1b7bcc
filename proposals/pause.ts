/** How long those who come next wait for others to share their cost with. PROPOSAL 66. */
import { limits } from "../protocol/limits.ts";
import type { Clock } from "./ports.ts";

/** Who there is to share with: how many are under way, and how many came in each millisecond of late. */
export type Crowd = { underWay: number; arrived: number; sinceMs: number; perMs: number };

const WINDOW_MS = 100;

export function emptyCrowd(): Crowd {
  return { underWay: 0, arrived: 0, sinceMs: Number.NEGATIVE_INFINITY, perMs: 0 };
}

/** One more is under way, until `leave`. */
export function arrive(crowd: Crowd, nowMs: number): void {
  crowd.underWay++;
  crowd.arrived++;
  const passedMs = nowMs - crowd.sinceMs;
  if (passedMs < WINDOW_MS) return;
  crowd.perMs = crowd.arrived / passedMs;
  crowd.arrived = 0;
  crowd.sinceMs = nowMs;
}

export function leave(crowd: Crowd): void {
  crowd.underWay--;
}

/** What a process that is this busy may take longer for, at most `maxMs`, to have less to do; one with time to spare nothing. */
export function busyMs(clock: Clock, maxMs: number): number {
  return (maxMs * Math.max(0, clock.busyShare() - limits.pauseFromShare)) / (1 - limits.pauseFromShare);
}

/** The same where others are to be waited for: nothing unless some can be expected by then, since a pause that gathers nobody only delays. */
export function pauseMs(clock: Clock, crowd: Crowd, maxMs: number): number {
  const ms = busyMs(clock, maxMs);
  return Math.min(crowd.underWay, crowd.perMs * ms) < limits.pauseCompanyMin ? 0 : ms;
}
