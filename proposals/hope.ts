/** Whether it is worth waiting for a fast quorum once a slow one has answered with other dependencies. PROPOSAL step 18. */

export type Outlook = {
  /** Since the pre-accepts were sent, in milliseconds. */
  readonly elapsedMs: number;
  /** Expected round trips of the voters that have not answered and may still; those that are not expected to are left out. */
  readonly awaitedMs: readonly number[];
  /** How many more of them the fast path needs. */
  readonly missing: number;
  /** Expected duration of the slow path's round. */
  readonly slowMs: number;
};

/** Of the slow path's round: at a tie there is nothing to win, and an answer that differs costs the wait. */
const GAIN_MIN = 0.1;

/** The answers that would make it fast are due clearly before the slow path, begun now, would be through. */
export function fastIsNearer({ elapsedMs, awaitedMs, missing, slowMs }: Outlook): boolean {
  const dueMs = [...awaitedMs].sort((a, b) => a - b)[missing - 1];
  return dueMs !== undefined && dueMs <= elapsedMs + (1 - GAIN_MIN) * slowMs;
}

/** When hope ends although an answer was worth waiting for: it is late. Milliseconds since the pre-accepts were sent. */
export function hopeEndsMs(roundTripsMs: readonly number[], slowMs: number): number {
  return 10 + 1.25 * Math.min(2 * slowMs, Math.max(slowMs, ...roundTripsMs));
}
