/** How what a replica throws becomes what Temporal retries or does not. */
import { CancelledFailure, Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { EpoxyError, ERRORS } from "../protocol/errors.ts";

/** Runs one activity's body: errors that a retry cannot mend end the activity, the others are retried. */
export async function activity<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof CancelledFailure || error instanceof ApplicationFailure) throw error;
    // What we were doing was given up: whatever came of it is the cancellation.
    if (Context.current().cancellationSignal.aborted) throw await Context.current().cancelled.catch((reason: unknown) => reason);
    if (error instanceof EpoxyError) {
      const final = !ERRORS[error.code].retryable && error.status < 500;
      throw ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable: final, cause: error });
    }
    throw error;
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
