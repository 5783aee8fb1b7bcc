/** How long own instances take to be committed and to be executed, from their durable pre-accept on. */
import type { InstanceId } from "../protocol/types.ts";
import type { Context } from "./context.ts";

/** From now on: called once the pre-accept is durable here. */
export function noteSubmitted(ctx: Context, id: InstanceId): void {
  ctx.submittedMs.set(id, ctx.clock.monotonicMs());
}

/** Says nothing of instances that this process has not submitted, or whose callers have gone. */
export function observeSince(ctx: Context, id: InstanceId, name: string, labels: Readonly<Record<string, string>> = {}): void {
  const startMs = ctx.submittedMs.get(id);
  if (startMs !== undefined) ctx.meter.observe(name, (ctx.clock.monotonicMs() - startMs) / 1000, labels);
}
