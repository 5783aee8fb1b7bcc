/** Closes hours of idempotency keys 24 hours after their end, by ordinary proposals: consensus section 9. */
import { BUCKETS_PER_HOUR } from "../protocol/conflict.ts";
import { limits } from "../protocol/limits.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { Command } from "../protocol/types.ts";
import { closableHour, lookUpClosedHour } from "./closed-hours.ts";
import { barred, type Context, currentLink, suspected } from "./context.ts";
import { propose } from "./propose.ts";

/** One hour a step, by the first voter that is there; only once slowQ voters' clocks are past it. */
export async function closeOldBuckets(ctx: Context): Promise<void> {
  const link = currentLink(ctx);
  const self = ctx.known.replica?.self;
  if (link === null || self === undefined || barred(ctx) !== null) return;
  const clocks = link.voters
    .map((id) => (id === self ? ctx.clock.wallMs() : suspected(ctx, id) ? 0 : (ctx.health.get(id)?.sync?.wallMs ?? 0)))
    .sort((a, b) => b - a);
  const agreedMs = clocks[thresholds(link.voters.length).slow - 1] ?? 0;
  const closed = await lookUpClosedHour(ctx);
  const first = link.voters.find((id) => id === self || !suspected(ctx, id));
  if (first !== self || closed === null || closed >= closableHour(agreedMs)) return;
  const hour = closed + 1;
  // All of an hour at one point: an hour is closed or it is not.
  const commands: Command[] = Array.from({ length: BUCKETS_PER_HOUR }, (_, bucket) => ({ kind: "closeBucket", hour, bucket }));
  await propose(ctx, { commands, idempotencyKey: null, timeoutMs: limits.timeoutDefaultMs });
  await lookUpClosedHour(ctx);
}
