import { limits } from "../protocol/limits.ts";
import type { PeerReply, PeerRequest } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import type { Context } from "./context.ts";
import { answerLocally } from "./handle-message.ts";
import { heardFrom } from "./health.ts";
import { about, instanceOf } from "./log-subject.ts";
import { PeerUnreachable } from "./ports.ts";
import { takeLinks } from "./voter-duties.ts";

export type Answers = Map<ReplicaId, PeerReply>;

export type Gathering<T> = {
  /** What was concluded, or null when the deadline passed first. */
  readonly result: Promise<T | null>;
  /** Grows also after the conclusion, until `stop` is called or everyone answered. */
  readonly answers: Answers;
  stop(): void;
};

export type GatherInput<T> = {
  readonly to: readonly ReplicaId[];
  readonly request: PeerRequest;
  readonly timeoutMs: number;
  /** Looks at all answers so far; null to go on. Called after each answer, and once more after `nudgeMs`. */
  readonly conclude: (answers: Answers, nudged: boolean) => T | null;
  /** When to call `conclude` with `nudged`, from the start; null for never. */
  readonly nudgeMs?: number | null;
  /** Answers that are worth asking for again. */
  readonly again?: (reply: PeerReply) => boolean;
};

/** Why what is still being asked is given up. Made once: an error a proposal costs more than the rest of its bookkeeping. */
const ENOUGH = new PeerUnreachable("given up: enough is known");

/**
 * Not now, but perhaps in a moment: a voter that lags an epoch behind, a refusal, or one that is frozen and takes the value
 * once it knows the close that lists it (RECONFIGURE 4, 10).
 */
const askAgain = (reply: PeerReply): boolean => reply.kind === "notVoting" || reply.kind === "refused" || reply.kind === "frozen";

/**
 * Asks many, this replica included, and resolves as soon as something can be concluded. Each one is asked again until it
 * answers (consensus 6.5); what runs is bounded by the deadline.
 */
export function gather<T>(ctx: Context, input: GatherInput<T>): Gathering<T> {
  const answers: Answers = new Map();
  const stop = new AbortController();
  const self = ctx.known.replica?.self;
  const deadlineMs = ctx.clock.monotonicMs() + input.timeoutMs;
  const again = input.again ?? askAgain;

  let nudged = false;
  let settle: (value: T | null) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  let settled = false;
  const result = new Promise<T | null>((resolve, reject) => {
    settle = (value) => {
      settled = true;
      resolve(value);
    };
    fail = (error) => {
      settled = true;
      reject(error);
    };
  });
  const look = () => {
    if (settled) return;
    try {
      const concluded = input.conclude(answers, nudged);
      if (concluded !== null) settle(concluded);
    } catch (error) {
      // What concludes is our own code: whoever waits for the conclusion hears of it, and the process stops.
      ctx.fatal(error);
      fail(error);
    }
  };

  const ask = async (to: ReplicaId) => {
    for (let tries = 0; !stop.signal.aborted; tries++) {
      const reply = await askOnce(ctx, to, to === self, input.request, deadlineMs, stop.signal);
      if (stop.signal.aborted) return;
      // It is there, and will be ready in a moment.
      const pauseMsMax = reply?.kind === "notVoting" || reply?.kind === "frozen" ? limits.notYetMsMax : limits.askAgainMsMax;
      if (reply !== null) {
        answers.set(to, reply);
        look();
        if (!again(reply)) return;
      }
      await ctx.clock.sleep(Math.min(50 * 2 ** tries, pauseMsMax), stop.signal);
    }
  };
  for (const to of input.to) void ask(to);

  const end = () => {
    ctx.stop.signal.removeEventListener("abort", end);
    if (!settled) settle(null);
    stop.abort(ENOUGH);
  };
  void ctx.clock.sleep(input.timeoutMs, stop.signal).then(end);
  ctx.stop.signal.addEventListener("abort", end);
  const { nudgeMs = null } = input;
  if (nudgeMs !== null) {
    void ctx.clock.sleep(nudgeMs, stop.signal).then(() => {
      nudged = true;
      look();
    });
  }
  return { result, answers, stop: () => stop.abort(ENOUGH) };
}

/** Gathers, concludes and stops asking. */
export async function gatherOnce<T>(ctx: Context, input: GatherInput<T>): Promise<T | null> {
  const gathering = gather(ctx, input);
  try {
    return await gathering.result;
  } finally {
    gathering.stop();
  }
}

async function askOnce(
  ctx: Context,
  to: ReplicaId,
  local: boolean,
  request: PeerRequest,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<PeerReply | null> {
  try {
    if (local) return await answerLocally(ctx, request);
    const startMs = ctx.clock.monotonicMs();
    const timeoutMs = Math.max(1, Math.min(limits.peerTimeoutMs, deadlineMs - startMs));
    const traces = "id" in request ? ctx.traces.get(request.id) : undefined;
    const answer = await ctx.peers.request(to, request, { timeoutMs, signal, ...(traces === undefined ? {} : { traces }) });
    if (!heardFrom(ctx, to, answer, ctx.clock.monotonicMs() - startMs)) return null;
    // What the asker lacks came along: no need to wait for the next sync (RECONFIGURE 14).
    if (answer.reply.kind === "staleEpoch") takeLinks(ctx, answer.reply.links);
    return answer.reply;
  } catch (error) {
    ctx.fatal(error);
    if (!signal.aborted)
      about(ctx.log, { ...instanceOf(request), peer: to }).debug({ request: request.kind, error: String(error) }, "no answer");
    return null;
  }
}
