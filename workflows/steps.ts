/** The steps of one datacenter's way in or out, each carried out until it holds. */
import { CancellationScope, condition } from "@temporalio/workflow";
import type { Activities } from "../activities/index.ts";
import { courtesy, OPTIONS, patiently, StepRefused } from "./calls.ts";
import { type Coordination, type Fiber, inTurn, note, plannable, refresh, setError, setStage, takeView } from "./coordination.ts";
import { learnIdOf, type NextStep, nextStep, withId } from "./plan.ts";
import type { ClusterView, Wanted } from "./state.ts";

/** Level-triggered: looks what is next, does it, looks again; ends when there is nothing left. */
export async function runFiber(c: Coordination, fiber: Fiber): Promise<void> {
  for (;;) {
    const step = nextStep(plannable(c), fiber.ticket);
    fiber.step = step;
    if (step === null) return;
    try {
      await runStep(c, fiber, step);
    } catch (error) {
      if (!(error instanceof StepRefused)) throw error;
      await hold(c, fiber, error);
    }
    // A step whose result came in spite of a cancellation has thrown nothing.
    if (CancellationScope.current().consideredCancelled) return;
  }
}

/** Else the end of the fiber would start it again at once. */
async function hold(c: Coordination, fiber: Fiber, refusal: StepRefused): Promise<void> {
  if (refusal.code === "notCoordinator") return refresh(c, (message) => setError(c, fiber, message));
  setStage(c, fiber, "failed");
  setError(c, fiber, refusal.message);
  note(c, `${fiber.ticket}: ${refusal.message}`);
  const { generation } = c.state.desired;
  await condition(() => c.state.desired.generation !== generation, c.timing.failedHoldMs);
}

async function runStep(c: Coordination, fiber: Fiber, step: NextStep): Promise<void> {
  switch (step.kind) {
    case "check":
      return check(c, fiber, wantedOf(c, fiber));
    case "update":
      return update(c, fiber, wantedOf(c, fiber));
    case "learn":
      return learn(c, fiber, step.id, wantedOf(c, fiber));
    case "promote":
      return ask(c, fiber, "come", step.id);
    case "demote":
      return ask(c, fiber, "go", step.id);
    case "markLeaving":
      return change(c, fiber, "leaving", `mark replica ${step.id} as leaving`, (a) =>
        a.updateMember({ id: step.id, fields: { leaving: true } }),
      );
    case "handOver":
      return handOver(c, fiber, step.to);
    case "drop":
      return drop(c, fiber, step.id);
    case "wait": {
      setStage(c, fiber, step.reason);
      const now = JSON.stringify(step);
      return condition(() => JSON.stringify(nextStep(plannable(c), fiber.ticket)) !== now);
    }
  }
}

function wantedOf(c: Coordination, fiber: Fiber): Wanted {
  const entry = c.state.desired.wanted.find((w) => w.ticket === fiber.ticket);
  if (entry === undefined) throw new Error(`nobody wants ${fiber.ticket}`);
  return entry;
}

async function check(c: Coordination, fiber: Fiber, entry: Wanted): Promise<void> {
  setStage(c, fiber, "health check");
  const onError = (message: string) => setError(c, fiber, message);
  const { ticket, id, name, peerUrl, apiUrl, voter } = entry;
  const { incarnation } = await patiently({
    timing: c.timing,
    options: OPTIONS.ask,
    summary: `health check of ${name} (${peerUrl})`,
    run: (a) => a.healthCheck({ peerUrl, id }),
    onError,
  });
  if (id !== null)
    return change(c, fiber, "registering", `note the store of replica ${id}`, (a) => a.registerIncarnation({ id, incarnation }));
  setStage(c, fiber, "admission");
  const member = { name, peerUrl, apiUrl, voter };
  await inTurn(c, async () => {
    const run = (a: Activities) => a.admitMember({ member, incarnation });
    const admitted = await patiently({ timing: c.timing, options: OPTIONS.change, summary: `admit ${name}`, run, onError });
    takeView(c, admitted.view);
    // Given up meanwhile: then it is a member that nobody wants, and goes as such.
    if (CancellationScope.current().consideredCancelled) return;
    c.state = { ...c.state, desired: withId(c.state.desired, ticket, admitted.id) };
    note(c, `${name} is replica ${admitted.id}`);
  });
}

async function update(c: Coordination, fiber: Fiber, { id, name, peerUrl, apiUrl, voter }: Wanted): Promise<void> {
  if (id === null) throw new Error("only members are updated");
  await change(c, fiber, "updating", `update replica ${id}`, (a) =>
    a.updateMember({ id, fields: { name, peerUrl, apiUrl, voter, leaving: false } }),
  );
}

async function change(
  c: Coordination,
  fiber: Fiber,
  stage: string,
  summary: string,
  run: (a: Activities) => Promise<ClusterView>,
): Promise<void> {
  setStage(c, fiber, stage);
  const onError = (message: string) => setError(c, fiber, message);
  await inTurn(c, async () => takeView(c, await patiently({ timing: c.timing, options: OPTIONS.change, summary, run, onError })));
}

/** Asks the newcomer to learn and waits for its word; asks again in case that was lost, at growing intervals. */
async function learn(c: Coordination, fiber: Fiber, id: number, entry: Wanted): Promise<void> {
  setStage(c, fiber, "learning");
  const onError = (message: string) => setError(c, fiber, message);
  const arrived = () => nextStep(plannable(c), fiber.ticket)?.kind !== "learn";
  for (let pollMs = c.timing.pollFirstMs; ; pollMs = Math.min(c.timing.pollMaxMs, pollMs * 2)) {
    const { members, voters } = plannable(c).view;
    const member = members.members.find((m) => m.id === id);
    if (member === undefined) return;
    const input = { id, url: entry.peerUrl, learnId: learnIdOf(member), sources: voters.filter((v) => v !== id) };
    await patiently({
      timing: c.timing,
      options: OPTIONS.tell,
      summary: `ask replica ${id} (${entry.name}) to learn`,
      run: (a) => a.beginLearning(input),
      onError,
    });
    setStage(c, fiber, "learning");
    if (await condition(arrived, pollMs)) return;
    await refresh(c, onError);
    if (arrived()) return;
  }
}

/** The epochs are changed by one hand; see voters.ts. */
async function ask(c: Coordination, fiber: Fiber, kind: "come" | "go", id: number): Promise<void> {
  setStage(c, fiber, kind === "come" ? "ready to vote" : "stepping down");
  const wish = { kind, id, refusal: null as { code: string; message: string } | null };
  c.asks.set(fiber.ticket, wish);
  try {
    const votes = () => plannable(c).view.voters.includes(id);
    await condition(() => wish.refusal !== null || votes() === (kind === "come"));
  } finally {
    if (c.asks.get(fiber.ticket) === wish) c.asks.delete(fiber.ticket);
    c.wake += 1;
  }
  if (wish.refusal !== null) throw new StepRefused(wish.refusal.code, wish.refusal.message);
}

async function handOver(c: Coordination, fiber: Fiber, to: number): Promise<void> {
  const pending = c.state.desired.wanted.flatMap((w) => {
    if (w.id !== null) return [];
    const newcomer = { name: w.name, peerUrl: w.peerUrl, apiUrl: w.apiUrl, voter: w.voter };
    return [{ name: "addReplica", argument: newcomer }];
  });
  await change(c, fiber, "handing over", `hand the coordinator over to datacenter ${to}`, (a) => a.handOver({ to, pending }));
}

async function drop(c: Coordination, fiber: Fiber, id: number): Promise<void> {
  // An epoch that is being made might include it.
  await condition(() => !c.changingVoters);
  if (plannable(c).view.voters.includes(id)) return;
  const member = plannable(c).view.members.members.find((m) => m.id === id);
  if (member?.incarnation != null && member.voter) {
    setStage(c, fiber, "farewell");
    await courtesy(`tell replica ${id} to stop learning`, (a) => a.abortLearning({ id, learnId: learnIdOf(member) }));
  }
  await change(c, fiber, "leaving", `drop replica ${id}`, (a) => a.dropMember({ id }));
  note(c, `replica ${id} is gone`);
}
