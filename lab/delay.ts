/** How long a message is on its way. */
import type { Dice } from "../sim/random.ts";
import { roundTripMs } from "./matrix.ts";
import type { Setting } from "./setting.ts";

/** Milliseconds from one datacenter to another, half the handling of a request and its answer included. */
export function oneWay({ matrix, placement, overheadMs, jitter }: Setting, dice: Dice | null, from: number, to: number): number {
  const way = roundTripMs(matrix, placement[from] as string, placement[to] as string) / 2;
  return way * (1 + (jitter > 0 && dice !== null ? jitter * dice.next() : 0)) + handlingMs(overheadMs, dice) / 2;
}

/** Without dice the middle one: what may be expected. */
function handlingMs(overheadMs: Setting["overheadMs"], dice: Dice | null): number {
  if (typeof overheadMs === "number") return overheadMs;
  if (dice !== null) return dice.pick(overheadMs);
  return [...overheadMs].sort((a, b) => a - b)[overheadMs.length >> 1] ?? 0;
}
