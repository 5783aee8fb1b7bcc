/** One proposal from its commands to its results: the walk of PROPOSAL.md. */
import { submit } from "../protocol/acceptor.ts";
import { unreachable } from "../protocol/assert.ts";
import { isVoter } from "../protocol/cluster.ts";
import { BUCKET_MS } from "../protocol/conflict.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { covers } from "../protocol/frontier.ts";
import { instanceName } from "../protocol/ids.ts";
import type { Entry, Epoch, InstanceId, InstanceRecord, Payload } from "../protocol/types.ts";
import type { ProposeAnswer, ProposeInput } from "./api.ts";
import { applyWrites, barred, type Context, identity, quorumReachable, waitFor } from "./context.ts";
import { endOf, execute, type OwnEnd } from "./execute.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { lead, type Submitted } from "./lead.ts";
import { StoreInDoubt } from "./ports.ts";
import { dropBlock, takeSlot } from "./slots.ts";
import { touchedByExecuting, touchedByRegistering } from "./touched.ts";

/** Orders the commands at one point and answers once they are executed here. See api.ts for what it throws. */
export async function propose(ctx: Context, input: ProposeInput): Promise<ProposeAnswer> {
  const startMs = ctx.clock.monotonicMs();
  const deadlineMs = startMs + input.timeoutMs;
  refuseEarly(ctx);
  const payload = makePayload(ctx, input);
  let previous: InstanceId | null = null;
  for (;;) {
    const own = await submitWhenOpen(ctx, payload, deadlineMs, previous);
    if (previous !== null) await noteResubmitted(ctx, previous, own.id);
    void leadQuietly(ctx, own);
    const end = await awaitOutcome(ctx, own.id, deadlineMs);
    switch (end.kind) {
      case "executed":
        ctx.meter.observe("epoxy_proposal_seconds", (ctx.clock.monotonicMs() - startMs) / 1000, { path: end.path });
        return { instance: own.id, path: end.path, outcome: end.outcome };
      case "nop":
        // The caller still waits, and a committed Nop never executes: nothing can run twice.
        previous = own.id;
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
  if (!quorumReachable(ctx))
    throw new EpoxyError("noQuorum", "too few datacenters can be reached to decide anything; nothing was proposed");
}

function makePayload(ctx: Context, input: ProposeInput): Payload {
  const { commands, idempotencyKey } = input;
  // The later of this clock and the end of the newest closed bucket: a clock far behind does no harm (consensus 9).
  const stampMs = Math.max(ctx.clock.wallMs(), (ctx.closedHour + 1) * BUCKET_MS);
  const idempotency = idempotencyKey === null ? null : { key: idempotencyKey, fingerprint: fingerprintOf(commands), stampMs };
  const entry: Entry = { commands, idempotency };
  return { seq: ctx.clock.wallMs(), entries: [entry] };
}

/** Makes the pre-accept durable here, holding it while the epoch changes. */
async function submitWhenOpen(ctx: Context, payload: Payload, deadlineMs: number, previous: InstanceId | null): Promise<Submitted> {
  for (;;) {
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0) {
      if (previous !== null) throw outcomeUnknown(previous);
      throw new EpoxyError("reconfiguring", "the cluster is changing its voters and did not finish in time; nothing was proposed");
    }
    const { id, epoch } = await takeSlot(ctx);
    const reply = await submitOnce(ctx, id, epoch, payload);
    switch (reply.kind) {
      case "submitted":
        return { id, epoch, payload, deps: reply.deps };
      case "slotTaken":
        dropBlock(ctx);
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

async function submitOnce(ctx: Context, id: InstanceId, epoch: Epoch, payload: Payload) {
  try {
    return await ctx.store.transact((tx) => {
      // A slot is used in the epoch it was reserved in, or never.
      if (tx.get("replica", "")?.epoch !== epoch) return { kind: "slotTaken" } as const;
      tx.need([...touchedByRegistering(id, payload), ...touchedByExecuting(payload)]);
      const step = submit(tx, { id, payload });
      applyWrites(tx, step.writes);
      return step.reply;
    });
  } catch (error) {
    // It may be durable, so recovery may finish it one day: no longer "nothing was proposed".
    if (error instanceof StoreInDoubt) throw outcomeUnknown(id);
    throw error;
  }
}

async function leadQuietly(ctx: Context, own: Submitted): Promise<void> {
  ctx.leading.add(own.id);
  try {
    await lead(ctx, own, ctx.leadTimeoutMs);
  } catch (error) {
    ctx.log.warn({ instance: instanceName(own.id), error: String(error) }, "leading failed; recovery will finish it");
  } finally {
    ctx.leading.delete(own.id);
  }
}

type End = OwnEnd | { readonly kind: "unknown" };

/** Waits for the instance to be executed here, by whichever process and however it was committed. */
async function awaitOutcome(ctx: Context, id: InstanceId, deadlineMs: number): Promise<End> {
  for (;;) {
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0 || ctx.stop.signal.aborted) return { kind: "unknown" };
    await waitFor(ctx, id, Math.min(left, ctx.pollMs));
    const answer = ctx.answers.get(id);
    if (answer !== undefined) {
      ctx.answers.delete(id);
      return answer;
    }
    // Another process of this replica may have executed it, or execution was put off.
    const record = await look(ctx, id);
    const end = record === null ? null : endOf(record);
    if (end !== null) return end;
    if (record?.phase === "committed") await execute(ctx, id).catch(() => {});
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

async function noteResubmitted(ctx: Context, from: InstanceId, to: InstanceId): Promise<void> {
  if (covers(ctx.known.progress.globalFloor, from)) return;
  await ctx.store.transact((tx) => {
    const record = tx.get("instance", instanceName(from));
    if (record !== null) tx.put({ kind: "instance", id: instanceName(from), record: { ...record, resubmittedAs: to } });
  });
}

function outcomeUnknown(id: InstanceId): EpoxyError {
  const instance = instanceName(id);
  return new EpoxyError("outcomeUnknown", `instance ${instance} was proposed and is not decided yet: it may still take effect`, {
    instance,
  });
}
