import { limits } from "../protocol/limits.ts";
import type { PeerReply, SyncState } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import type { Context, Peer } from "./context.ts";
import type { PeerAnswer } from "./ports.ts";

export function peerOf(ctx: Context, id: ReplicaId): Peer {
  let peer = ctx.health.get(id);
  if (peer === undefined) {
    peer = {
      lastSeenMs: null,
      roundTripMs: null,
      epoch: 0,
      status: null,
      incarnation: "",
      counter: 0,
      sync: null,
      previousSync: null,
      syncMs: null,
    };
    ctx.health.set(id, peer);
  }
  return peer;
}

/**
 * An answer came: only answers show that a peer hears us, so requests do not count here. One that refuses (its store is
 * away, its disk may not vote, we are no member) is no help to a quorum, so it does not count as seen.
 *
 * @param roundTripMs null where it is no measure of the distance
 * @returns false when it speaks from another disk than the one it joined with: nothing that it says may be counted
 */
export function heardFrom(ctx: Context, id: ReplicaId, { header, reply }: PeerAnswer, roundTripMs: number | null): boolean {
  const member = ctx.known.members?.members.find((one) => one.id === id);
  const registered = member?.incarnation ?? null;
  // A store without identity: a newcomer, or a member's disk that was emptied. It says nothing of the disk that was there.
  if (header.from === 0) return true;
  if (header.from !== id || (registered !== null && registered !== header.incarnation)) return false;
  const peer = peerOf(ctx, id);
  if (reply.kind !== "refused") peer.lastSeenMs = ctx.clock.monotonicMs();
  noteRemoval(ctx, reply);
  // A process that was stopped finds minutes between a question and its answer: patience that grew by them would take as long to shrink.
  if (roundTripMs !== null) {
    const sampleMs = Math.min(roundTripMs, limits.peerTimeoutMs);
    peer.roundTripMs = peer.roundTripMs === null ? sampleMs : peer.roundTripMs * 0.8 + sampleMs * 0.2;
  }
  peer.epoch = header.epoch;
  peer.status = header.status;
  rememberDisk(ctx, id, header.incarnation, header.counter);
  return true;
}

/** The code with which members refuse one that is a member no more: it may have missed its own removal (RECONFIGURE 16). */
export const REMOVED = "removed";

function noteRemoval(ctx: Context, reply: PeerReply): void {
  if (reply.kind !== "refused" || reply.code !== REMOVED || ctx.removed) return;
  ctx.removed = true;
  ctx.log.error({}, "the others say that this replica was removed from the cluster");
}

/** What a disk has shown of itself, so that an older copy of it is known (consensus section 5). */
export function rememberDisk(ctx: Context, id: ReplicaId, incarnation: string, counter: number): void {
  const peer = peerOf(ctx, id);
  peer.counter = peer.incarnation === incarnation ? Math.max(peer.counter, counter) : counter;
  peer.incarnation = incarnation;
}

/** What was seen before this process started: a peer put back to an older disk meanwhile must not find that forgotten. */
export async function loadPeers(ctx: Context): Promise<void> {
  const [record] = await ctx.store.read("peers", [""]);
  for (const { replica, counter } of record?.seen ?? []) {
    const member = ctx.known.members?.members.find(({ id }) => id === replica);
    if (member !== undefined && member.incarnation !== null) rememberDisk(ctx, replica, member.incarnation, counter);
  }
}

/** Writes the counters seen down, now and then. They only have to be nearly new: an older disk is older by more than that. */
export async function savePeers(ctx: Context): Promise<void> {
  const seen = (ctx.known.members?.members ?? []).flatMap(({ id, incarnation }) => {
    const peer = ctx.health.get(id);
    const isSame = peer !== undefined && peer.counter > 0 && incarnation === peer.incarnation;
    return isSame ? [{ replica: id, counter: peer.counter }] : [];
  });
  const now = ctx.clock.monotonicMs();
  const text = JSON.stringify(seen);
  if (seen.length === 0 || text === ctx.peersSaved.text || now - ctx.peersSaved.atMs < limits.savePeersEveryMs) return;
  await ctx.store.transact((tx) => {
    // Another process of this replica may have seen more: what is written down never goes back.
    const counters = new Map((tx.get("peers", "")?.seen ?? []).map(({ replica, counter }) => [replica, counter]));
    for (const { replica, counter } of seen) counters.set(replica, Math.max(counter, counters.get(replica) ?? 0));
    const merged = [...counters].map(([replica, counter]) => ({ replica, counter })).sort((a, b) => a.replica - b.replica);
    tx.put({ kind: "peers", id: "", record: { seen: merged } });
  });
  ctx.peersSaved = { text, atMs: now };
}

export function rememberSync(ctx: Context, id: ReplicaId, sync: SyncState): void {
  const peer = peerOf(ctx, id);
  const now = ctx.clock.monotonicMs();
  // Each side asks the other, and perhaps several processes do: `previousSync` must still be about a sync's interval old.
  if (peer.syncMs === null || now - peer.syncMs >= limits.syncEveryMs / 2) {
    // Nothing of what it had executed before it was first heard of is on its way here.
    peer.previousSync = peer.sync ?? sync;
    peer.syncMs = now;
  }
  peer.sync = sync;
}
