/** What is otherwise while a run lasts than in a server: what takes long and shows nothing, and what would be too large to be cut. */
import { limits } from "../protocol/limits.ts";

const LIMITS = {
  /** Rarer: no answer waits for it, and it would be a third of all events. */
  progressEveryMs: 200,
  /** A newcomer's copy has many pages, while its source executes on. */
  snapshotPageEntries: 16,
  snapshotChangesEntries: 8,
} as const;

type Listener = () => void;

/**
 * Node's AbortController in few words. Every question to a voter makes one, and Node's own, which are event targets that hold
 * their listeners weakly, took a tenth of a run's time.
 */
class Signal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners = new Set<Listener>();

  addEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.add(listener);
  }
  removeEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.delete(listener);
  }
  /** For node:events: there is no number of them that would be a mistake. */
  setMaxListeners(): void {}

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

class Controller {
  readonly signal = new Signal();
  abort(reason: unknown = "aborted"): void {
    this.signal.abort(reason);
  }
}

/** For the time of a run. @returns what puts back how it was */
export function tune({ keepsStacks }: { readonly keepsStacks: boolean }): () => void {
  const { AbortController } = globalThis;
  const { stackTraceLimit } = Error;
  const before = { ...limits };
  Object.assign(globalThis, { AbortController: Controller });
  Object.assign(limits, LIMITS);
  // Nobody reads the stacks of refusals, and they take a tenth of the time.
  if (!keepsStacks) Error.stackTraceLimit = 0;
  return () => {
    Object.assign(globalThis, { AbortController });
    Object.assign(limits, before);
    Error.stackTraceLimit = stackTraceLimit;
  };
}
