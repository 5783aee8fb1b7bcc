/** How bad things are: drawn once a run, and calm again at its end. Ratios are probabilities of one message or one store operation. */
import type { Dice } from "./random.ts";

export type Weather = {
  /** Of each way: requests and replies get lost by themselves. */
  readonly loss: number;
  /** Replies only, beyond `loss`: the other side has acted. */
  readonly replyLoss: number;
  readonly duplicate: number;
  /** Held back for up to `slowMs`: comes after everything sent later, also after its sender has given up. */
  readonly slow: number;
  readonly slowMs: number;
  /** Of commits: the process ends right before or right after the write. */
  readonly crash: number;
  /** Of store operations: sent again by the store, refused, or in doubt. */
  readonly storeTrouble: number;
  /** Longest ordinary way to the store. 0: none at all. */
  readonly storeMs: number;
  /** Of store operations: the disk takes up to a second. */
  readonly storeSlow: number;
  /** Of pages of a copy: a record gets lost, once for each newcomer. Nothing of the protocol's faults, but what comparing is for. */
  readonly spoils: number;
  /** What a copy ends with does not say what its source holds, as an older build does not: then the end of the epoch has to tell. */
  readonly silent: boolean;
};

export const CALM: Weather = {
  loss: 0,
  replyLoss: 0,
  duplicate: 0,
  slow: 0,
  slowMs: 0,
  crash: 0,
  storeTrouble: 0,
  storeMs: 0,
  storeSlow: 0,
  spoils: 0,
  silent: false,
};

/** Copies made while a cluster forms: nobody is cut off then, so whatever differs is found. */
export function drawForming(dice: Dice): Weather {
  return { ...CALM, spoils: dice.pick([0, 0, 1]), silent: dice.chance(0.7) };
}

export function drawWeather(dice: Dice): Weather {
  return {
    loss: dice.pick([0, 0, 0.01, 0.05, 0.2]),
    replyLoss: dice.pick([0, 0, 0.02, 0.1]),
    duplicate: dice.pick([0, 0.01, 0.1]),
    slow: dice.pick([0, 0.005, 0.03]),
    slowMs: dice.pick([300, 2_000, 15_000]),
    crash: dice.pick([0, 0, 0.0003, 0.002]),
    storeTrouble: dice.pick([0, 0, 0.001, 0.01]),
    storeMs: dice.pick([0, 0, 0, 0.5, 3]),
    storeSlow: dice.pick([0, 0, 0.0005]),
    spoils: dice.pick([0, 0, 0.5]),
    silent: false,
  };
}
