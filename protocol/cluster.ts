/** The config chain, and how one epoch ends and the next begins: consensus section 4.2, steps in spec/RECONFIGURE.md. */
import { assert, Contradiction } from "./assert.ts";
import { compareBallots, nextBallot } from "./ballot.ts";
import { NO_DEPS } from "./deps.ts";
import { isOf } from "./epoch-fence.ts";
import { MalformedError } from "./errors.ts";
import { covers, frontierWithin, maxFrontier } from "./frontier.ts";
import { instanceName } from "./ids.ts";
import { blankInstance } from "./instance.ts";
import { limits } from "./limits.ts";
import { membersText } from "./members.ts";
import type { PeerReplyOf, RefusedByEpoch, ReplicaStatus } from "./messages.ts";
import { boundary, idsOf, inSettled, NOTHING_SETTLED } from "./settled.ts";
import type {
  Ballot,
  ChainLink,
  CloseRecord,
  Epoch,
  Frontier,
  InstanceId,
  Members,
  Progress,
  ReplicaId,
  ReplicaState,
  Settled,
  Step,
  View,
  Write,
} from "./types.ts";

export { decodeMembers, encodeMembers, firstMembers } from "./members.ts";
export { makeSettled, mergeSettled } from "./settled.ts";

/** SHA-256 of a text, hex. The caller brings it: this folder imports nothing. */
export type Hash = (text: string) => string;
type Chain = readonly ChainLink[];
const NO_PROGRESS: Progress = { executed: [], globalFloor: [] };

/** How many missing instances an answer names at most. */
const MISSING_MAX = 256;

/** Epoch 1: one voter, nothing settled. */
export function genesisLink({ voter, members }: { readonly voter: ReplicaId; readonly members: Members }, hash: Hash): ChainLink {
  return hashed({ epoch: 1 as Epoch, voters: [voter], settled: NOTHING_SETTLED, members, previousHash: "" }, hash);
}

/** The link after `previous`, not decided yet. Step 7. */
export function makeLink(
  input: { readonly previous: ChainLink; readonly voters: readonly ReplicaId[]; readonly settled: Settled; readonly members: Members },
  hash: Hash,
): ChainLink {
  const { previous, settled, members } = input;
  const voters = [...new Set(input.voters)].sort((a, b) => a - b);
  assert(voters.length >= 1 && voters.length <= limits.votersMax, `voters must be in [1, ${limits.votersMax}], got ${voters.length}`);
  assert(includes(settled, previous.settled), "K never shrinks");
  return hashed({ epoch: (previous.epoch + 1) as Epoch, voters, settled, members, previousHash: previous.hash }, hash);
}

function hashed(link: Omit<ChainLink, "hash">, hash: Hash): ChainLink {
  return { ...link, hash: hash(linkText(link)) };
}

/** What the hash of a link is taken of: every field but the hash, in a fixed order. */
export function linkText({ epoch, voters, settled, members, previousHash }: Omit<ChainLink, "hash">): string {
  return JSON.stringify(["epoxy config link", epoch, voters, settled.frontier, settled.listed, membersText(members), previousHash]);
}

/** Every instance of `low` is one of `high`. */
function includes(high: Settled, low: Settled): boolean {
  return frontierWithin(low.frontier, high.frontier) && low.listed.every((id) => inSettled(high, id));
}

export type VerifiedLinks =
  | { readonly kind: "ok"; readonly chain: Chain }
  /** Not a continuation: a gap, a wrong hash. Nothing of `more` was taken. */
  | { readonly kind: "bad"; readonly reason: string }
  /** Two configurations of one epoch: never to happen, and somebody must be called. */
  | { readonly kind: "fork"; readonly epoch: Epoch };

/** The chain with `more` behind it; links that it has already must be the same. */
export function verifyLinks(chain: Chain, more: Chain, hash: Hash): VerifiedLinks {
  const result = [...chain];
  for (const link of [...more].sort((a, b) => a.epoch - b.epoch)) {
    if (link.hash !== hash(linkText(link))) return { kind: "bad", reason: `link ${link.epoch} does not have its hash` };
    const known = linkOf(result, link.epoch);
    if (known !== null) {
      if (known.hash !== link.hash) return { kind: "fork", epoch: link.epoch };
      continue;
    }
    const reason = notNext(result.at(-1) ?? null, link);
    if (reason !== null) return { kind: "bad", reason };
    result.push(link);
  }
  return { kind: "ok", chain: result };
}

/** Why `link` cannot come right after `last`; null if it can. */
function notNext(last: ChainLink | null, link: ChainLink): string | null {
  if (link.epoch !== (last?.epoch ?? 0) + 1) return `link ${link.epoch} does not follow link ${last?.epoch ?? 0}`;
  if (link.previousHash !== (last?.hash ?? "")) return `link ${link.epoch} is of another chain`;
  const sorted = link.voters.every((id, i) => i === 0 || id > (link.voters[i - 1] as ReplicaId));
  if (!sorted || link.voters.length < 1 || link.voters.length > limits.votersMax) return `link ${link.epoch} has bad voters`;
  if (!includes(link.settled, last?.settled ?? NOTHING_SETTLED)) return `link ${link.epoch} forgets settled instances`;
  return null;
}

export function linkOf(chain: Chain, epoch: number): ChainLink | null {
  return chain[epoch - 1] ?? null;
}

export function isVoter(chain: Chain, epoch: number, replica: ReplicaId): boolean {
  return linkOf(chain, epoch)?.voters.includes(replica) ?? false;
}

/** What a replica is, in its own words. A voter is active once it has activated an epoch in which it votes. */
export function statusOf(replica: ReplicaState | null, chain: Chain, members: Members | null): ReplicaStatus {
  if (replica === null) return "joining";
  const newest = chain.at(-1) ?? null;
  const votesOn = newest === null || newest.voters.includes(replica.self);
  if (votesOn && isVoter(chain, replica.epoch, replica.self)) return "active";
  const gone = [members, newest?.members ?? null].some((list) => list?.removed.includes(replica.self) ?? false);
  return gone && !votesOn ? "removed" : "learning";
}

function chainOf(view: View): Chain {
  return view.get("chain", "")?.links ?? [];
}

/** Everything below is executed here, whether or not a record is left to say so. */
function executedHere(view: View, progress: Progress, id: InstanceId): boolean {
  if (covers(progress.executed, id) || covers(progress.globalFloor, id)) return true;
  return view.get("instance", instanceName(id))?.executed ?? false;
}

type Voter = { readonly kind: "voter"; readonly replica: ReplicaState; readonly chain: Chain };

/** This replica as a voter that has activated `epoch` and knows of no later one; else why it takes no part. */
function asVoter(view: View, epoch: Epoch): Voter | RefusedByEpoch {
  const replica = view.get("replica", "");
  const chain = chainOf(view);
  if (linkOf(chain, epoch + 1) !== null) return { kind: "staleEpoch", links: chain.slice(epoch) };
  if (replica === null || replica.epoch !== epoch || !isVoter(chain, epoch, replica.self)) {
    return { kind: "notVoting", epoch: replica?.epoch ?? 0, status: statusOf(replica, chain, null) };
  }
  return { kind: "voter", replica, chain };
}

export type FreezeReply = { readonly kind: "frozen" } | { readonly kind: "already"; readonly reported: Settled } | RefusedByEpoch;

/** Step 4: from now on nothing new begins in `epoch` here. Rep is fixed by `report`, after the records were listed. */
export function freeze(view: View, epoch: Epoch): Step<FreezeReply> {
  const voter = asVoter(view, epoch);
  if (voter.kind !== "voter") return { reply: voter, writes: [] };
  const { replica } = voter;
  if (replica.reported !== null) return { reply: { kind: "already", reported: replica.reported }, writes: [] };
  if (replica.frozen) return { reply: { kind: "frozen" }, writes: [] };
  return { reply: { kind: "frozen" }, writes: [{ kind: "replica", id: "", record: { ...replica, frozen: true } }] };
}

/**
 * Step 5: fixes Rep of `epoch` once; the first one given stays.
 * `reported` must hold every id with any record here: list the records after the freeze is durable, then read the
 * executed prefix, so that what was executed in between is under one of the two.
 */
export function report(
  view: View,
  { epoch, reported }: { readonly epoch: Epoch; readonly reported: Settled },
): Step<{ readonly reported: Settled }> {
  const replica = view.get("replica", "");
  assert(replica !== null && replica.epoch >= epoch, `epoch ${epoch} is not active here`);
  // Past it the close is decided already: whatever is reported can change nothing.
  if (replica.epoch > epoch) return { reply: { reported }, writes: [] };
  assert(replica.frozen, "Rep is fixed after freezing");
  if (replica.reported !== null) return { reply: { reported: replica.reported }, writes: [] };
  return { reply: { reported }, writes: [{ kind: "replica", id: "", record: { ...replica, reported } }] };
}

export type ClosePrepareReply = PeerReplyOf<"closePromise"> | PeerReplyOf<"closeNack"> | RefusedByEpoch;
export type CloseAcceptReply = PeerReplyOf<"closeAccepted"> | PeerReplyOf<"closeNack"> | RefusedByEpoch;
type CloseBallot = { readonly epoch: Epoch; readonly ballot: Ballot };

/** The acceptor of the decree that closes `epoch`, as it stands. */
function closeRecord(view: View, epoch: Epoch): CloseRecord {
  const record = view.get("close", "");
  if (record?.epoch === epoch) return record;
  return { epoch, promised: { epoch, counter: 0, replica: 0 as ReplicaId }, accepted: null };
}

/**
 * Step 6: a ballot that this replica never used, promised to itself in the same step. Two processes of one replica must
 * not share one, and a duplicate `closePrepare` is answered again: so a proposer's ballots come from here only.
 */
export function reserveCloseBallot(
  view: View,
  { epoch, above }: { readonly epoch: Epoch; readonly above: Ballot | null },
): Step<{ readonly kind: "reserved"; readonly ballot: Ballot } | RefusedByEpoch> {
  const voter = asVoter(view, epoch);
  if (voter.kind !== "voter") return { reply: voter, writes: [] };
  const record = closeRecord(view, epoch);
  const seen = above !== null && compareBallots(above, record.promised) > 0 ? above : record.promised;
  const ballot = nextBallot({ ...seen, epoch }, voter.replica.self);
  return { reply: { kind: "reserved", ballot }, writes: [{ kind: "close", id: "", record: { ...record, promised: ballot } }] };
}

/** Step 6, acceptor: phase 1 of single-decree Paxos. */
export function closePrepare(view: View, { epoch, ballot }: CloseBallot): Step<ClosePrepareReply> {
  const voter = asVoter(view, epoch);
  if (voter.kind !== "voter") return { reply: voter, writes: [] };
  const record = closeRecord(view, epoch);
  const order = compareBallots(ballot, record.promised);
  if (order < 0) return { reply: { kind: "closeNack", ballot: record.promised }, writes: [] };
  const reply = { kind: "closePromise", accepted: record.accepted } as const;
  if (order === 0) return { reply, writes: [] };
  return { reply, writes: [{ kind: "close", id: "", record: { ...record, promised: ballot } }] };
}

/**
 * Step 7, acceptor: phase 2 of single-decree Paxos.
 *
 * @throws MalformedError for a link that does not follow this epoch's
 */
export function closeAccept(view: View, { epoch, ballot, link }: CloseBallot & { readonly link: ChainLink }): Step<CloseAcceptReply> {
  const voter = asVoter(view, epoch);
  if (voter.kind !== "voter") return { reply: voter, writes: [] };
  const reason = notNext(linkOf(voter.chain, epoch), link);
  if (reason !== null) throw new MalformedError(reason);
  const record = closeRecord(view, epoch);
  if (compareBallots(ballot, record.promised) < 0) return { reply: { kind: "closeNack", ballot: record.promised }, writes: [] };
  const accepted: CloseRecord = { epoch, promised: ballot, accepted: { ballot, link } };
  return { reply: { kind: "closeAccepted" }, writes: [{ kind: "close", id: "", record: accepted }] };
}

/** Step 7, proposer: the link of the highest accepted ballot that a quorum's promises name, else its own. */
export function chooseClose(promises: readonly { readonly accepted: CloseRecord["accepted"] }[], own: ChainLink): ChainLink {
  let best: CloseRecord["accepted"] = null;
  for (const { accepted } of promises) {
    if (accepted !== null && (best === null || compareBallots(accepted.ballot, best.ballot) > 0)) best = accepted;
  }
  return best?.link ?? own;
}

/**
 * Step 8: appends decided links. Knowing a link above this replica's epoch freezes that epoch here (R7).
 *
 * @throws Contradiction when one epoch has two configurations
 */
export function learnLinks(view: View, links: Chain, hash: Hash): Step<{ readonly learned: boolean }> {
  const chain = chainOf(view);
  const verified = verifyLinks(chain, links, hash);
  if (verified.kind === "fork") throw new Contradiction(`epoch ${verified.epoch} has two configurations`);
  if (verified.kind === "bad" || verified.chain.length === chain.length) return { reply: { learned: false }, writes: [] };
  const writes: Write[] = [{ kind: "chain", id: "", record: { links: verified.chain } }];
  const replica = view.get("replica", "");
  if (replica !== null && !replica.frozen && verified.chain.length > replica.epoch) {
    writes.push({ kind: "replica", id: "", record: { ...replica, frozen: true } });
  }
  return { reply: { learned: true }, writes };
}

/**
 * Step 9: what a closed epoch did not settle is a committed Nop for ever (R4). Gives the writes for those of `ids`, in the
 * epoch of their records, unless they are mere promises; one without a record is taken for one of this replica's epoch or before: the caller has seen a
 * later slot of its column that is.
 */
export function settleOutside(view: View, ids: readonly InstanceId[]): readonly Write[] {
  const chain = chainOf(view);
  const replica = view.get("replica", "");
  const { executed } = view.get("progress", "") ?? NO_PROGRESS;
  const writes: Write[] = [];
  for (const id of ids) {
    const known = view.get("instance", instanceName(id));
    if (known === null && (replica === null || replica.epoch === 0 || covers(executed, id))) continue;
    const record = known ?? blankInstance((replica as ReplicaState).epoch as Epoch, id);
    const next = linkOf(chain, record.epoch + 1);
    if (next === null || inSettled(next.settled, id) || (known !== null && !isOf(known, known.epoch))) continue;
    if (record.phase === "committed") {
      assert(record.value === "nop", `${instanceName(id)} was committed in epoch ${record.epoch} and is not in its K`);
      continue;
    }
    writes.push({ kind: "instance", id: instanceName(id), record: { ...record, phase: "committed", value: "nop", deps: NO_DEPS } });
  }
  return writes;
}

export type Activable =
  | { readonly kind: "ready"; readonly boundary: Frontier }
  | { readonly kind: "missing"; readonly ids: readonly InstanceId[] };

/**
 * Step 11: whether all of K is executed here, so that the epoch after this replica's may be activated. Otherwise some of
 * the ids to recover or fetch; none of them when the next link is not known.
 */
export function canActivate(view: View, chain: Chain): Activable {
  const replica = view.get("replica", "");
  const next = replica === null ? null : linkOf(chain, replica.epoch + 1);
  if (next === null) return { kind: "missing", ids: [] };
  const progress = view.get("progress", "") ?? NO_PROGRESS;
  const ids: InstanceId[] = [];
  for (const id of idsOf(next.settled, progress.executed)) {
    if (executedHere(view, progress, id)) continue;
    ids.push(id);
    if (ids.length === MISSING_MAX) break;
  }
  return ids.length === 0 ? { kind: "ready", boundary: boundary(next.settled) } : { kind: "missing", ids };
}

export type ActivateReply =
  | { readonly kind: "activated"; readonly epoch: Epoch }
  | { readonly kind: "notReady"; readonly ids: readonly InstanceId[] };

/** Step 12: this replica takes part in the next epoch. Everything that K lacks below its boundary is Nop for ever. */
export function activate(view: View): Step<ActivateReply> {
  const replica = view.get("replica", "");
  const chain = chainOf(view);
  const able = canActivate(view, chain);
  if (replica === null || able.kind === "missing")
    return { reply: { kind: "notReady", ids: able.kind === "missing" ? able.ids : [] }, writes: [] };
  const epoch = (replica.epoch + 1) as Epoch;
  const progress = view.get("progress", "") ?? NO_PROGRESS;
  const executed = maxFrontier([progress.executed, able.boundary]);
  const frozen = linkOf(chain, epoch + 1) !== null;
  const writes: Write[] = [
    { kind: "replica", id: "", record: { ...replica, epoch, frozen, reported: null } },
    { kind: "progress", id: "", record: { ...progress, executed } },
  ];
  if (view.get("close", "") !== null) writes.push({ kind: "close", id: "", record: null });
  return { reply: { kind: "activated", epoch }, writes };
}
