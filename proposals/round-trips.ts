/** How far the other replicas are, as their answers have shown. */
import type { ReplicaId } from "../protocol/types.ts";
import { type Context, suspected } from "./context.ts";

/** Of one that has not answered yet. */
const UNKNOWN_MS = 100;

export function roundTripMs(ctx: Context, id: ReplicaId): number {
  return ctx.health.get(id)?.roundTripMs ?? UNKNOWN_MS;
}

/** Of the nearest others that make a quorum with this replica; 0 where too few of them are heard from. */
export function quorumRoundTripMs(ctx: Context, others: readonly ReplicaId[], quorum: number): number {
  const roundTrips = others.filter((id) => !suspected(ctx, id)).map((id) => roundTripMs(ctx, id));
  return roundTrips.sort((a, b) => a - b)[quorum - 2] ?? 0;
}
