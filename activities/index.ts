/** The I/O of workflows. Every activity may run twice, also at once: each is written so that the second run changes nothing. */
import type { Replica } from "../proposals/api.ts";
import type { Logger } from "../proposals/ports.ts";
import { createLearningActivities } from "./learning.ts";
import { createMembershipActivities } from "./membership.ts";
import { createVoterActivities } from "./voters.ts";

export type ActivityDeps = {
  readonly replica: Replica;
  readonly log: Logger;
  /** Wall clock, for paging only. */
  readonly nowMs?: () => number;
};

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(deps: ActivityDeps) {
  return { ...createMembershipActivities(deps), ...createVoterActivities(deps), ...createLearningActivities(deps) };
}
