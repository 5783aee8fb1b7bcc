import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Clock, Random } from "../proposals/ports.ts";

const BUSY_WINDOW_MS = 100;

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    }),
  busyShare: createBusyShare(),
};

/** Measured over windows of a tenth of a second or more: asked more often, it says what it last said. */
function createBusyShare(): () => number {
  let last = performance.eventLoopUtilization();
  let lastMs = performance.now();
  let share = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - lastMs < BUSY_WINDOW_MS) return share;
    const now = performance.eventLoopUtilization();
    share = performance.eventLoopUtilization(now, last).utilization;
    last = now;
    lastMs = nowMs;
    return share;
  };
}

export const systemRandom: Random = {
  next: () => Math.random(),
  id: () => randomBytes(16).toString("hex"),
};
