/**
 * Which keys others write at the same time. A command on one of them may need a second round trip, and waits for the others'
 * instances to execute: it must not share an instance with commands that need neither. PROPOSAL 68.
 */
import { accessesConflict, footprints } from "../protocol/conflict.ts";
import { limits } from "../protocol/limits.ts";
import type { Entry, Footprint, InstanceId, Payload, View } from "../protocol/types.ts";
import type { Context } from "./context.ts";

/** Until when each footprint counts as contested, by the monotonic clock; the oldest first. */
export type Contested = Map<Footprint, number>;

/** An instance needed the slow path: somebody else writes one of its keys, and nothing says which. */
export function noteContested(ctx: Context, payload: Payload): void {
  const untilMs = ctx.clock.monotonicMs() + limits.contestedMs;
  for (const footprint of footprints(payload).keys()) {
    ctx.contested.delete(footprint);
    ctx.contested.set(footprint, untilMs);
  }
  for (const oldest of ctx.contested.keys()) {
    if (ctx.contested.size <= limits.contestedKeysMax) return;
    ctx.contested.delete(oldest);
  }
}

/** The first footprint of the entry that an instance not executed here conflicts on, or that was contested lately; null: none. */
export function contestedOn(ctx: Context, view: View, entry: Entry, self: InstanceId): Footprint | null {
  const nowMs = ctx.clock.monotonicMs();
  for (const [footprint, access] of footprints({ seq: 0, entries: [entry] })) {
    if ((ctx.contested.get(footprint) ?? -Infinity) > nowMs) return footprint;
    const open = view
      .get("index", footprint)
      ?.entries.some((other) => other.id !== self && accessesConflict(access, other.access) && !ctx.executed.has(other.id));
    if (open === true) return footprint;
  }
  return null;
}
