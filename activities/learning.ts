/** How a newcomer comes to know what the others know. Pages go from replica to replica, never through Temporal. */
import { Context } from "@temporalio/activity";
import { PeerUnreachable } from "../proposals/ports.ts";
import { EpoxyError, ERRORS } from "../protocol/errors.ts";
import { replicaId } from "../protocol/ids.ts";
import { activity, pause, refused } from "./failures.ts";
import type { ActivityDeps } from "./index.ts";

/**
 * A source gets some tries, a second apart, before another one is begun with: its copy starts over. The more was copied, the
 * more: to wait for a process that starts again costs about as much as to copy that anew.
 */
const TRIES_A_SOURCE = { least: 3, most: 60, copiedForOneMore: 10_000 };
const TRY_AGAIN_MS = 1_000;
const LAG_EVERY_MS = 250;

/** Where a copy stands. `cursor` means something to `source` alone. */
export type CopyPosition = { readonly source: number; readonly cursor: string; readonly copied: number };
export type CopyResult = CopyPosition & {
  readonly done: boolean;
  readonly tookMs: number;
  /** Why all of it is copied anew, in words. Workflows of before have none. */
  readonly problem?: string;
};

export function createLearningActivities({ replica, nowMs = Date.now }: ActivityDeps) {
  return {
    /** Gives the newcomer its identity and has its own Temporal start learning. The same learnId again changes nothing. */
    async beginLearning(input: {
      readonly id: number;
      readonly url: string;
      readonly learnId: string;
      readonly sources: readonly number[];
    }): Promise<void> {
      return activity(() => replica.beginLearning({ ...input, id: replicaId(input.id), sources: input.sources.map(replicaId) }));
    },

    async abortLearning(input: { readonly id: number; readonly learnId: string }): Promise<void> {
      return activity(() => replica.abortLearning({ ...input, id: replicaId(input.id) }));
    },

    /** Copies pages for `chunkMs`. A killed worker's successor goes on from the last heartbeat; pages stored twice are harmless. */
    async learn(input: {
      readonly learnId: string;
      readonly sources: readonly number[];
      readonly from: CopyPosition | null;
      readonly chunkMs: number;
    }): Promise<CopyResult> {
      return activity(async (beat) => {
        const context = Context.current();
        const [first] = input.sources;
        if (first === undefined) throw refused("there is no replica to learn from");
        const startedMs = nowMs();
        let at: CopyPosition = (context.info.heartbeatDetails as CopyPosition | undefined) ??
          input.from ?? { source: first, cursor: "", copied: 0 };
        let [failed, failures] = [0, 0];
        for (;;) {
          beat(at);
          context.cancellationSignal.throwIfAborted();
          try {
            const page = await replica.learnPage({ source: replicaId(at.source), cursor: at.cursor });
            at = { source: at.source, cursor: page.cursor, copied: at.copied + page.copied };
            [failed, failures] = [0, 0];
            if (page.problem !== undefined) {
              await pause(TRY_AGAIN_MS);
              at = { source: following(input.sources, at.source), cursor: "", copied: 0 };
              beat(at);
              return { ...at, done: false, tookMs: nowMs() - startedMs, problem: page.problem };
            }
            const tookMs = nowMs() - startedMs;
            if (page.done || tookMs >= input.chunkMs) {
              beat(at);
              return { ...at, done: page.done, tookMs };
            }
          } catch (error) {
            // A source may no longer hold what a copy of it goes on with: then too a new copy is begun.
            if (!(error instanceof PeerUnreachable || (error instanceof EpoxyError && ERRORS[error.code].retryable))) throw error;
            failures += 1;
            if (failures >= triesAfter(at.copied)) {
              failed += 1;
              failures = 0;
              at = { source: following(input.sources, at.source), cursor: "", copied: 0 };
              beat(at);
            }
            if (failed >= input.sources.length)
              throw new PeerUnreachable(`no source could be copied from: ${error.message}`, { cause: error });
            await pause(TRY_AGAIN_MS);
          }
        }
      });
    },

    /** Waits until this replica is at most `lagMax` instances behind, for `patienceMs` at most. */
    async waitForLag(input: {
      readonly lagMax: number;
      readonly patienceMs: number;
    }): Promise<{ readonly reached: boolean; readonly lag: number }> {
      return activity(async (beat) => {
        const startedMs = nowMs();
        for (;;) {
          const lag = await replica.lag();
          beat({ lag });
          if (lag <= input.lagMax) return { reached: true, lag };
          if (nowMs() - startedMs >= input.patienceMs) return { reached: false, lag };
          await pause(LAG_EVERY_MS);
        }
      });
    },

    /** Tells the coordinator's datacenter, wherever it is, that this replica has learned. Idempotent by learnId. */
    async reportStatus(input: { readonly learnId: string }): Promise<void> {
      return activity(() => replica.reportStatus(input));
    },
  };
}

function triesAfter(copied: number): number {
  const { least, most, copiedForOneMore } = TRIES_A_SOURCE;
  return Math.min(most, least + Math.floor(copied / copiedForOneMore));
}

function following(sources: readonly number[], current: number): number {
  return sources[(sources.indexOf(current) + 1) % sources.length] ?? current;
}
