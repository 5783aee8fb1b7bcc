/** One datacenter's own part in joining: copies what the others know, catches up, and says so. Runs for ever. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import type { CopyPosition } from "../activities/learning.ts";
import { OPTIONS, patiently, StepRefused } from "./calls.ts";
import { replicaDetails } from "./details.ts";
import * as messages from "./messages.ts";

/** Work of one copy activity. Six events each, so a day of copying is some ten thousand. */
const CHUNK_MS = 60_000;
/** A replica this near to the voters catches up while the epoch is changed. */
const LAG_MAX = 100;

type Learning = {
  readonly input: messages.ReplicaInput;
  readonly timing: messages.Timing;
  request: messages.BeginLearning | null;
  position: CopyPosition | null;
  /** Everything was copied; what is left is to catch up. */
  copyDone: boolean;
  progress: messages.LearnProgress;
  config: unknown;
  scope: CancellationScope | null;
  /** Counts signals that change what is to be done. */
  wake: number;
  /** Counts every request to learn, repeated ones too. */
  asked: number;
};

const IDLE: messages.LearnProgress = {
  stage: "idle",
  learnId: null,
  copied: 0,
  source: null,
  cursor: "",
  ratePerSecond: null,
  lag: null,
  error: null,
};

export async function replica(input: messages.ReplicaInput): Promise<void> {
  const { state } = input;
  const position = state === undefined ? null : positionOf(state.progress);
  const l: Learning = {
    input,
    timing: { ...messages.TIMING, ...input.timing },
    request: state?.request ?? null,
    position,
    copyDone: state?.copyDone ?? false,
    progress: state?.progress ?? IDLE,
    config: state?.config ?? null,
    scope: null,
    wake: 0,
    asked: 0,
  };
  handle(l);
  upsertSearchAttributes([{ key: messages.searchAttributes.datacenter, value: String(input.id) }]);
  show(l, {});
  for (;;) {
    const seen = l.wake;
    if (l.request !== null && l.progress.stage !== "joined") await learnInScope(l, l.request);
    if (l.wake === seen && historyIsLong(l)) break;
    await condition(() => l.wake !== seen || (l.request !== null && l.progress.stage !== "joined"));
    if (historyIsLong(l)) break;
  }
  await condition(allHandlersFinished);
  const carried: messages.ReplicaWorkflowState = {
    schema: 1,
    request: l.request,
    copyDone: l.copyDone,
    progress: l.progress,
    config: l.config,
  };
  await continueAsNew<typeof replica>({ ...input, state: carried });
}

/** The one place that looks at the history's length, and only after a wake. */
function historyIsLong(l: Learning): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return continueAsNewSuggested || historyLength > l.timing.historyEventsMax;
}

function handle(l: Learning): void {
  const begin = (request: messages.BeginLearning) => {
    const same = l.request?.learnId === request.learnId;
    // The same again: whoever asks did not hear that it is done, so it is reported again, once it is done.
    l.asked += 1;
    if (same && l.progress.stage !== "joined") return;
    l.wake += 1;
    l.request = request;
    if (same) return show(l, { stage: "reporting" });
    l.scope?.cancel();
    l.position = null;
    l.copyDone = false;
    show(l, { ...IDLE, stage: "learning", learnId: request.learnId });
  };
  const abort = ({ learnId }: { readonly learnId: string }) => {
    if (l.request?.learnId !== learnId || l.progress.stage === "joined") return;
    l.wake += 1;
    l.request = null;
    l.scope?.cancel();
    l.position = null;
    l.copyDone = false;
    show(l, IDLE);
  };
  const changed = ({ config }: { readonly config: unknown }) => {
    l.config = config;
  };
  setHandler(messages.beginLearning, begin, { description: "Copy everything from these sources; the same learnId again changes nothing" });
  setHandler(messages.abortLearning, abort, { description: "Stop learning" });
  setHandler(messages.configChanged, changed, { description: "The newest configuration, for show" });
  setHandler(messages.progress, () => l.progress, { description: "Instances copied, source, cursor, rate, lag" });
}

async function learnInScope(l: Learning, request: messages.BeginLearning): Promise<void> {
  const scope = new CancellationScope();
  l.scope = scope;
  try {
    await scope.run(() => learn(l, request, scope));
  } catch (error) {
    if (error instanceof StepRefused) {
      show(l, { error: error.message });
      const seen = l.wake;
      await condition(() => l.wake !== seen, l.timing.failedHoldMs);
    } else if (!isCancellation(error)) throw error;
  } finally {
    l.scope = null;
  }
}

async function learn(l: Learning, { learnId, sources }: messages.BeginLearning, scope: CancellationScope): Promise<void> {
  const onError = (error: string) => show(l, { error });
  if (l.progress.stage !== "reporting") {
    if (!l.copyDone) l.copyDone = await copy(l, learnId, sources, scope);
    if (!l.copyDone) return;
    for (;;) {
      const summary = `catch up to ${LAG_MAX} instances behind`;
      const { lag, reached } = await patiently({
        timing: l.timing,
        options: OPTIONS.copy,
        summary,
        run: (a) => a.waitForLag({ lagMax: LAG_MAX, patienceMs: CHUNK_MS }),
        onError,
      });
      if (scope.consideredCancelled) return;
      show(l, { lag, error: null });
      if (reached) break;
      if (historyIsLong(l)) return;
    }
    show(l, { stage: "reporting" });
  }
  for (let asked = -1; asked !== l.asked; ) {
    asked = l.asked;
    const summary = "tell the coordinator";
    await patiently({ timing: l.timing, options: OPTIONS.tell, summary, run: (a) => a.reportStatus({ learnId }), onError });
  }
  show(l, { stage: "joined", error: null });
}

/** Chunk after chunk; false when the run is to end first, or was given up. */
async function copy(l: Learning, learnId: string, sources: readonly number[], scope: CancellationScope): Promise<boolean> {
  const onError = (error: string) => show(l, { error });
  for (;;) {
    const from = l.position;
    const summary = from === null ? "copy from the beginning" : `copy on after ${from.copied}`;
    const result = await patiently({
      timing: l.timing,
      options: OPTIONS.copy,
      summary,
      run: (a) => a.learn({ learnId, sources, from, chunkMs: CHUNK_MS }),
      onError,
    });
    // Its result comes in spite of a cancellation, and belongs to no one then.
    if (scope.consideredCancelled) return false;
    const { source, cursor, copied, tookMs, done, problem } = result;
    const ratePerSecond = tookMs === 0 ? null : Math.round(((copied - (from?.source === source ? from.copied : 0)) * 1000) / tookMs);
    l.position = { source, cursor, copied };
    show(l, {
      stage: "learning",
      learnId,
      copied,
      source,
      cursor,
      ratePerSecond: problem === undefined ? ratePerSecond : null,
      error: problem ?? null,
    });
    if (done) return true;
    if (historyIsLong(l)) return false;
  }
}

function positionOf({ source, cursor, copied }: messages.LearnProgress): CopyPosition | null {
  return source === null ? null : { source, cursor, copied };
}

function show(l: Learning, change: Partial<messages.LearnProgress>): void {
  l.progress = { ...l.progress, ...change };
  setCurrentDetails(replicaDetails(l.input.id, l.progress));
}
