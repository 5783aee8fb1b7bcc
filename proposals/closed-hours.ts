/** Which hours of idempotency keys are closed: consensus section 9, spec/KEYS.md. */
import { BUCKETS_PER_HOUR, bucketName, stampHour } from "../protocol/conflict.ts";
import { limits } from "../protocol/limits.ts";
import type { Write } from "../protocol/types.ts";
import type { Context } from "./context.ts";

/** The newest hour that may be closed at this time. */
export function closableHour(wallMs: number): number {
  return Math.max(0, stampHour(wallMs) - limits.idempotencyHours - 1);
}

/**
 * A new cluster begins with an hour that is closed already. From it on hours are closed without a gap and stamps are later
 * than the newest closed one, so no proposal is ever stamped before it, however far behind its owner's clock is.
 */
export function firstClosedHour(wallMs: number): Write[] {
  const hour = closableHour(wallMs);
  return Array.from({ length: BUCKETS_PER_HOUR }, (_, bucket) => ({
    kind: "bucket",
    id: bucketName(hour, bucket),
    record: { closed: true },
  }));
}

/** Every hour up to this one is closed, and that was executed here; null while this replica copies. Goes on from what is known. */
export async function lookUpClosedHour(ctx: Context): Promise<number | null> {
  const begun = ctx.closedHour ?? (await firstHour(ctx));
  if (begun === null) return null;
  for (let closed = begun; ; ) {
    const next = closed + 1;
    const hours = Array.from({ length: limits.pageEntriesMax }, (_, i) => next + i);
    const states = await ctx.store.read(
      "bucket",
      hours.map((hour) => bucketName(hour, BUCKETS_PER_HOUR - 1)),
    );
    const open = states.indexOf(null);
    closed += open === -1 ? states.length : open;
    if (open === -1) continue;
    ctx.closedHour = Math.max(ctx.closedHour ?? 0, closed);
    return ctx.closedHour;
  }
}

/** The hour that the cluster began with; null while this replica copies. */
async function firstHour(ctx: Context): Promise<number | null> {
  const [name] = await ctx.store.stateNames({ prefix: "b", after: null, limit: 1 });
  return name === undefined ? null : Number(name.slice(1).split(".")[0]);
}
