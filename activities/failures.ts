/** How what a replica throws becomes what Temporal retries or does not. */
import { CancelledFailure, Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { EpoxyError, ERRORS } from "../protocol/errors.ts";

const BEAT_EVERY_MS = 1_000;

/** Says how far an activity is. Its next attempt finds the last one. */
export type Beat = (details: unknown) => void;

/**
 * Runs one activity's body: errors that a retry cannot mend end the activity, the others are retried. It beats all the while,
 * since a worker that was killed is noticed by nothing else before the activity's whole time is over.
 */
export async function activity<T>(body: (beat: Beat) => Promise<T>): Promise<T> {
  const context = Context.current();
  let last: unknown = context.info.heartbeatDetails;
  const beat = (details: unknown) => {
    last = details;
    context.heartbeat(details);
  };
  const timer = setInterval(() => context.heartbeat(last), BEAT_EVERY_MS);
  try {
    return await body(beat);
  } catch (error) {
    if (error instanceof CancelledFailure || error instanceof ApplicationFailure) throw error;
    // What we were doing was given up: whatever came of it is the cancellation.
    if (context.cancellationSignal.aborted) throw await context.cancelled.catch((reason: unknown) => reason);
    if (error instanceof EpoxyError) {
      const final = !ERRORS[error.code].retryable && error.status < 500;
      throw ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable: final, cause: error });
    }
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** A refusal that only a person, or another desired set, can mend. */
export function refused(message: string, type = "badRequest"): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}

/** Waits, or ends at once when the activity is cancelled or its worker stops. */
export async function pause(ms: number): Promise<void> {
  await Context.current().sleep(ms);
}
