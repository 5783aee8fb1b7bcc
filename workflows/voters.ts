/** The one hand that changes epochs: gathers the wishes of the fibers and carries them out, one epoch at a time. */
import { CancellationScope, condition, isCancellation, patched } from "@temporalio/workflow";
import { OPTIONS, patiently, StepRefused } from "./calls.ts";
import { type Ask, type Coordination, plannable, refresh, setError, takeVoters } from "./coordination.ts";
import { type NextStep, nextVoters } from "./plan.ts";

/** What `changeVoters` answers where too few of the next voters are there. */
const VOTERS_AWAY = "votersAway";

/** Runs until this run of the coordinator closes. */
export async function changeVotersAsAsked(c: Coordination): Promise<void> {
  let awayMs = 0;
  while (!c.closing) {
    await condition(() => c.closing || c.asks.size > 0);
    // Those who are about to be ready come along, or go along.
    const near: readonly NextStep["kind"][] = patched("leavers go along") ? ["check", "learn", "markLeaving"] : ["check", "learn"];
    await condition(() => c.closing || !companyIsNear(c, near), c.timing.batchMs);
    const asks = [...c.asks].filter(([, ask]) => ask.refusal === null);
    const ids = (kind: Ask["kind"]) => asks.filter(([, ask]) => ask.kind === kind).map(([, ask]) => ask.id);
    const target = c.closing ? null : nextVoters(plannable(c).view.voters, ids("come"), ids("go"));
    if (target === null) {
      const seen = c.wake;
      await condition(() => c.closing || c.wake !== seen);
      continue;
    }
    c.changingVoters = true;
    c.wake += 1;
    let away = false;
    try {
      away = (await changeTo(c, target, asks)) === "away";
    } finally {
      c.changingVoters = false;
      c.wake += 1;
    }
    awayMs = away ? Math.min(c.timing.failedHoldMs, Math.max(c.timing.retryFirstMs, 2 * awayMs)) : 0;
    // A worker that has just started may have heard of nobody yet, so it is soon asked again; others who come are no less welcome.
    const wishes = wishesOf(c);
    if (away) await condition(() => c.closing || wishesOf(c) !== wishes, awayMs);
  }
}

function wishesOf(c: Coordination): string {
  return JSON.stringify([...c.asks].filter(([, ask]) => ask.refusal === null).map(([ticket, { kind }]) => [ticket, kind]));
}

/** Somebody is on his way, at one of these steps, and nothing hinders him. */
function companyIsNear(c: Coordination, near: readonly NextStep["kind"][]): boolean {
  return [...c.fibers.values()].some(
    (f) => !f.done && f.error === null && !c.asks.has(f.ticket) && f.step !== null && near.includes(f.step.kind),
  );
}

async function changeTo(c: Coordination, voters: readonly number[], asks: readonly (readonly [string, Ask])[]): Promise<"tried" | "away"> {
  const withdrawn = () => c.closing || asks.some(([ticket, ask]) => c.asks.get(ticket) !== ask);
  const onError = (message: string) => {
    for (const [ticket] of asks) {
      const fiber = c.fibers.get(ticket);
      if (fiber !== undefined) setError(c, fiber, message);
    }
  };
  const { epoch } = plannable(c).view;
  const summary = `voters ${voters.join(", ")} in epoch ${epoch + 1}`;
  const scope = new CancellationScope();
  const activity = scope.run(() =>
    patiently({ timing: c.timing, options: OPTIONS.voters, summary, run: (a) => a.changeVoters({ epoch, voters }), onError }),
  );
  try {
    await scope.run(() => Promise.race([activity, condition(withdrawn)]));
    scope.cancel();
    takeVoters(c, await activity);
  } catch (error) {
    scope.cancel();
    if (error instanceof StepRefused && error.code === VOTERS_AWAY && patched("away is no refusal")) {
      onError(error.message);
      return "away";
    }
    if (error instanceof StepRefused) {
      for (const [, ask] of asks) ask.refusal = { code: error.code, message: error.message };
      return "tried";
    }
    if (!isCancellation(error)) throw error;
    // Given up halfway: whatever was decided before is what counts.
    if (!c.closing) await refresh(c, onError);
  }
  return "tried";
}
