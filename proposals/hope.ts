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

/**
 * Of the slow path's round. Answers that agree save what is left of that round, and answers that differ cost the wait: where one has
 * differed already the next ones often do. Measured in bench/results/slow-path-wait.md.
 */
const WAIT_MAX = 0.25;

/** The answers that would make it fast are due soon, beside what the slow path, begun now, would take. */
export function fastIsNearer({ elapsedMs, awaitedMs, missing, slowMs }: Outlook): boolean {
  const dueMs = [...awaitedMs].sort((a, b) => a - b)[missing - 1];
  return dueMs !== undefined && dueMs <= elapsedMs + WAIT_MAX * slowMs;
}

/** When hope ends although an answer was worth waiting for: it is late. Milliseconds since the pre-accepts were sent. */
export function hopeEndsMs(roundTripsMs: readonly number[], slowMs: number): number {
  return 10 + 1.25 * Math.min(2 * slowMs, Math.max(slowMs, ...roundTripsMs));
}
