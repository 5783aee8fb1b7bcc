/** How an own instance ends, for the callers who ride in it. PROPOSAL 56. */
import { instanceName } from "../protocol/ids.ts";
import type { InstanceId, InstanceRecord } from "../protocol/types.ts";
import { type Context, waitFor } from "./context.ts";
import { endOf, executeLater, type OwnEnd } from "./execute.ts";
import { noteSubmitted } from "./latency.ts";

export type End = OwnEnd | { readonly kind: "unknown" };

/** Waits for the instance to be executed here, by whichever process and however it was committed. Never throws. */
export async function awaitOutcome(ctx: Context, id: InstanceId, deadlineMs: number): Promise<End> {
  ctx.answers.set(id, null);
  noteSubmitted(ctx, id);
  try {
    for (;;) {
      const left = deadlineMs - ctx.clock.monotonicMs();
      if (left <= 0 || ctx.stop.signal.aborted) return { kind: "unknown" };
      await waitFor(ctx, id, Math.min(left, ctx.pollMs));
      const answer = ctx.answers.get(id) ?? null;
      if (answer !== null) return answer;
      // Another process of this replica may have executed it, or execution was put off.
      const record = await look(ctx, id);
      const end = record === null ? null : endOf(record);
      if (end !== null) return end;
      if (record?.phase === "committed") await executeLater(ctx, [id]).catch(() => {});
    }
  } finally {
    ctx.answers.delete(id);
    ctx.submittedMs.delete(id);
    ctx.traces.delete(id);
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
