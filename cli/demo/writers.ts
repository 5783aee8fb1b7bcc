/** Somebody who writes all the time, in the background of a step. */
import { setTimeout as sleep } from "node:timers/promises";
import { RequestError } from "../../client/errors.ts";
import { clientOf, type Stage } from "./stage.ts";

export type Written = { readonly acknowledged: number; readonly refused: number; readonly unknown: number; readonly longestGapMs: number };
export type Writers = {
  /** Acknowledged so far. */
  count(): number;
  stop(): Promise<Written>;
};

const pauseMs = 10;

/** One writer a datacenter, one write after the other, each to a key of its own. */
export function startWriters(stage: Stage, numbers: readonly number[], prefix: string): Writers {
  const tally = { acknowledged: 0, refused: 0, unknown: 0, longestGapMs: 0 };
  let running = true;
  let lastMs = performance.now();

  async function write(number: number): Promise<void> {
    for (let count = 0; running && !stage.signal.aborted; count++) {
      const key = `${prefix}/${number}/${count}`;
      const value = `${number}-${count}`;
      try {
        await clientOf(stage, number).put(key, value);
        stage.acknowledged.set(key, value);
        tally.acknowledged++;
        const nowMs = performance.now();
        tally.longestGapMs = Math.max(tally.longestGapMs, nowMs - lastMs);
        lastMs = nowMs;
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        if (error.outcome === "unknown") {
          tally.unknown++;
          stage.unknown.set(key, value);
        } else tally.refused++;
      }
      await sleep(pauseMs);
    }
  }

  const all = Promise.all(numbers.map(write));
  // Whoever stops them hears of it; until then it must not end the process.
  all.catch(() => undefined);
  return {
    count: () => tally.acknowledged,
    async stop() {
      running = false;
      await all;
      return { ...tally };
    },
  };
}
