/** What this replica tells the coordinator's datacenter, wherever that is. */
import { EpoxyError, ERRORS, type ErrorCode } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply, PeerReplyOf } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { type Context, identity, membersOf } from "./context.ts";
import { ownStatus } from "./handle-message.ts";
import { loadIdentity } from "./voter-duties.ts";

export async function reportStatus(ctx: Context, learnId: string): Promise<void> {
  await loadIdentity(ctx);
  const { self, epoch } = identity(ctx);
  const coordinator = coordinatorOf(ctx);
  const status = ownStatus(ctx);
  if (coordinator === self) return ctx.workflows.replicaStatusChanged({ id: self, status, epoch, learnId });
  const { reply } = await ctx.peers.request(
    coordinator,
    { kind: "updateReplicaStatus", replica: self, status, learnId },
    { timeoutMs: limits.peerTimeoutMs },
  );
  expect(reply, "ok", `replica ${coordinator}`);
}

export function coordinatorOf(ctx: Context): ReplicaId {
  const members = membersOf(ctx);
  if (members === null) throw new EpoxyError("notReady", "this replica does not know the cluster's members yet");
  return members.coordinator;
}

/** The reply, if it is of this kind. @throws EpoxyError where it is a refusal or something else */
export function expect<K extends PeerReply["kind"]>(reply: PeerReply, kind: K, from: string): PeerReplyOf<K> {
  // A peer of another build may have codes that this one has not.
  if (reply.kind === "refused") throw new EpoxyError(reply.code in ERRORS ? (reply.code as ErrorCode) : "forbidden", reply.message);
  if (reply.kind !== kind) throw new EpoxyError("notReady", `${from} answered ${reply.kind}`);
  return reply as PeerReplyOf<K>;
}
