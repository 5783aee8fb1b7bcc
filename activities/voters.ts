/** The one step that changes who votes. */
import { Context } from "@temporalio/activity";
import { about } from "../proposals/log-subject.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { replicaId } from "../protocol/ids.ts";
import { activity, refused } from "./failures.ts";
import type { ActivityDeps } from "./index.ts";
import { type ClusterView, viewOf } from "./view.ts";

const CHANGE_TIMEOUT_MS = 20_000;
/** The new cluster, and how long each step of the change took here, in milliseconds. Workflows of before have no times. */
export type VotersChanged = ClusterView & { readonly stepsMs?: Readonly<Record<string, number>> };
/** Refused for now: too few of the voters that are asked for are there. */
const VOTERS_AWAY = "votersAway";

export function createVoterActivities({ replica, log }: ActivityDeps) {
  return {
    /**
     * Freeze, close, drain, activate, with no Temporal call between the steps. Decided by the old voters, so it may be run
     * again, taken over or doubled. Does nothing when an epoch after `epoch` has other voters than these: the caller looks anew.
     */
    async changeVoters(input: { readonly epoch: number; readonly voters: readonly number[] }): Promise<VotersChanged> {
      return activity(async (beat) => {
        beat({ phase: "freezing" });
        const members = await replica.changeMembers(() => null, CHANGE_TIMEOUT_MS);
        const before = await viewOf(replica, members);
        const wanted = input.voters.map(replicaId);
        const same = JSON.stringify(before.voters) === JSON.stringify(wanted);
        if (members.coordinator !== before.self)
          throw refused(`the coordinator is datacenter ${members.coordinator} now`, "notCoordinator");
        if (before.epoch !== input.epoch && !same) return before;
        const watch = stopwatch();
        const options = {
          timeoutMs: CHANGE_TIMEOUT_MS,
          signal: Context.current().cancellationSignal,
          onPhase: (phase: string) => beat({ phase, stepsMs: watch.next(phase) }),
        };
        try {
          const epoch = await replica.changeVoters(wanted, options);
          about(log, { epoch }).info({ voters: wanted, stepsMs: watch.next(null) }, "the voters were changed");
        } catch (error) {
          // Not tried again as it is: others may come meanwhile, with whom it can be done.
          if (error instanceof EpoxyError && error.details["away"] !== undefined) throw refused(error.message, VOTERS_AWAY);
          throw error;
        }
        return { ...(await viewOf(replica, members)), stepsMs: watch.next(null) };
      });
    },
  };
}

/** How long each of some steps took that follow one another; one that comes again is added to. */
function stopwatch() {
  const stepsMs: Record<string, number> = {};
  let current: string | null = null;
  let sinceMs = performance.now();
  return {
    /** Begins the next step; null: there is none. @returns the steps that have ended */
    next(step: string | null): Readonly<Record<string, number>> {
      const nowMs = performance.now();
      if (current !== null) stepsMs[current] = Math.round((stepsMs[current] ?? 0) + nowMs - sinceMs);
      [current, sinceMs] = [step, nowMs];
      return { ...stepsMs };
    },
  };
}
