/** How long a message is on its way. */
import type { Dice } from "../sim/random.ts";
import { roundTripMs } from "./matrix.ts";
import type { Setting } from "./setting.ts";

/** Milliseconds from one datacenter to another, half the handling of a request and its answer included. */
export function oneWay({ matrix, placement, overheadMs, jitter }: Setting, dice: Dice | null, from: number, to: number): number {
  const way = roundTripMs(matrix, placement[from] as string, placement[to] as string) / 2;
  return way * (1 + (jitter > 0 && dice !== null ? jitter * dice.next() : 0)) + overheadMs / 2;
}
