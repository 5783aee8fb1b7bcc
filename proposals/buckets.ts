/** Closes hours of idempotency keys 24 hours after their end, by ordinary proposals: consensus section 9. */
import { BUCKETS_PER_HOUR, bucketName, stampHour } from "../protocol/conflict.ts";
import { limits } from "../protocol/limits.ts";
import { thresholds } from "../protocol/quorum.ts";
import type { Command } from "../protocol/types.ts";
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
  const newest = stampHour(agreedMs) - limits.idempotencyHours - 1;
  await noteClosed(ctx, newest);
  const first = link.voters.find((id) => id === self || !suspected(ctx, id));
  if (first !== self || newest <= ctx.closedHour || ctx.closedHour === 0) return;
  const hour = ctx.closedHour + 1;
  for (let from = 0; from < BUCKETS_PER_HOUR; from += limits.commandsMax) {
    const commands: Command[] = [];
    for (let bucket = from; bucket < Math.min(BUCKETS_PER_HOUR, from + limits.commandsMax); bucket++)
      commands.push({ kind: "closeBucket", hour, bucket });
    await propose(ctx, { commands, idempotencyKey: null, timeoutMs: limits.timeoutDefaultMs });
  }
  await noteClosed(ctx, newest);
}

/** Finds the newest closed hour; before the first one ever, the hour from which closing begins. */
async function noteClosed(ctx: Context, newest: number): Promise<void> {
  if (ctx.closedHour === 0) {
    const closed = await ctx.store.stateNames({ prefix: "b", after: null, limit: 1_000_000 });
    const hours = closed.map((name) => Number(name.slice(1).split(".")[0]));
    ctx.closedHour = hours.length === 0 ? newest : Math.max(...hours);
    return;
  }
  for (;;) {
    const [state] = await ctx.store.read("bucket", [bucketName(ctx.closedHour + 1, BUCKETS_PER_HOUR - 1)]);
    if (state === null || state === undefined) return;
    ctx.closedHour++;
  }
}
