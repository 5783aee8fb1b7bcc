/** One proposal from its commands to its results: the walk of PROPOSAL.md. */
import { submit } from "../protocol/acceptor.ts";
import { assert, unreachable } from "../protocol/assert.ts";
import { isVoter, linkOf } from "../protocol/cluster.ts";
import { BUCKET_MS } from "../protocol/conflict.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Entry, InstanceId, InstanceRecord, Payload } from "../protocol/types.ts";
import type { ProposeAnswer, ProposeInput } from "./api.ts";
import { lookUpClosedHour } from "./closed-hours.ts";
import { applyWrites, barred, type Context, identity, quorumReachable, waitFor } from "./context.ts";
import { endOf, execute, type OwnEnd } from "./execute.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { lead, type Submitted } from "./lead.ts";
import { StoreInDoubt, type Transaction } from "./ports.ts";
import { dropBlock, type Slotted, takeSlot } from "./slots.ts";
import { touchedByExecuting, touchedByRegistering } from "./touched.ts";

/** What a caller who gives up has to be told: whether anything of his may be durable. */
type Attempt = {
  /** The newest instance whose pre-accept may be durable; null: nothing was proposed. */
  id: InstanceId | null;
  /** The caller is gone: nothing more may be submitted for him. */
  over: boolean;
};

/** Orders the commands at one point and answers once they are executed here. See api.ts for what it throws. */
export async function propose(ctx: Context, input: ProposeInput): Promise<ProposeAnswer> {
  refuseEarly(ctx);
  const attempt: Attempt = { id: null, over: false };
  const timer = new AbortController();
  try {
    // A store that hangs must not keep the caller beyond his time.
    const late = ctx.clock.sleep(input.timeoutMs, timer.signal).then(() => null);
    const answer = await Promise.race([drive(ctx, input, attempt), late]);
    if (answer !== null) return answer;
    throw attempt.id === null ? nothingProposed(ctx) : outcomeUnknown(attempt.id);
  } catch (error) {
    // Once a pre-accept was durable the answer is a result or 504, also where what came after it failed (interface.md).
    if (attempt.id === null || !(error instanceof EpoxyError) || error.code === "outcomeUnknown") throw error;
    throw outcomeUnknown(attempt.id, { cause: error });
  } finally {
    attempt.over = true;
    timer.abort();
  }
}

async function drive(ctx: Context, input: ProposeInput, attempt: Attempt): Promise<ProposeAnswer> {
  const startMs = ctx.clock.monotonicMs();
  const deadlineMs = startMs + input.timeoutMs;
  const payload = await makePayload(ctx, input);
  for (;;) {
    const own = await submitWhenOpen(ctx, payload, deadlineMs, attempt);
    void leadQuietly(ctx, own);
    const end = await awaitOutcome(ctx, own.id, deadlineMs);
    switch (end.kind) {
      case "executed": {
        ctx.meter.observe("epoxy_proposal_seconds", (ctx.clock.monotonicMs() - startMs) / 1000, { path: end.path });
        // This proposal is the instance's only entry.
        const [outcome] = end.outcomes;
        assert(outcome !== undefined, `${instanceName(own.id)}: executed without an outcome`);
        return { instance: own.id, path: end.path, outcome };
      }
      case "nop":
        // The caller still waits, and a committed Nop never executes: nothing can run twice.
        continue;
      case "unknown":
        throw outcomeUnknown(own.id);
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

async function makePayload(ctx: Context, input: ProposeInput): Promise<Payload> {
  const { commands, idempotencyKey } = input;
  const idempotency =
    idempotencyKey === null ? null : { key: idempotencyKey, fingerprint: fingerprintOf(commands), stampMs: await stamp(ctx) };
  const entry: Entry = { commands, idempotency };
  return { seq: ctx.clock.wallMs(), entries: [entry] };
}

/** The later of this clock and the end of the newest closed bucket: a clock far behind does no harm (consensus 9). */
async function stamp(ctx: Context): Promise<number> {
  const closed = ctx.closedHour ?? (await lookUpClosedHour(ctx));
  return Math.max(ctx.clock.wallMs(), closed === null ? 0 : (closed + 1) * BUCKET_MS);
}

/** Makes the pre-accept durable here, holding it while the epoch changes. */
async function submitWhenOpen(ctx: Context, payload: Payload, deadlineMs: number, attempt: Attempt): Promise<Submitted> {
  // One slot is kept through all tries: whatever is taken and not used has to be recovered as a Nop by somebody.
  let slot: Slotted | null = null;
  for (;;) {
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0 || attempt.over || ctx.stop.signal.aborted) throw nothingProposed(ctx);
    if (slot === null && isClosing(ctx)) {
      if (!quorumReachable(ctx)) throw noQuorum();
      await ctx.clock.sleep(Math.min(20, left), ctx.stop.signal);
      continue;
    }
    slot ??= await takeSlot(ctx);
    const reply = await submitOnce(ctx, slot, payload, attempt);
    switch (reply.kind) {
      case "submitted":
        return { ...slot, payload, deps: reply.deps };
      case "slotTaken":
        slot = null;
        dropBlock(ctx);
        break;
      case "tooManyConflicts":
        throw new EpoxyError("overloaded", "too many proposals on these keys are not settled yet; nothing was proposed");
      case "givenUp":
        break;
      case "staleEpoch":
      case "frozen":
        await ctx.clock.sleep(Math.min(20, left), ctx.stop.signal);
        break;
      case "notVoting":
        throw new EpoxyError("notReady", "this replica does not vote: ask another datacenter");
      default:
        unreachable(reply);
    }
  }
}

/** Nothing new begins in the epoch that this replica takes part in. */
function isClosing(ctx: Context): boolean {
  const { replica, chain } = ctx.known;
  return replica !== null && (replica.frozen || linkOf(chain, replica.epoch + 1) !== null);
}

async function submitOnce(ctx: Context, { id, epoch }: Slotted, payload: Payload, attempt: Attempt) {
  const previous = attempt.id;
  attempt.id = id;
  try {
    const reply = await ctx.store.transact((tx) => {
      if (attempt.over) return { kind: "givenUp" } as const;
      // A slot is used in the epoch it was reserved in, or never.
      if (tx.get("replica", "")?.epoch !== epoch) return { kind: "slotTaken" } as const;
      tx.need([...touchedByRegistering(id, payload), ...touchedByExecuting(payload)]);
      const step = submit(tx, { id, payload });
      // What cannot be sent must not be written: nobody could ever finish it.
      if (step.reply.kind === "submitted" && step.reply.deps.explicit.length > limits.submitDepsMax) {
        return { kind: "tooManyConflicts" } as const;
      }
      applyWrites(tx, step.writes);
      if (step.reply.kind === "submitted" && previous !== null) noteResubmitted(tx, previous, id);
      return step.reply;
    });
    if (reply.kind !== "submitted") attempt.id = previous;
    return reply;
  } catch (error) {
    // It may be durable, so recovery may finish it one day: no longer "nothing was proposed".
    if (error instanceof StoreInDoubt) throw outcomeUnknown(id);
    attempt.id = previous;
    throw error;
  }
}

function noteResubmitted(tx: Transaction, from: InstanceId, to: InstanceId): void {
  const record = tx.get("instance", instanceName(from));
  if (record !== null) tx.put({ kind: "instance", id: instanceName(from), record: { ...record, resubmittedAs: to } });
}

async function leadQuietly(ctx: Context, own: Submitted): Promise<void> {
  ctx.leading.add(own.id);
  try {
    await lead(ctx, own, ctx.leadTimeoutMs);
  } catch (error) {
    ctx.fatal(error);
    ctx.log.warn({ instance: instanceName(own.id), error: String(error) }, "leading failed; recovery will finish it");
  } finally {
    ctx.leading.delete(own.id);
  }
}

type End = OwnEnd | { readonly kind: "unknown" };

/** Waits for the instance to be executed here, by whichever process and however it was committed. */
async function awaitOutcome(ctx: Context, id: InstanceId, deadlineMs: number): Promise<End> {
  ctx.answers.set(id, null);
  try {
    for (;;) {
      const left = deadlineMs - ctx.clock.monotonicMs();
      if (left <= 0 || ctx.stop.signal.aborted) return { kind: "unknown" };
      await waitFor(ctx, id, Math.min(left, ctx.pollMs));
      const answer = ctx.answers.get(id) ?? null;
      if (answer !== null) return answer;
      // Another process of this replica may have executed it, or execution was put off.
      const record = await look(ctx, id);
      const end = record === null ? null : endOf(record);
      if (end !== null) return end;
      if (record?.phase === "committed") await execute(ctx, id).catch(() => {});
    }
  } finally {
    ctx.answers.delete(id);
  }
}

async function look(ctx: Context, id: InstanceId): Promise<InstanceRecord | null> {
  try {
    const [record] = await ctx.store.read("instance", [instanceName(id)]);
    return record ?? null;
  } catch {
    return null; // the store is away: not known yet
  }
}

function nothingProposed(ctx: Context): EpoxyError {
  if (isClosing(ctx)) {
    return new EpoxyError("reconfiguring", "the cluster is changing its voters and did not finish in time; nothing was proposed");
  }
  return new EpoxyError("notReady", "this replica's store did not answer in time; nothing was proposed");
}

function noQuorum(): EpoxyError {
  return new EpoxyError("noQuorum", "too few datacenters can be reached to decide anything; nothing was proposed");
}

function outcomeUnknown(id: InstanceId, options?: ErrorOptions): EpoxyError {
  const instance = instanceName(id);
  const message = `instance ${instance} was proposed and is not decided yet: it may still take effect`;
  return new EpoxyError("outcomeUnknown", message, { instance }, options);
}
