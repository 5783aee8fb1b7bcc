/** What is known of a change of members: from this datacenter's Temporal, else from the coordinator's datacenter. */
import type { Others } from "../console/others.ts";
import type { AppDeps, ReconfigurationView } from "./deps.ts";

/** How long `/v1/cluster` waits for the coordinator's word before it answers without. */
const WAIT_MS = 1_000;
/** A Temporal that all share has answered by then. */
const SHARED_MS = 200;

type View = ReconfigurationView | null;

/** null: it cannot be asked in this datacenter's Temporal, or does not answer at once. */
export function reconfigurationSoon({ reconfiguration, clock }: AppDeps): Promise<View> {
  return within(clock, WAIT_MS, reconfiguration());
}

/** null: neither this datacenter's Temporal nor the coordinator's datacenter says anything in time. */
export async function reconfigurationAnywhere(deps: AppDeps, others: Others, authorization: string | undefined): Promise<View> {
  const { self, members } = deps.replica.report();
  const coordinator = members?.members.find(({ id }) => id === members.coordinator);
  if (coordinator === undefined || coordinator.id === self) return reconfigurationSoon(deps);
  const here = deps.reconfiguration().catch(() => null);
  const early = await within(deps.clock, SHARED_MS, here);
  if (early !== null) return early;
  const there = others.viewAt(coordinator.apiUrl, authorization).then((view) => view.reconfiguration);
  return within(deps.clock, WAIT_MS - SHARED_MS, firstKnown(here, there));
}

async function within(clock: AppDeps["clock"], ms: number, asked: Promise<View>): Promise<View> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(() => null);
  const view = await Promise.race([asked.catch(() => null), late]);
  timer.abort();
  return view;
}

/** The first that says anything; null when none does. */
function firstKnown(...asked: readonly Promise<View>[]): Promise<View> {
  return Promise.any(asked.map((each) => each.then((view) => view ?? Promise.reject(new Error("not known"))))).catch(() => null);
}
