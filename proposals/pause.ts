import { limits } from "../protocol/limits.ts";

/**
 * How long those who come next may wait for others to share their cost with, in milliseconds. A process with time to spare
 * lets nobody wait; the busier it is, the more it gains: what an instance or a question to the voters costs hardly depends
 * on how many share it. PROPOSAL 66.
 */
export function pauseMs(busyShare: number, maxMs: number): number {
  return (maxMs * Math.max(0, busyShare - limits.pauseFromShare)) / (1 - limits.pauseFromShare);
}
