/** What everything in one simulated run shares. */
import type { InstanceId } from "../protocol/types.ts";
import type { Cover } from "./cover.ts";
import type { Dice } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { Trace } from "./trace.ts";

/** Something that must never be. `invariant` is its number in consensus.md section 7, or a word. */
export type Violation = {
  readonly invariant: string;
  readonly message: string;
  readonly ids: readonly InstanceId[];
  readonly atMs: number;
};

export type World = {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly cover: Cover;
  /** The first one ends the run. */
  violation: Violation | null;
};

export function violate(world: World, invariant: string, message: string, ids: readonly InstanceId[] = []): void {
  world.trace.line(ids, () => `VIOLATION ${invariant}: ${message}`);
  world.violation ??= { invariant, message, ids, atMs: world.schedule.nowMs() };
}

/** Resolves after so many virtual milliseconds: for what is outside every process. */
export function pause(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => world.schedule.after(ms, resolve));
}

/** The promise's own end, or null once so many virtual milliseconds have passed. */
export function within<T>(world: World, ms: number, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const timer = world.schedule.after(ms, () => resolve(null));
    promise.then(
      (value) => {
        world.schedule.cancel(timer);
        resolve(value);
      },
      (error) => {
        world.schedule.cancel(timer);
        reject(error);
      },
    );
  });
}
