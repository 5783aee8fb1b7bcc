/**
 * Tells every member of a commit. It is sent again while the member can be reached; a member that is away gets it by
 * catch-up: the instance stays in the log until every member's floor has passed it, which is its acknowledgement.
 */
import { limits } from "../protocol/limits.ts";
import type { CommittedInstance } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { audience, type Context, suspected } from "./context.ts";
import { heardFrom } from "./health.ts";
import { busyMs } from "./pause.ts";
import type { PeerRequestOptions } from "./ports.ts";

export function commitEverywhere(ctx: Context, instance: CommittedInstance): void {
  // Where nothing conflicted nobody waits for it: it rides along with the next pre-accept, however long that one is held back.
  const mayWaitMs = instance.deps.explicit.length === 0 ? limits.commitWaitMs + busyMs(ctx.clock, limits.batchPauseMaxMs) : 0;
  const traces = ctx.traces.get(instance.id);
  const options = { timeoutMs: limits.peerTimeoutMs, signal: ctx.stop.signal, mayWaitMs, ...(traces === undefined ? {} : { traces }) };
  for (const to of audience(ctx)) void commitAt(ctx, to, instance, options);
}

async function commitAt(ctx: Context, to: ReplicaId, instance: CommittedInstance, options: PeerRequestOptions): Promise<void> {
  for (let tries = 0; tries < limits.commitTries && !ctx.stop.signal.aborted; tries++) {
    try {
      const answer = await ctx.peers.request(to, { kind: "commit", ...instance }, options);
      if (heardFrom(ctx, to, answer, null) && answer.reply.kind !== "refused") return;
    } catch {
      if (suspected(ctx, to)) return;
    }
    await ctx.clock.sleep(100 * 2 ** tries, ctx.stop.signal);
  }
}
