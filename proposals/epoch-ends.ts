/** Comparing what members hold at the end of an epoch, before who is new there may vote. RECONFIGURE steps 10a and 10b. */
import { isVoter } from "../protocol/cluster.ts";
import { asDigest, type EndJudgement, endOf, endPosition, judgeEnd } from "../protocol/epoch-end.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply } from "../protocol/messages.ts";
import type { Epoch, ReplicaId } from "../protocol/types.ts";
import { type Context, identity, votersOf } from "./context.ts";
import { type Answers, type GatherInput, type Gathering, gather } from "./gather.ts";
import { about } from "./log-subject.ts";

/** As it is written down and told: 32 lower-case hex digits. */
export function digestText(digest: bigint): string {
  return digest.toString(16).padStart(32, "0");
}

/** The digest at the end of `epoch`. Who asks is mostly done with its drain a moment before this replica: the question waits for it. */
export async function answerEnd(ctx: Context, epoch: Epoch): Promise<PeerReply> {
  const untilMs = ctx.clock.monotonicMs() + limits.epochEndWaitMs;
  for (;;) {
    // In this order: it is written down with the activation.
    const [replica] = await ctx.store.read("replica", [""]);
    const [ends] = await ctx.store.read("ends", [""]);
    const digest = endOf(ends ?? null, epoch);
    if (digest !== null) return { kind: "snapshotChangesOk", changes: [], position: digest, executed: null };
    if ((replica?.epoch ?? 0) > epoch)
      return { kind: "refused", code: "notFound", message: `the digest at the end of epoch ${epoch} is not known here` };
    if (ctx.clock.monotonicMs() >= untilMs || ctx.stop.signal.aborted)
      return { kind: "refused", code: "notReady", message: `epoch ${epoch} has not ended here yet` };
    await ctx.clock.sleep(limits.epochEndLookMs, ctx.stop.signal);
  }
}

export type EndsAsked = {
  /** Resolves when it is told what to think of this digest. */
  judge(own: string): Promise<EndJudgement>;
  stop(): void;
};

/** Asks the voters of `epoch` from now on, so that they have mostly told by the time this replica is done with its own drain. */
export function askEnds(ctx: Context, epoch: Epoch): EndsAsked {
  const { voters } = votersOf(ctx, epoch);
  let digest: string | null = null;
  const judged = (answers: Answers, isLast: boolean): EndJudgement =>
    digest === null ? { kind: "open" } : judgeEnd({ voters, own: digest, told: toldBy(answers), isLast });
  const gathering = gatherEnds<EndJudgement>(ctx, epoch, {
    to: voters,
    timeoutMs: limits.epochEndAskedMs,
    conclude: (answers) => {
      const judgement = judged(answers, false);
      return judgement.kind === "open" ? null : judgement;
    },
  });
  return {
    async judge(own) {
      digest = own;
      const known = judged(gathering.answers, false);
      if (known.kind !== "open") return known;
      const patience = new AbortController();
      const found = await Promise.race([gathering.result, ctx.clock.sleep(limits.epochEndPatienceMs, patience.signal).then(() => null)]);
      patience.abort();
      return found ?? judged(gathering.answers, true);
    },
    stop: gathering.stop,
  };
}

function gatherEnds<T>(ctx: Context, epoch: Epoch, input: Pick<GatherInput<T>, "to" | "timeoutMs" | "conclude">): Gathering<T> {
  return gather(ctx, { ...input, request: { kind: "snapshotChanges", after: endPosition(epoch) }, again: isNotYet });
}

/** In a moment, perhaps. Everything else that is no digest says that there is none, as a build does that knows of none. */
function isNotYet(reply: PeerReply): boolean {
  return reply.kind === "notVoting" || (reply.kind === "refused" && reply.code === "notReady");
}

function toldBy(answers: Answers): Map<ReplicaId, string | null> {
  const told = new Map<ReplicaId, string | null>();
  for (const [id, reply] of answers) {
    if (!isNotYet(reply)) told.set(id, reply.kind === "snapshotChangesOk" ? asDigest(reply.position) : null);
  }
  return told;
}

/**
 * Old voters among themselves: what differs there votes already, and which of them is right nobody can tell. So somebody is
 * called. Nothing waits for it.
 */
export async function compareWithVoters(ctx: Context, epoch: Epoch, own: string): Promise<void> {
  const { self } = identity(ctx);
  const others = votersOf(ctx, epoch).voters.filter((id) => id !== self);
  if (others.length === 0 || !isVoter(ctx.known.chain, epoch, self)) return;
  const gathering = gatherEnds<true>(ctx, epoch, {
    to: others,
    timeoutMs: limits.epochEndPatienceMs,
    conclude: (answers) => (toldBy(answers).size === others.length ? true : null),
  });
  await gathering.result;
  gathering.stop();
  const told = toldBy(gathering.answers);
  const different = others.filter((id) => (told.get(id) ?? own) !== own);
  const outcome = different.length > 0 ? "differs" : [...told.values()].some((digest) => digest !== null) ? "same" : "unknown";
  ctx.meter.count("epoxy_digests_compared_total", { with: "voters", outcome });
  if (different.length === 0) return;
  about(ctx.log, { epoch }).error(
    { own, told: Object.fromEntries(told) },
    `this datacenter (${self}) and datacenter ${different.join(", ")} have executed the same and hold different data since the end of epoch ${epoch} or before: back one up, find out which is right, and replace the others (docs/operating.md)`,
  );
}
