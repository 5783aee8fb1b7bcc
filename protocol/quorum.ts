import { assert } from "./assert.ts";
import { limits } from "./limits.ts";

/** How many voters, the one who counts included, must agree. consensus section 0, spec/PROPOSAL.md step 1. */
export type Thresholds = {
  readonly n: number;
  /** Crashes tolerated. */
  readonly f: number;
  /** Crashes under which the fast path still works. */
  readonly e: number;
  /** n - f */
  readonly slow: number;
  /** n - e */
  readonly fast: number;
};

/**
 * @param n voters of an epoch, in [1, 9], odd or even
 * @throws InvariantViolation outside that range
 */
export function thresholds(n: number): Thresholds {
  assert(Number.isInteger(n) && n >= 1 && n <= limits.votersMax, `voters must be in [1, ${limits.votersMax}], got ${n}`);
  const f = Math.floor((n - 1) / 2);
  const e = Math.min(f, Math.floor((n - f + 1) / 2));
  assert(n >= 2 * f + 1, `n=${n}: two slow quorums could miss each other`);
  assert(n >= 2 * e + f - 1, `n=${n}: a fast commit could be missed by a recovery`);
  return { n, f, e, slow: n - f, fast: n - e };
}
