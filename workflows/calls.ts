/** Calling activities: patiently, with the last error where people see it. */

import { ApplicationFailure, RetryState, TimeoutFailure } from "@temporalio/common";
import { ActivityCancellationType, ActivityFailure, type ActivityOptions, isCancellation, proxyActivities } from "@temporalio/workflow";
import type { Activities } from "../activities/index.ts";
import type { Timing } from "./messages.ts";

/** A step that a retry cannot mend: what is wanted, or the world, must change first. */
export class StepRefused extends Error {
  override readonly name = "StepRefused";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The server retries by itself, unseen by the workflow; so each round ends after this many attempts, to learn the error. */
const ROUND_ATTEMPTS = [2, 8, 30, 120] as const;

const FIVE_SECONDS = { startToCloseTimeout: "5 seconds", cancellationType: ActivityCancellationType.TRY_CANCEL } as const;
/** Activities beat every second: one that has not for so long was in a worker that is gone. */
const heartbeatTimeout = "5 seconds";
/** Shapes of activities; temporal.md 2.4. */
export const OPTIONS = {
  ask: FIVE_SECONDS,
  /** The one who is told tells its own Temporal before it answers. */
  tell: { startToCloseTimeout: "15 seconds", heartbeatTimeout, cancellationType: ActivityCancellationType.TRY_CANCEL },
  /** Its result is wanted even when it was given up meanwhile: what it did is done. */
  change: { startToCloseTimeout: "15 seconds", heartbeatTimeout, cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED },
  voters: {
    startToCloseTimeout: "1 minute",
    heartbeatTimeout,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },
  copy: {
    startToCloseTimeout: "10 minutes",
    // Storing a page can keep a small machine busy for a while.
    heartbeatTimeout: "15 seconds",
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  },
} as const satisfies Record<string, ActivityOptions>;

export type Call<T> = {
  readonly timing: Timing;
  readonly options: ActivityOptions;
  /** What the timeline shows. */
  readonly summary: string;
  readonly run: (activities: Activities) => Promise<T>;
  readonly onError: (message: string) => void;
};

/**
 * Runs an activity until it succeeds, for ever.
 *
 * @throws StepRefused when a retry cannot mend it
 */
export async function patiently<T>({ timing, options, summary, run, onError }: Call<T>): Promise<T> {
  for (let round = 0; ; round++) {
    const maximumAttempts = ROUND_ATTEMPTS[Math.min(round, ROUND_ATTEMPTS.length - 1)] ?? 1;
    // A later round goes on at the pace which the one before it had reached.
    const initialInterval = round < 2 ? timing.retryFirstMs : timing.retryMaxMs;
    const retry = { initialInterval, backoffCoefficient: 2, maximumInterval: timing.retryMaxMs, maximumAttempts };
    try {
      return await run(proxyActivities<Activities>({ ...options, retry, summary }));
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      const { code, message, final } = describe(error);
      if (final) throw new StepRefused(code, message);
      onError(message);
    }
  }
}

/** Once, and whatever comes of it: a courtesy that nothing depends on. */
export async function courtesy(summary: string, run: (activities: Activities) => Promise<void>): Promise<void> {
  try {
    await run(
      proxyActivities<Activities>({ ...OPTIONS.ask, scheduleToCloseTimeout: "10 seconds", retry: { maximumAttempts: 2 }, summary }),
    );
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  }
}

function describe(failure: ActivityFailure): { readonly code: string; readonly message: string; readonly final: boolean } {
  const final = failure.retryState === RetryState.NON_RETRYABLE_FAILURE;
  const cause = failure.cause;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? "internal", message: cause.message, final };
  if (cause instanceof TimeoutFailure) return { code: "requestTimeout", message: `${failure.activityType} timed out`, final: false };
  return { code: "internal", message: cause?.message ?? failure.message, final };
}
