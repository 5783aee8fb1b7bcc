/** The owner's part of one instance: from its durable pre-accept to its commit. PROPOSAL, "the owner". */
import { fastCommit, ownCommit, selfAccept } from "../protocol/acceptor.ts";
import { ownerBallot } from "../protocol/ballot.ts";
import { sameDeps } from "../protocol/deps.ts";
import type { PeerReplyOf } from "../protocol/messages.ts";
import { concludePreAccepts } from "../protocol/owner.ts";
import type { Deps, Epoch, InstanceId, Payload, ReplicaId, Step, Value } from "../protocol/types.ts";
import { commitEverywhere } from "./commits.ts";
import { noteContested } from "./contested.ts";
import { applyWrites, type Context, suspected, votersOf } from "./context.ts";
import { afterExecution, type Executed, executeBlockedOn, tryExecute } from "./execute.ts";
import { type Answers, gatherOnce } from "./gather.ts";
import { fastIsNearer, hopeEndsMs } from "./hope.ts";
import { observeSince } from "./latency.ts";
import { about } from "./log-subject.ts";
import { quorumRoundTripMs, roundTripMs } from "./round-trips.ts";

export type Submitted = { readonly id: InstanceId; readonly epoch: Epoch; readonly payload: Payload; readonly deps: Deps };

type Conclusion =
  | { readonly kind: "fast" }
  | { readonly kind: "slow"; readonly deps: Deps }
  | { readonly kind: "known"; readonly value: Value; readonly deps: Deps }
  /** Someone else decides it now: recovery, or the end of the epoch. */
  | { readonly kind: "lost" };

/** `lead`, whose failures are recovery's to finish. Never rejects. */
export async function leadQuietly(ctx: Context, own: Submitted): Promise<void> {
  ctx.leading.add(own.id);
  try {
    await lead(ctx, own, ctx.leadTimeoutMs);
  } catch (error) {
    ctx.fatal(error);
    about(ctx.log, { instance: own.id, epoch: own.epoch }).warn({ error: String(error) }, "leading failed; recovery will finish it");
  } finally {
    ctx.leading.delete(own.id);
  }
}

/** Tries to get the instance committed as its owner. Leaves it to recovery where it cannot; never decides against one. */
export async function lead(ctx: Context, own: Submitted, timeoutMs: number): Promise<void> {
  const concluded = await preAccept(ctx, own, timeoutMs);
  switch (concluded?.kind) {
    case "fast":
      return commitOwn(ctx, own, "fast", (tx) => fastCommit(tx, { id: own.id }));
    case "known":
      return commitValue(ctx, own, concluded.value, concluded.deps, "recovered");
    case "slow":
      noteContested(ctx, own.payload);
      return slowPath(ctx, own, concluded.deps, timeoutMs);
    default:
      about(ctx.log, { instance: own.id, epoch: own.epoch }).debug({}, "left to recovery");
  }
}

async function preAccept(ctx: Context, own: Submitted, timeoutMs: number): Promise<Conclusion | null> {
  const { voters, need } = votersOf(ctx, own.epoch);
  const self = ctx.known.replica?.self as ReplicaId;
  const others = voters.filter((id) => id !== self);
  const slowMs = quorumRoundTripMs(ctx, others, need.slow);
  const startMs = ctx.clock.monotonicMs();
  const conclude = (answers: Answers, nudged: boolean): Conclusion | null => {
    const oks = new Map<ReplicaId, Deps>([[self, own.deps]]);
    const refused = new Set<ReplicaId>();
    let frozen = 0;
    for (const [from, reply] of answers) {
      if (reply.kind === "preAcceptOk") oks.set(from, reply.deps);
      else if (reply.kind === "committed") return { kind: "known", value: reply.value, deps: reply.deps };
      // Whoever asks for more of an epoch that is over asks in vain: its close says what becomes of the instance.
      else if (reply.kind === "nack" || reply.kind === "staleEpoch") return { kind: "lost" };
      else refused.add(from);
      if (reply.kind === "frozen") frozen++;
    }
    const fastTimedOut = nudged || (oks.size >= need.slow && !hopeful(answers, oks));
    const result = concludePreAccepts({ thresholds: need, initDeps: own.deps, oks, fastTimedOut, refused });
    if (result.kind !== "wait") return result;
    // They answer for good. Who refuses else is asked again: mostly it has only not activated the epoch yet (step 16a).
    return frozen > need.n - need.slow ? { kind: "lost" } : null;
  };
  /** The fast path still needs some that agree, and expects them in time. */
  const hopeful = (answers: Answers, oks: ReadonlyMap<ReplicaId, Deps>): boolean => {
    const awaited = others.filter((id) => !answers.has(id) && !suspected(ctx, id));
    return fastIsNearer({
      elapsedMs: ctx.clock.monotonicMs() - startMs,
      awaitedMs: awaited.map((id) => roundTripMs(ctx, id)),
      missing: need.fast - [...oks.values()].filter((deps) => sameDeps(deps, own.deps)).length,
      slowMs,
    });
  };
  const alone = conclude(new Map(), false);
  if (alone !== null) return alone;
  return gatherOnce<Conclusion>(ctx, {
    to: others,
    request: { kind: "preAccept", epoch: own.epoch, id: own.id, payload: own.payload, deps: own.deps },
    timeoutMs,
    conclude,
    nudgeMs: hopeEndsMs(
      others.map((id) => roundTripMs(ctx, id)),
      slowMs,
    ),
    again: (reply) => reply.kind === "notVoting" || reply.kind === "refused",
  });
}

async function slowPath(ctx: Context, own: Submitted, deps: Deps, timeoutMs: number): Promise<void> {
  const accepted = await ctx.store.transact((tx) => {
    const step = selfAccept(tx, { id: own.id, deps });
    applyWrites(tx, step.writes);
    return step.reply;
  });
  if (accepted.kind === "lost") return;
  const { voters, need } = votersOf(ctx, own.epoch);
  const ballot = ownerBallot(own.epoch, own.id);
  const self = ctx.known.replica?.self as ReplicaId;
  const conclude = (answers: Answers): Conclusion | null => {
    let oks = 1;
    for (const reply of answers.values()) {
      if (reply.kind === "acceptOk") oks++;
      else if (reply.kind === "committed") return known(reply);
      else if (reply.kind === "nack" || reply.kind === "staleEpoch") return { kind: "lost" };
    }
    return oks >= need.slow ? { kind: "slow", deps } : null;
  };
  const result = await gatherOnce<Conclusion>(ctx, {
    to: voters.filter((id) => id !== self),
    request: { kind: "accept", epoch: own.epoch, id: own.id, ballot, value: own.payload, deps },
    timeoutMs,
    conclude,
  });
  if (result?.kind === "slow") await commitValue(ctx, own, own.payload, deps, "slow");
  if (result?.kind === "known") await commitValue(ctx, own, result.value, result.deps, "recovered");
}

function known(reply: PeerReplyOf<"committed">): Conclusion {
  return { kind: "known", value: reply.value, deps: reply.deps };
}

export async function commitValue(
  ctx: Context,
  at: { readonly id: InstanceId; readonly epoch: Epoch },
  value: Value,
  deps: Deps,
  path: "fast" | "slow" | "recovered",
): Promise<void> {
  await commitOwn(ctx, at, path, (tx) => ownCommit(tx, { id: at.id, epoch: at.epoch, value, deps, path }));
}

type CommitStep = Step<{ readonly kind: "committed"; readonly value: Value; readonly deps: Deps } | { readonly kind: "lost" }>;

/** Commits and executes in one transaction, answers who waits, then tells the others. */
async function commitOwn(
  ctx: Context,
  at: { readonly id: InstanceId; readonly epoch: Epoch },
  path: "fast" | "slow" | "recovered",
  step: (tx: Parameters<Parameters<Context["store"]["transact"]>[0]>[0]) => CommitStep,
): Promise<void> {
  const { reply, executed } = await ctx.store.transact((tx): { reply: CommitStep["reply"]; executed: Executed | null } => {
    const { reply, writes } = step(tx);
    applyWrites(tx, writes);
    return { reply, executed: reply.kind === "committed" ? tryExecute(ctx, tx, at.id) : null };
  });
  if (reply.kind !== "committed" || executed === null) return;
  ctx.meter.count("epoxy_commits_total", { path: reply.value === "nop" ? "nop" : path });
  observeSince(ctx, at.id, "epoxy_commit_seconds", { path });
  commitEverywhere(ctx, { id: at.id, epoch: at.epoch, value: reply.value, deps: reply.deps });
  await afterExecution(ctx, at.id, executed);
  if (executed.kind === "blocked") await executeBlockedOn(ctx, at.id);
}
