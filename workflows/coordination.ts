/** What one run of the coordinator holds in memory, and how it changes. Everything durable is in `state`. */
import { type CancellationScope, condition, log } from "@temporalio/workflow";
import type { VotersChanged } from "../activities/voters.ts";
import { OPTIONS, patiently } from "./calls.ts";
import { detailLine } from "./details.ts";
import {
  type CoordinatorInput,
  type Reconfiguration,
  type ReconfigurationPhase,
  type ReplicaProgress,
  TIMING,
  type Timing,
} from "./messages.ts";
import { adopt, type NextStep, nextStep, type Plannable, phaseOf } from "./plan.ts";
import { type ClusterView, type CoordinatorState, HISTORY_ENTRIES_MAX, initialState, upgrade } from "./state.ts";

/** What is being done for one ticket. */
export type Fiber = {
  readonly ticket: string;
  /** What it was started for: when that changes, it begins anew. */
  readonly basis: string;
  readonly scope: CancellationScope;
  done: boolean;
  step: NextStep | null;
  stage: string;
  since: number;
  error: string | null;
};

/** A fiber's wish for the next epoch. */
export type Ask = {
  readonly kind: "come" | "go";
  readonly id: number;
  refusal: { readonly code: string; readonly message: string } | null;
};

export type Coordination = {
  readonly input: CoordinatorInput;
  readonly timing: Timing;
  state: CoordinatorState;
  /** Counts everything that may give the main loop something to do. Predicates read this, never the history's length. */
  wake: number;
  /** This run is ending; `stopped`: for good, since another datacenter coordinates. */
  closing: boolean;
  stopped: boolean;
  changingVoters: boolean;
  /** An activity that answers with the members is under way; see `inTurn`. */
  membersBusy: boolean;
  readonly fibers: Map<string, Fiber>;
  readonly asks: Map<string, Ask>;
  readonly lags: Map<number, { readonly lag: number; readonly at: number; readonly ratePerSecond: number | null }>;
  phase: ReconfigurationPhase;
  phaseSince: number;
};

export function createCoordination(input: CoordinatorInput): Coordination {
  const state = upgrade(input.state ?? initialState());
  return {
    input,
    timing: { ...TIMING, ...input.timing },
    state: { ...state, runs: state.runs + 1 },
    wake: 1,
    closing: false,
    stopped: false,
    changingVoters: false,
    membersBusy: false,
    fibers: new Map(),
    asks: new Map(),
    lags: new Map(),
    phase: "settled",
    phaseSince: Date.now(),
  };
}

/** The part of the state that planning looks at. Not before the first view. */
export function plannable(c: Coordination): Plannable {
  if (c.state.view === null) throw new Error("the cluster was not read yet");
  return { desired: c.state.desired, learned: c.state.learned, view: c.state.view };
}

export function note(c: Coordination, text: string): void {
  const entry = { at: Date.now(), generation: c.state.desired.generation, text };
  c.state = { ...c.state, history: [...c.state.history, entry].slice(-HISTORY_ENTRIES_MAX) };
  log.info(text, { generation: entry.generation, ...(c.state.view === null ? {} : { epoch: c.state.view.epoch }) });
  c.wake += 1;
}

/** One at a time: two answers that overtake each other would put older members over newer ones. */
export async function inTurn(c: Coordination, run: () => Promise<void>): Promise<void> {
  // Again in a loop: two who wait are woken at once.
  while (c.membersBusy) await condition(() => !c.membersBusy);
  c.membersBusy = true;
  try {
    await run();
  } finally {
    c.membersBusy = false;
  }
}

/** A change of voters is long, so that it is in nobody's turn: its answer tells of the epoch alone. */
export function takeVoters(c: Coordination, { stepsMs = {}, ...view }: VotersChanged): void {
  const steps = Object.entries(stepsMs).map(([step, ms]) => `${step} ${ms} ms`);
  takeView(c, { ...view, members: plannable(c).view.members }, steps.length === 0 ? "" : ` (${steps.join(", ")})`);
}

/** Takes what the replicas say. The epoch of an answer may be overtaken by a change of voters; its members are not, see `inTurn`. */
export function takeView(c: Coordination, view: ClusterView, how = ""): void {
  const before = c.state.view;
  const overtaken = before !== null && view.epoch < before.epoch;
  c.state = { ...c.state, view: overtaken ? { ...view, epoch: before.epoch, voters: before.voters } : view };
  for (const peer of view.peers) takeLag(c, peer.id, peer.lag);
  if (view.members.coordinator !== view.self) c.stopped = true;
  if (before === null) {
    const { members, nextId } = view.members;
    // Higher than any generation of an earlier coordinator, whose count nobody may know: that of seconds.
    const first = view.epoch === 1 && members.length === 1 && nextId === 2 ? 0 : Math.floor(Date.now() / 1000);
    c.state = { ...c.state, desired: adopt(c.state.desired, view, first, c.input.waiting) };
    for (const { id, name, peerUrl } of c.state.desired.wanted) if (id === null) note(c, `still to add: ${name} (${peerUrl})`);
  }
  if (before !== null && before.epoch < view.epoch) note(c, `epoch ${view.epoch}: voters ${view.voters.join(", ")}${how}`);
  c.wake += 1;
}

function takeLag(c: Coordination, id: number, lag: number): void {
  const before = c.lags.get(id);
  const at = Date.now();
  const passedMs = before === undefined ? 0 : at - before.at;
  const ratePerSecond =
    before === undefined || passedMs < 1000 ? (before?.ratePerSecond ?? null) : Math.round(((before.lag - lag) * 1000) / passedMs);
  c.lags.set(id, { lag, at, ratePerSecond });
}

/** Reads the cluster through consensus; again until it is known. */
export async function refresh(c: Coordination, onError: (message: string) => void): Promise<void> {
  const { timing } = c;
  await inTurn(c, async () => {
    takeView(
      c,
      await patiently({
        timing,
        options: OPTIONS.change,
        summary: "read the cluster",
        run: (a) => a.readCluster({ fresh: true }),
        onError,
      }),
    );
  });
}

export function setStage(c: Coordination, fiber: Fiber, stage: string): void {
  if (fiber.stage !== stage) fiber.since = Date.now();
  fiber.stage = stage;
  fiber.error = null;
  c.wake += 1;
}

export function setError(c: Coordination, fiber: Fiber, message: string): void {
  if (fiber.error === message) return;
  fiber.error = message;
  c.wake += 1;
}

/** What people see now. */
export function describeNow(c: Coordination): Reconfiguration {
  const replicas = [...c.fibers.values()].filter((f) => !f.done).map((f) => progressOf(c, f));
  const detail = c.state.view === null ? "reading the cluster" : detailLine(replicas);
  const { phase, phaseSince: since } = c;
  return { generation: c.state.desired.generation, settledGeneration: c.state.settledGeneration, phase, since, detail, replicas };
}

/** Follows the phase of what the fibers do. */
export function updatePhase(c: Coordination): void {
  const running = [...c.fibers.values()].filter((f) => !f.done);
  const phase =
    c.state.view === null
      ? "checking"
      : phaseOf(
          running.map((f) => nextStep(plannable(c), f.ticket)),
          c.changingVoters,
        );
  if (phase === c.phase) return;
  c.phase = phase;
  c.phaseSince = Date.now();
}

function progressOf(c: Coordination, fiber: Fiber): ReplicaProgress {
  const entry = c.state.desired.wanted.find((w) => w.ticket === fiber.ticket);
  const member = c.state.view?.members.members.find((m) => `x${m.id}` === fiber.ticket);
  const id = entry?.id ?? member?.id ?? null;
  const lag = id === null || fiber.step?.kind !== "learn" ? undefined : c.lags.get(id);
  const { stage, since, error } = fiber;
  return {
    id,
    name: entry?.name ?? member?.name ?? fiber.ticket,
    stage,
    since,
    lag: lag?.lag ?? null,
    ratePerSecond: lag?.ratePerSecond ?? null,
    error,
  };
}
