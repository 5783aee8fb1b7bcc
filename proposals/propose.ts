/** One proposal from its commands to its results: the walk of PROPOSAL.md. */
import { assert, unreachable } from "../protocol/assert.ts";
import { isVoter } from "../protocol/cluster.ts";
import { BUCKET_MS } from "../protocol/conflict.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { instanceName } from "../protocol/ids.ts";
import type { Entry } from "../protocol/types.ts";
import type { ProposeAnswer, ProposeInput } from "./api.ts";
import { board } from "./batch.ts";
import { lookUpClosedHour } from "./closed-hours.ts";
import { barred, type Context, identity, quorumReachable } from "./context.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { arrive, leave } from "./pause.ts";
import { noQuorum, nothingProposed, outcomeUnknown } from "./refusals.ts";
import type { Caller, Rider } from "./submit.ts";

/** Made once: an abort without a reason makes an error each time. */
const ANSWERED = new Error("answered");

/** Orders the commands at one point and answers once they are executed here. See api.ts for what it throws. */
export async function propose(ctx: Context, input: ProposeInput): Promise<ProposeAnswer> {
  refuseEarly(ctx);
  const caller: Caller = { id: null, over: false };
  const timer = new AbortController();
  arrive(ctx.batching.crowd, ctx.clock.monotonicMs());
  try {
    // A store that hangs must not keep the caller beyond his time.
    const late = ctx.clock.sleep(input.timeoutMs, timer.signal).then(() => null);
    const answer = await Promise.race([drive(ctx, input, caller), late]);
    if (answer !== null) return answer;
    throw caller.id === null ? nothingProposed(ctx) : outcomeUnknown(caller.id);
  } catch (error) {
    // Once a pre-accept was durable the answer is a result or 504, also where what came after it failed (interface.md).
    if (caller.id === null || !(error instanceof EpoxyError) || error.code === "outcomeUnknown") throw error;
    throw outcomeUnknown(caller.id, { cause: error });
  } finally {
    caller.over = true;
    leave(ctx.batching.crowd);
    timer.abort(ANSWERED);
  }
}

async function drive(ctx: Context, input: ProposeInput, caller: Caller): Promise<ProposeAnswer> {
  const startMs = ctx.clock.monotonicMs();
  const seq = ctx.clock.wallMs();
  const rider: Rider = {
    caller,
    entry: await makeEntry(ctx, input),
    seq,
    deadlineMs: startMs + input.timeoutMs,
    trace: input.trace ?? null,
  };
  for (;;) {
    const seat = await board(ctx, rider);
    const end = await seat.end;
    switch (end.kind) {
      case "executed": {
        ctx.meter.observe("epoxy_proposal_seconds", (ctx.clock.monotonicMs() - startMs) / 1000, { path: end.path });
        const outcome = end.outcomes[seat.index];
        assert(outcome !== undefined, `${instanceName(seat.id)}: executed without an outcome of entry ${seat.index}`);
        return { instance: seat.id, path: end.path, outcome };
      }
      case "nop":
        // The caller still waits, and a committed Nop never executes: nothing can run twice.
        continue;
      case "unknown":
        throw outcomeUnknown(seat.id);
      default:
        unreachable(end);
    }
  }
}

function refuseEarly(ctx: Context): void {
  const known = identity(ctx);
  const bar = barred(ctx);
  if (bar !== null) throw new EpoxyError("notReady", bar);
  if (!isVoter(ctx.known.chain, known.epoch, known.self)) {
    throw new EpoxyError("notReady", `replica ${known.self} does not vote (it is learning or was removed): ask another datacenter`);
  }
  if (!quorumReachable(ctx)) throw noQuorum();
}

async function makeEntry(ctx: Context, { commands, idempotencyKey }: ProposeInput): Promise<Entry> {
  if (idempotencyKey === null) return { commands, idempotency: null };
  return { commands, idempotency: { key: idempotencyKey, fingerprint: fingerprintOf(commands), stampMs: await stamp(ctx) } };
}

/** The later of this clock and the end of the newest closed bucket: a clock far behind does no harm (consensus 9). */
async function stamp(ctx: Context): Promise<number> {
  const closed = ctx.closedHour ?? (await lookUpClosedHour(ctx));
  return Math.max(ctx.clock.wallMs(), closed === null ? 0 : (closed + 1) * BUCKET_MS);
}
