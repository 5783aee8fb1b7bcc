/** The one step that changes who votes. */
import { Context } from "@temporalio/activity";
import { EpoxyError } from "../protocol/errors.ts";
import { replicaId } from "../protocol/ids.ts";
import { activity, refused } from "./failures.ts";
import type { ActivityDeps } from "./index.ts";
import { type ClusterView, viewOf } from "./view.ts";

const CHANGE_TIMEOUT_MS = 20_000;
const HEARTBEAT_EVERY_MS = 1_000;

export function createVoterActivities({ replica, log }: ActivityDeps) {
  return {
    /**
     * Freeze, close, drain, activate, with no Temporal call between the steps. Decided by the old voters, so it may be run
     * again, taken over or doubled. Does nothing when an epoch after `epoch` has other voters than these: the caller looks anew.
     */
    async changeVoters(input: { readonly epoch: number; readonly voters: readonly number[] }): Promise<ClusterView> {
      return activity(async () => {
        const context = Context.current();
        const members = await replica.changeMembers(() => null, CHANGE_TIMEOUT_MS);
        const before = await viewOf(replica, members);
        const wanted = input.voters.map(replicaId);
        const same = JSON.stringify(before.voters) === JSON.stringify(wanted);
        if (members.coordinator !== before.self)
          throw refused(`the coordinator is datacenter ${members.coordinator} now`, "notCoordinator");
        if (before.epoch !== input.epoch && !same) return before;
        let phase = "freezing";
        context.heartbeat({ phase });
        const timer = setInterval(() => context.heartbeat({ phase }), HEARTBEAT_EVERY_MS);
        try {
          const onPhase = (now: string) => {
            phase = now;
            context.heartbeat({ phase });
          };
          const epoch = await replica.changeVoters(wanted, { timeoutMs: CHANGE_TIMEOUT_MS, signal: context.cancellationSignal, onPhase });
          log.info({ epoch, voters: wanted }, "the voters were changed");
        } catch (error) {
          // Not tried again as it is: others may come meanwhile, with whom it can be done.
          if (error instanceof EpoxyError && error.details["away"] !== undefined) throw refused(error.message, error.code);
          throw error;
        } finally {
          clearInterval(timer);
        }
        return viewOf(replica, members);
      });
    },
  };
}
