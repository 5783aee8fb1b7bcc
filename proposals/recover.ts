/** Explicit prepare of one instance, end to end: PROPOSAL "recovery", rules a to j. */
import { startRecovery } from "../protocol/acceptor.ts";
import { compareBallots } from "../protocol/ballot.ts";
import { instanceName } from "../protocol/ids.ts";
import type { PeerReplyOf } from "../protocol/messages.ts";
import type { Thresholds } from "../protocol/quorum.ts";
import { concludeRecover, concludeValidate, concludeWaiting } from "../protocol/recovery.ts";
import type { Ballot, Deps, Epoch, InstanceId, InstanceRecord, Payload, ReplicaId, Value } from "../protocol/types.ts";
import { commitEverywhere } from "./commits.ts";
import { applyWrites, type Context, votersOf } from "./context.ts";
import { type Answers, gather, gatherOnce } from "./gather.ts";
import { commitValue } from "./lead.ts";
import { about } from "./log-subject.ts";

type Round = {
  readonly id: InstanceId;
  readonly epoch: Epoch;
  readonly ballot: Ballot;
  readonly voters: readonly ReplicaId[];
  readonly need: Thresholds;
};
type Chosen = { readonly kind: "accept"; readonly value: Value; readonly deps: Deps };
type Ended =
  | { readonly kind: "committed"; readonly value: Value; readonly deps: Deps }
  /** Another ballot, or too few answers: try again later with a higher one. */
  | { readonly kind: "gaveUp"; readonly above: Ballot | null };

/** Starts the recovery of an instance unless one runs in this process already. Resolves when it ended, decided or not. */
export function recover(ctx: Context, id: InstanceId, above: Ballot | null = null): Promise<void> {
  const running = ctx.recovering.get(id);
  if (running !== undefined) return running;
  const started = recoverOnce(ctx, id, above)
    .catch((error) => {
      ctx.fatal(error);
      about(ctx.log, { instance: id }).debug({ error: String(error) }, "recovery gave up");
    })
    .finally(() => ctx.recovering.delete(id));
  ctx.recovering.set(id, started);
  return started;
}

async function recoverOnce(ctx: Context, id: InstanceId, above: Ballot | null): Promise<void> {
  const self = ctx.known.replica?.self as ReplicaId;
  const { started, record, replica } = await ctx.store.transact((tx) => {
    const step = startRecovery(tx, { id, self, above });
    applyWrites(tx, step.writes);
    return { started: step.reply, record: tx.get("instance", instanceName(id)), replica: tx.get("replica", "") };
  });
  if (started.kind === "committed") {
    const { value, deps } = started;
    const epoch = record?.epoch ?? replica?.epoch ?? ctx.known.replica?.epoch;
    if (epoch === undefined) return;
    if (record?.phase === "committed") commitEverywhere(ctx, { id, epoch, value, deps });
    // Step 28: a Nop that only the chain tells of is not written yet, and execution waits for a record that says so.
    else await commitValue(ctx, { id, epoch }, value, deps, "recovered");
    return;
  }
  if (started.kind !== "started") return;
  ctx.meter.count("epoxy_recoveries_total");
  const { voters, need } = votersOf(ctx, started.epoch);
  const round: Round = { id, epoch: started.epoch, ballot: started.ballot, voters, need };
  const ended = await runRound(ctx, round);
  if (ended.kind === "committed") await commitValue(ctx, round, ended.value, ended.deps, "recovered");
  else if (ended.above !== null) ctx.ballotsSeen.set(id, ended.above);
}

async function runRound(ctx: Context, round: Round): Promise<Ended> {
  type First = { readonly kind: "replies"; readonly replies: ReadonlyMap<ReplicaId, PeerReplyOf<"recoverOk">> } | Ended;
  const asked = gather<First>(ctx, {
    to: round.voters,
    request: { kind: "recover", epoch: round.epoch, id: round.id, ballot: round.ballot },
    timeoutMs: ctx.leadTimeoutMs,
    conclude: (answers) => {
      const known = decidedOrLost(answers);
      if (known !== null) return known;
      const replies = recoverOks(answers);
      return replies.size >= round.need.slow ? { kind: "replies", replies } : null;
    },
  });
  try {
    const first = await asked.result;
    if (first === null) return { kind: "gaveUp", above: null };
    if (first.kind !== "replies") return first;
    // Decided once, on these replies; later ones count only while waiting (j4).
    const concluded = concludeRecover({ thresholds: round.need, id: round.id, replies: first.replies });
    if (concluded.kind === "wait") return { kind: "gaveUp", above: null };
    if (concluded.kind === "accept") return await accept(ctx, round, concluded);
    return await validate(ctx, round, concluded, asked.answers);
  } finally {
    asked.stop();
  }
}

function recoverOks(answers: Answers): Map<ReplicaId, PeerReplyOf<"recoverOk">> {
  const oks = new Map<ReplicaId, PeerReplyOf<"recoverOk">>();
  for (const [from, reply] of answers) if (reply.kind === "recoverOk") oks.set(from, reply);
  return oks;
}

/** What ends a round whatever it is doing: someone knows the decision, or has joined a higher ballot. */
function decidedOrLost(answers: Answers): Ended | null {
  for (const reply of answers.values()) {
    if (reply.kind === "committed") return { kind: "committed", value: reply.value, deps: reply.deps };
    if (reply.kind === "settled" || reply.kind === "staleEpoch") return { kind: "gaveUp", above: null };
    if (reply.kind === "nack") return { kind: "gaveUp", above: reply.ballot };
  }
  return null;
}

async function accept(ctx: Context, round: Round, { value, deps }: Chosen): Promise<Ended> {
  const ended = await gatherOnce<Ended>(ctx, {
    to: round.voters,
    request: { kind: "accept", epoch: round.epoch, id: round.id, ballot: round.ballot, value, deps },
    timeoutMs: ctx.leadTimeoutMs,
    conclude: (answers) => {
      const oks = [...answers.values()].filter((reply) => reply.kind === "acceptOk" && compareBallots(reply.ballot, round.ballot) === 0);
      if (oks.length >= round.need.slow) return { kind: "committed", value, deps };
      return decidedOrLost(answers);
    },
  });
  return ended ?? { kind: "gaveUp", above: null };
}

type ToValidate = { readonly payload: Payload; readonly deps: Deps; readonly quorum: readonly ReplicaId[]; readonly count: number };

async function validate(ctx: Context, round: Round, asked: ToValidate, answers: Answers): Promise<Ended> {
  type Result = Ended | Chosen | { readonly kind: "waitFor"; readonly ids: readonly InstanceId[] };
  const result = await gatherOnce<Result>(ctx, {
    to: asked.quorum,
    request: { kind: "validate", epoch: round.epoch, id: round.id, ballot: round.ballot, payload: asked.payload, deps: asked.deps },
    // A member that dies now costs this ballot: better soon than late.
    timeoutMs: Math.min(ctx.leadTimeoutMs, 2_000),
    conclude: (replies) => {
      const known = decidedOrLost(replies);
      if (known !== null) return known;
      const conflicts = new Map(
        [...replies].flatMap(([from, reply]) => (reply.kind === "validateOk" ? [[from, reply.conflicts] as const] : [])),
      );
      const concluded = concludeValidate({ thresholds: round.need, id: round.id, ...asked, conflicts });
      return concluded.kind === "incomplete" ? null : concluded;
    },
  });
  if (result === null) return { kind: "gaveUp", above: null };
  if (result.kind === "accept") return accept(ctx, round, result);
  if (result.kind === "waitFor") return waitForConflicts(ctx, round, asked, result.ids, answers);
  return result;
}

/**
 * Rule i: waits until the conflicting instances say what this one must be. The Waiting notice is sent again all the time:
 * one lost for good would leave two recoveries waiting for each other for ever.
 */
async function waitForConflicts(
  ctx: Context,
  round: Round,
  asked: ToValidate,
  ids: readonly InstanceId[],
  answers: Answers,
): Promise<Ended> {
  const deadlineMs = ctx.clock.monotonicMs() + ctx.leadTimeoutMs;
  while (ctx.clock.monotonicMs() < deadlineMs && !ctx.stop.signal.aborted) {
    void gatherOnce(ctx, {
      to: round.voters,
      request: { kind: "waiting", epoch: round.epoch, id: round.id, count: asked.count },
      timeoutMs: ctx.waitingResendMs,
      conclude: (replies) => (replies.size === round.voters.length ? true : null),
      again: () => false,
    });
    for (const id of ids) void recover(ctx, id, ctx.ballotsSeen.get(id) ?? null);
    await ctx.clock.sleep(ctx.waitingResendMs, ctx.stop.signal);

    const known = decidedOrLost(answers);
    if (known !== null) return known;
    const [own] = await ctx.store.read("instance", [instanceName(round.id)]);
    if (own?.phase === "committed" && own.value !== null) return { kind: "committed", value: own.value, deps: own.deps };
    if (own !== null && own !== undefined && compareBallots(own.ballot, round.ballot) > 0) return { kind: "gaveUp", above: own.ballot };
    const records = await ctx.store.read("instance", ids.map(instanceName));
    const conflicts = new Map<InstanceId, InstanceRecord | null>(ids.map((id, i) => [id, records[i] ?? null]));
    const late = new Map([...recoverOks(answers)].filter(([from]) => !asked.quorum.includes(from)));
    const concluded = concludeWaiting({ thresholds: round.need, id: round.id, ...asked, waitFor: ids, conflicts, late });
    if (concluded.kind === "accept") return accept(ctx, round, concluded);
  }
  return { kind: "gaveUp", above: null };
}
