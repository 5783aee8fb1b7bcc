/** The driver of a change of voters: freeze, close, drain, activate. Any voter may run it, twice or beside another one. RECONFIGURE. */
import { chooseClose, isVoter, linkOf, makeLink, mergeSettled, reserveCloseBallot } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReplyOf } from "../protocol/messages.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { Ballot, ChainLink, Epoch, ReplicaId, Settled } from "../protocol/types.ts";
import { applyWrites, audience, barred, type Context, currentLink, heardSince, identity, votersOf } from "./context.ts";
import { gatherOnce } from "./gather.ts";
import { sha256 } from "./hash.ts";
import { heardFrom } from "./health.ts";
import { about } from "./log-subject.ts";
import { fetchChain, learnChain, loadIdentity, moveOn, takeLinks } from "./voter-duties.ts";

const SEEN_AGAIN_MS = 100;
const TELL_MS = 500;

export type Phase = "freezing" | "closing" | "draining" | "activating";
type Options = { readonly timeoutMs: number; readonly signal?: AbortSignal; readonly onPhase?: (phase: Phase) => void };

/** Resolves when an epoch with exactly these voters is live: slowQ of them have activated it. */
export async function changeVoters(ctx: Context, voters: readonly ReplicaId[], options: Options): Promise<Epoch> {
  const wanted = [...voters].sort((a, b) => a - b);
  // Before anything is frozen for it.
  if (wanted.length < 1 || wanted.length > limits.votersMax)
    throw new EpoxyError("badRequest", `an epoch has 1 to ${limits.votersMax} voters, not ${wanted.length}`);
  const deadlineMs = ctx.clock.monotonicMs() + options.timeoutMs;
  const onPhase = options.onPhase ?? (() => {});
  for (;;) {
    if (options.signal?.aborted === true || ctx.stop.signal.aborted)
      throw new EpoxyError("reconfiguring", "stopped before the new voters were live; it goes on when asked again");
    if (ctx.clock.monotonicMs() > deadlineMs)
      throw new EpoxyError("noQuorum", "the change of voters did not finish in time: too few of the old or new voters answer");
    await loadIdentity(ctx);
    const newest = ctx.known.chain.at(-1) as ChainLink;
    // An epoch that is decided and not live is no answer, and cannot be closed either.
    if (!(await reach(ctx, newest, deadlineMs, onPhase))) continue;
    if (sameVoters(newest.voters, wanted)) return newest.epoch;
    if ((ctx.known.chain.at(-1) as ChainLink).epoch === newest.epoch && ctx.known.replica?.epoch === newest.epoch) {
      await awaitQuorumOf(ctx, wanted);
      await closeEpoch(ctx, wanted, deadlineMs, onPhase);
    }
  }
}

/**
 * Step 3a: an epoch whose voters are gone could never decide anything, not even who votes after it. Who was heard of before this
 * began may have gone meanwhile without being missed yet.
 */
async function awaitQuorumOf(ctx: Context, wanted: readonly ReplicaId[]): Promise<void> {
  const { slow } = thresholds(wanted.length);
  const startMs = ctx.clock.monotonicMs();
  // A process that has just started has heard of nobody yet, and of a newcomer its other processes may know before it does.
  const untilMs = startMs + 2 * limits.suspectMs;
  for (;;) {
    const away = wanted.filter((id) => !heardSince(ctx, id, startMs));
    if (wanted.length - away.length >= slow) return;
    if (ctx.clock.monotonicMs() >= untilMs || ctx.stop.signal.aborted) {
      const who = `of the next voters ${wanted.join(", ")} at least ${slow} must be there, and ${away.join(", ")} cannot be reached`;
      throw new EpoxyError("noQuorum", `${who}; nothing was changed`, { away });
    }
    await ctx.clock.sleep(SEEN_AGAIN_MS, ctx.stop.signal);
  }
}

function sameVoters(a: readonly ReplicaId[], b: readonly ReplicaId[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** A frozen epoch whose driver died: finished with the same voters, unless a next link was accepted somewhere already. */
export async function takeOver(ctx: Context): Promise<void> {
  const link = currentLink(ctx);
  if (link === null) return;
  about(ctx.log, { epoch: link.epoch }).warn({}, "the epoch is frozen and nobody finishes it: taking over");
  const deadlineMs = ctx.clock.monotonicMs() + limits.frozenTakeoverMs * 2;
  await closeEpoch(ctx, link.voters, deadlineMs, () => {});
  await reach(ctx, ctx.known.chain.at(-1) as ChainLink, deadlineMs, () => {});
}

/** Steps 4 to 8: one record, decided by the voters of the current epoch, says what was in it and who votes next. */
export async function closeEpoch(
  ctx: Context,
  voters: readonly ReplicaId[],
  deadlineMs: number,
  onPhase: (phase: Phase) => void,
): Promise<void> {
  const { epoch, self } = identity(ctx);
  // A disk that may have forgotten its ballots must not take one.
  const bar = barred(ctx);
  if (bar !== null) throw new EpoxyError("notReady", bar);
  // Nor may it be frozen by one that has no ballot to close it with.
  if (!isVoter(ctx.known.chain, epoch, self)) throw new EpoxyError("notReady", `this replica does not vote in epoch ${epoch}`);
  onPhase("freezing");
  const settled = await freezeQuorum(ctx, epoch, deadlineMs);
  if (settled === null) return; // closed by someone else meanwhile
  onPhase("closing");
  const previous = linkOf(ctx.known.chain, epoch) as ChainLink;
  const members = ctx.known.members ?? previous.members;
  const own = makeLink({ previous, voters, settled: mergeSettled([previous.settled, settled]), members }, sha256);
  const decided = await decide(ctx, epoch, own, deadlineMs);
  if (decided === null) return;
  await learnChain(ctx, [decided]);
}

async function freezeQuorum(ctx: Context, epoch: Epoch, deadlineMs: number): Promise<Settled | null> {
  const { voters, need } = votersOf(ctx, epoch);
  const result = await gatherOnce<readonly Settled[] | "closed">(ctx, {
    to: voters,
    request: { kind: "freeze", epoch },
    timeoutMs: deadlineMs - ctx.clock.monotonicMs(),
    conclude: (answers) => {
      const replies = [...answers.values()];
      const stale = replies.find((reply) => reply.kind === "staleEpoch");
      if (stale !== undefined) {
        takeLinks(ctx, stale.links);
        return "closed";
      }
      const reports = replies.flatMap((reply) => (reply.kind === "freezeOk" ? [reply.reported] : []));
      return reports.length >= need.slow ? reports : null;
    },
  });
  if (result === null) throw new EpoxyError("noQuorum", `too few voters of epoch ${epoch} answered to freeze it`);
  return result === "closed" ? null : mergeSettled(result);
}

/** Single-decree Paxos among the voters of `epoch`. null: it was decided before and the chain has been learned. */
async function decide(ctx: Context, epoch: Epoch, own: ChainLink, deadlineMs: number): Promise<ChainLink | null> {
  let above: Ballot | null = null;
  for (let tries = 0; ctx.clock.monotonicMs() < deadlineMs; tries++) {
    const reserved = await ctx.store.transact((tx) => {
      const step = reserveCloseBallot(tx, { epoch, above });
      applyWrites(tx, step.writes);
      return step.reply;
    });
    if (reserved.kind === "staleEpoch") return null;
    if (reserved.kind !== "reserved") throw new EpoxyError("notReady", `this replica does not vote in epoch ${epoch}`);
    const round = await paxosRound(ctx, epoch, reserved.ballot, own);
    if (round.kind === "decided") return round.link;
    if (round.kind === "closed") return null;
    above = round.above;
    await ctx.clock.sleep(50 * 2 ** Math.min(tries, 5) * (0.5 + ctx.random.next()), ctx.stop.signal);
  }
  throw new EpoxyError("noQuorum", `too few voters of epoch ${epoch} answered to close it`);
}

type Round =
  | { readonly kind: "decided"; readonly link: ChainLink }
  | { readonly kind: "closed" }
  | { readonly kind: "lost"; readonly above: Ballot | null };

async function paxosRound(ctx: Context, epoch: Epoch, ballot: Ballot, own: ChainLink): Promise<Round> {
  const { voters, need } = votersOf(ctx, epoch);
  type Promises = { readonly kind: "promised"; readonly promises: readonly PeerReplyOf<"closePromise">[] } | Round;
  const prepared = await gatherOnce<Promises>(ctx, {
    to: voters,
    request: { kind: "closePrepare", epoch, ballot },
    timeoutMs: limits.peerTimeoutMs * 2,
    conclude: (answers) => {
      const ended = closedOrLost(ctx, [...answers.values()]);
      if (ended !== null) return ended;
      const promises = [...answers.values()].flatMap((reply) => (reply.kind === "closePromise" ? [reply] : []));
      return promises.length >= need.slow ? { kind: "promised", promises } : null;
    },
  });
  if (prepared === null) return { kind: "lost", above: ballot };
  if (prepared.kind !== "promised") return prepared;
  const link = chooseClose(prepared.promises, own);
  const accepted = await gatherOnce<Round>(ctx, {
    to: voters,
    request: { kind: "closeAccept", epoch, ballot, link },
    timeoutMs: limits.peerTimeoutMs * 2,
    conclude: (answers) => {
      const ended = closedOrLost(ctx, [...answers.values()]);
      if (ended !== null) return ended;
      const count = [...answers.values()].filter((reply) => reply.kind === "closeAccepted").length;
      return count >= need.slow ? { kind: "decided", link } : null;
    },
  });
  return accepted ?? { kind: "lost", above: ballot };
}

function closedOrLost(ctx: Context, replies: readonly { readonly kind: string }[]): Round | null {
  for (const reply of replies as readonly PeerReplyOf<"staleEpoch" | "closeNack">[]) {
    if (reply.kind === "staleEpoch") {
      takeLinks(ctx, reply.links);
      return { kind: "closed" };
    }
    if (reply.kind === "closeNack") return { kind: "lost", above: reply.ballot };
  }
  return null;
}

/** Steps 9 to 12 everywhere: tells all of the link until slowQ of its voters, and this replica, take part in it. False: not in time. */
async function reach(ctx: Context, link: ChainLink, deadlineMs: number, onPhase: (phase: Phase) => void): Promise<boolean> {
  const need = thresholds(link.voters.length).slow;
  const self = identity(ctx).self;
  const isLive = () => {
    const there = link.voters.filter(
      (id) => (id === self ? (ctx.known.replica?.epoch ?? 0) : (ctx.health.get(id)?.epoch ?? 0)) >= link.epoch,
    );
    return there.length >= need && (ctx.known.replica?.epoch ?? 0) >= link.epoch;
  };
  for (let round = 0; !isLive(); round++) {
    if (ctx.clock.monotonicMs() > deadlineMs || ctx.stop.signal.aborted) return false;
    onPhase((ctx.known.replica?.epoch ?? 0) < link.epoch ? "draining" : "activating");
    void moveOn(ctx);
    if (round === 0) tellOwnServers(ctx, link);
    await Promise.all(audience(ctx).map((peer) => tell(ctx, peer, link)));
    if (round > 0) await ctx.clock.sleep(Math.min(20 * 2 ** round, 200), ctx.stop.signal);
  }
  return true;
}

/**
 * Whoever changes the voters is mostly a worker. The instances that hold up the drain are its own server's as often as anybody's,
 * and that one recovers them at once, where the others wait their turn (step 12a). Should the message get lost, its next sync tells.
 */
function tellOwnServers(ctx: Context, link: ChainLink): void {
  const self = identity(ctx).self;
  const url = link.members.members.find(({ id }) => id === self)?.peerUrl;
  if (url === undefined) return;
  const options = { timeoutMs: TELL_MS, signal: ctx.stop.signal };
  ctx.peers.requestUrl(url, self, { kind: "updateConfig", links: [link] }, options).catch(() => undefined);
}

async function tell(ctx: Context, peer: ReplicaId, link: ChainLink): Promise<void> {
  const startMs = ctx.clock.monotonicMs();
  try {
    const answer = await ctx.peers.request(peer, { kind: "updateConfig", links: [link] }, { timeoutMs: TELL_MS, signal: ctx.stop.signal });
    if (!heardFrom(ctx, peer, answer, ctx.clock.monotonicMs() - startMs)) return;
    if (answer.header.epoch > link.epoch) await fetchChain(ctx, peer);
  } catch {
    // It learns by itself once it is back: every sync tells the newest epoch.
  }
}
