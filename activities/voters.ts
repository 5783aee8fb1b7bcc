/** The one step that changes who votes. */
import { Context } from "@temporalio/activity";
import { about } from "../proposals/log-subject.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { replicaId } from "../protocol/ids.ts";
import { activity, refused } from "./failures.ts";
import type { ActivityDeps } from "./index.ts";
import { type ClusterView, viewOf } from "./view.ts";

const CHANGE_TIMEOUT_MS = 20_000;
/** Refused for now: too few of the voters that are asked for are there. */
const VOTERS_AWAY = "votersAway";

export function createVoterActivities({ replica, log }: ActivityDeps) {
  return {
    /**
     * Freeze, close, drain, activate, with no Temporal call between the steps. Decided by the old voters, so it may be run
     * again, taken over or doubled. Does nothing when an epoch after `epoch` has other voters than these: the caller looks anew.
     */
    async changeVoters(input: { readonly epoch: number; readonly voters: readonly number[] }): Promise<ClusterView> {
      return activity(async (beat) => {
        beat({ phase: "freezing" });
        const members = await replica.changeMembers(() => null, CHANGE_TIMEOUT_MS);
        const before = await viewOf(replica, members);
        const wanted = input.voters.map(replicaId);
        const same = JSON.stringify(before.voters) === JSON.stringify(wanted);
        if (members.coordinator !== before.self)
          throw refused(`the coordinator is datacenter ${members.coordinator} now`, "notCoordinator");
        if (before.epoch !== input.epoch && !same) return before;
        const options = {
          timeoutMs: CHANGE_TIMEOUT_MS,
          signal: Context.current().cancellationSignal,
          onPhase: (phase: string) => beat({ phase }),
        };
        try {
          const epoch = await replica.changeVoters(wanted, options);
          about(log, { epoch }).info({ voters: wanted }, "the voters were changed");
        } catch (error) {
          // Not tried again as it is: others may come meanwhile, with whom it can be done.
          if (error instanceof EpoxyError && error.details["away"] !== undefined) throw refused(error.message, VOTERS_AWAY);
          throw error;
        }
        return viewOf(replica, members);
      });
    },
  };
}
