/** Owns the desired set of a cluster's replicas and brings the actual one to it. One per cluster, in the coordinator's datacenter; runs for ever. */

import { ApplicationFailure } from "@temporalio/common";
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import { copyAnew } from "../protocol/epoch-end.ts";
import { accept, CHANGES, Refusal } from "./accept.ts";
import { type Coordination, createCoordination, describeNow, type Fiber, note, plannable, refresh, updatePhase } from "./coordination.ts";
import { coordinatorDetails } from "./details.ts";
import * as messages from "./messages.ts";
import { learnIdOf, nextStep, unfinished, waitingOf } from "./plan.ts";
import { runFiber } from "./steps.ts";
import { changeVotersAsAsked } from "./voters.ts";

const HISTORY_HARD_FACTOR = 3;
const SETTLED_WAIT_MS_MAX = 60_000;
const DESCRIPTIONS: Readonly<Record<messages.ChangeName, string>> = {
  addReplica: 'Adds a datacenter: {"name","peerUrl","apiUrl","voter"?}',
  removeReplica: 'Removes a datacenter: {"id"}',
  replaceReplica: 'Adds one, then removes another: {"id","by":{"name","peerUrl","apiUrl"}}',
  setReplicas: 'Sets the whole desired set: {"replicas":[…],"expectedGeneration"?}',
  updateReplica: 'Changes where a datacenter is reached: {"id","peerUrl"?,"apiUrl"?}',
  cancelReconfiguration: 'Gives up what is under way: {"generation"}',
};

/** Resolves only when another datacenter has become the coordinator's. */
export async function coordinator(input: messages.CoordinatorInput): Promise<void> {
  const c = createCoordination(input);
  // Before the first await: a message may already be waiting.
  handleChanges(c);
  handleQuestions(c);
  const published = { details: "", attributes: "", waiting: JSON.stringify(waitingOf(c.state.desired)) };
  publish(c, published);
  await refresh(c, (message) => setCurrentDetails(`Reading the cluster: ${message}. It is tried again without end.`));
  const voters = changeVotersAsAsked(c);

  while (!c.stopped) {
    const seen = c.wake;
    reconcile(c);
    publish(c, published);
    if (historyIsLong(c)) break;
    const woken = await condition(() => c.wake !== seen, c.timing.refreshMs);
    if (!woken) await refresh(c, (message) => note(c, message));
  }
  await close(c, voters);
  if (c.stopped) {
    setCurrentDetails(`Datacenter ${c.state.view?.members.coordinator} has the coordinator now.`);
    return;
  }
  const { waiting: _, ...rest } = input;
  await continueAsNew<typeof coordinator>({ ...rest, state: c.state });
}

/** The one place that looks at the history's length, and only after a wake: see CONTRIBUTING. */
function historyIsLong(c: Coordination): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  if (historyLength > c.timing.historyEventsMax * HISTORY_HARD_FACTOR) return true;
  return c.fibers.size === 0 && (continueAsNewSuggested || historyLength > c.timing.historyEventsMax);
}

async function close(c: Coordination, voters: Promise<void>): Promise<void> {
  c.closing = true;
  for (const fiber of c.fibers.values()) fiber.scope.cancel();
  await voters;
  await condition(() => [...c.fibers.values()].every((f) => f.done));
  await condition(allHandlersFinished);
}

/** A fiber for everyone for whom something is to be done, none for anyone else. */
function reconcile(c: Coordination): void {
  const needed = unfinished(plannable(c));
  for (const [ticket, fiber] of [...c.fibers]) {
    if (!fiber.done && needed.includes(ticket) && fiber.basis === basisOf(c, ticket)) continue;
    fiber.scope.cancel();
    // Its successor waits for its end: a step may not run twice at once.
    if (fiber.done) c.fibers.delete(ticket);
  }
  for (const ticket of needed) if (!c.fibers.has(ticket)) startFiber(c, ticket);
  const { desired, settledGeneration } = c.state;
  if (needed.length > 0 || c.fibers.size > 0 || c.changingVoters || settledGeneration >= desired.generation) return;
  c.state = {
    ...c.state,
    settledGeneration: desired.generation,
    desired: { ...desired, after: [], settledTickets: desired.wanted.map((w) => w.ticket) },
  };
  note(c, `generation ${desired.generation} is settled`);
}

function startFiber(c: Coordination, ticket: string): void {
  const scope = new CancellationScope();
  const fiber: Fiber = {
    ticket,
    basis: basisOf(c, ticket),
    scope,
    done: false,
    step: nextStep(plannable(c), ticket),
    stage: "starting",
    since: Date.now(),
    error: null,
  };
  c.fibers.set(ticket, fiber);
  // Not awaited here: its end is a wake, and an error that is no cancellation fails the workflow task, as it should.
  void scope
    .run(() => runFiber(c, fiber))
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    })
    .finally(() => {
      fiber.done = true;
      c.wake += 1;
    });
}

/** What a fiber works towards. The id is not part of it: that is found on the way. */
function basisOf(c: Coordination, ticket: string): string {
  const entry = c.state.desired.wanted.find((w) => w.ticket === ticket);
  return entry === undefined ? ticket : JSON.stringify([entry.name, entry.peerUrl, entry.apiUrl, entry.voter]);
}

function handleChanges(c: Coordination): void {
  for (const name of CHANGES) {
    const validator = (argument: unknown) => validate(c, name, argument);
    setHandler(defineUpdate<messages.Accepted, [unknown]>(name), (argument) => change(c, name, argument), {
      validator,
      description: `${DESCRIPTIONS[name]}; answers at once`,
    });
    const signalled = async (argument: unknown) => {
      // Nobody waits for the answer, so a refusal goes to where people look.
      await change(c, name, argument).catch((error: unknown) =>
        note(c, `refused ${name}: ${error instanceof Error ? error.message : String(error)}`),
      );
    };
    setHandler(defineSignal<[unknown]>(name), signalled, { description: DESCRIPTIONS[name] });
  }
  setHandler(messages.replicaStatusChanged, (status) => replicaStatusChanged(c, status), {
    description: "From a replica: what became of it",
  });
  setHandler(messages.awaitSettled, (request) => awaitSettled(c, request), {
    description: "Waits, at most ms milliseconds, until a generation is settled",
  });
}

/** Synchronous: the SDK would not wait for a promise and so never refuse. Refused here, nothing is recorded. */
function validate(c: Coordination, name: messages.ChangeName, argument: unknown): void {
  if (c.stopped) throw failure("coordinatorUnreachable", "another datacenter has the coordinator now");
  if (c.state.view === null) return;
  try {
    accept(c.state.desired, c.state.view, c.state.settledGeneration, name, argument);
  } catch (error) {
    throw error instanceof Refusal ? failure(error.code, error.message) : error;
  }
}

async function change(c: Coordination, name: messages.ChangeName, argument: unknown): Promise<messages.Accepted> {
  await condition(() => c.state.view !== null);
  validate(c, name, argument);
  const { desired, id, text } = accept(c.state.desired, plannable(c).view, c.state.settledGeneration, name, argument);
  const changed = desired.generation !== c.state.desired.generation;
  c.state = { ...c.state, desired };
  if (changed) note(c, text);
  return { generation: desired.generation, id };
}

function failure(code: string, message: string): ApplicationFailure {
  const refusal = ApplicationFailure.nonRetryable(message, code);
  // It is shown to whoever sent the update, and says nothing to him.
  refusal.stack = "";
  return refusal;
}

async function awaitSettled(c: Coordination, { generation, ms }: messages.AwaitSettled): Promise<messages.Settled> {
  const settled = () => c.state.settledGeneration >= generation;
  // The run's end must not wait for its callers: they ask the next one.
  await condition(() => settled() || c.closing, Math.max(1, Math.min(ms, SETTLED_WAIT_MS_MAX)));
  return { settled: settled(), generation: c.state.desired.generation, epoch: c.state.view?.epoch ?? 0 };
}

async function replicaStatusChanged(c: Coordination, { id, status, learnId }: messages.ReplicaStatusChanged): Promise<void> {
  await condition(() => c.state.view !== null);
  const member = plannable(c).view.members.members.find((m) => m.id === id);
  if (member === undefined || (status !== "learning" && status !== "active")) return note(c, `replica ${id} says that it is ${status}`);
  if (learnId?.startsWith(copyAnew) === true)
    return note(c, `replica ${id} ${status === "active" ? "holds the same again" : "does not hold what the old voters do"} (${learnId})`);
  const current = learnIdOf(member);
  if (learnId !== undefined && learnId !== current) return note(c, `replica ${id} reports an earlier learning (${learnId})`);
  if (c.state.learned[String(id)] === current) return;
  c.state = { ...c.state, learned: { ...c.state.learned, [String(id)]: current } };
  note(c, `replica ${id} has learned`);
}

function handleQuestions(c: Coordination): void {
  setHandler(messages.reconfiguration, () => describeNow(c), { description: "Phase, and what each replica waits for" });
  setHandler(messages.history, () => c.state.history, { description: "The last 100 changes" });
  setHandler(messages.clusterConfig, () => clusterConfig(c), { description: "Epoch, voters and learners" });
}

function clusterConfig(c: Coordination): messages.ClusterConfigAnswer | null {
  const { view, desired } = c.state;
  if (view === null) return null;
  const replicas = view.members.members.map(({ id, name, peerUrl, apiUrl, leaving }) => {
    const gone = leaving || !desired.wanted.some((w) => w.id === id);
    return {
      id,
      name,
      peerUrl,
      apiUrl,
      status: gone ? ("leaving" as const) : view.voters.includes(id) ? ("active" as const) : ("learning" as const),
    };
  });
  return { clusterId: view.clusterId, epoch: view.epoch, coordinator: view.members.coordinator, replicas };
}

/** Details, memo and search attributes, when they changed: each upsert is an event. */
function publish(c: Coordination, published: { details: string; attributes: string; waiting: string }): void {
  updatePhase(c);
  const { view } = c.state;
  const details = coordinatorDetails(view, describeNow(c), c.state.history);
  if (details !== published.details) setCurrentDetails(details);
  published.details = details;
  if (view === null) return;
  const waiting = waitingOf(c.state.desired);
  if (JSON.stringify(waiting) !== published.waiting && patched("waiting in the memo")) upsertMemo({ [messages.waitingMemo]: waiting });
  published.waiting = JSON.stringify(waiting);
  const { phase, datacenter, epoch, voters } = messages.searchAttributes;
  const attributes = JSON.stringify([c.phase, view.self, view.epoch, view.voters]);
  if (attributes === published.attributes) return;
  published.attributes = attributes;
  upsertSearchAttributes([
    { key: phase, value: c.phase },
    { key: datacenter, value: String(view.self) },
    { key: epoch, value: view.epoch },
    { key: voters, value: view.voters.map(String) },
  ]);
}
