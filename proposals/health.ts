import type { ReplyHeader, SyncState } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import type { Context, Peer } from "./context.ts";

export function peerOf(ctx: Context, id: ReplicaId): Peer {
  let peer = ctx.health.get(id);
  if (peer === undefined) {
    peer = { lastSeenMs: null, roundTripMs: null, epoch: 0, status: null, incarnation: "", counter: 0, sync: null, previousSync: null };
    ctx.health.set(id, peer);
  }
  return peer;
}

/** An answer came: only answers show that a peer hears us, so requests do not count here. */
export function heardFrom(ctx: Context, id: ReplicaId, header: ReplyHeader, roundTripMs: number): void {
  const peer = peerOf(ctx, id);
  peer.lastSeenMs = ctx.clock.monotonicMs();
  peer.roundTripMs = peer.roundTripMs === null ? roundTripMs : peer.roundTripMs * 0.8 + roundTripMs * 0.2;
  peer.epoch = header.epoch;
  peer.status = header.status;
  rememberDisk(ctx, id, header.incarnation, header.counter);
}

/** What a disk has shown of itself, so that an older copy of it is known (consensus section 5). */
export function rememberDisk(ctx: Context, id: ReplicaId, incarnation: string, counter: number): void {
  const peer = peerOf(ctx, id);
  peer.counter = peer.incarnation === incarnation ? Math.max(peer.counter, counter) : counter;
  peer.incarnation = incarnation;
}

export function rememberSync(ctx: Context, id: ReplicaId, sync: SyncState): void {
  const peer = peerOf(ctx, id);
  peer.previousSync = peer.sync;
  peer.sync = sync;
}
