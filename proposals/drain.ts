/** Gets the instances that a closed epoch has settled executed here. RECONFIGURE step 10. */
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { InstanceId, ReplicaId } from "../protocol/types.ts";
import { fetchRanges, rangesOf } from "./catch-up.ts";
import { type Context, suspected, waitFor } from "./context.ts";
import { executeLater } from "./execute.ts";
import { roundTripMs } from "./round-trips.ts";
import { recoverDue } from "./sweep.ts";

/** So many are waited for by name; the rest is seen at the next look. */
const AWAITED_MAX = 32;

/**
 * One look: begins what can be begun and waits a moment for its outcome. Recovery (by voters of that epoch only) does not wait
 * for what peers know: mostly they know no more than this replica, and each would cost a round trip.
 */
export async function bringIn(ctx: Context, ids: readonly InstanceId[]): Promise<void> {
  await executeLater(ctx, ids);
  for (const id of ids) if (!ctx.executed.has(id)) ctx.urgent.add(id);
  const missing = await undecided(ctx, ids);
  recoverDue(ctx, missing);
  ctx.fetching ??= fetchFromPeers(ctx, missing)
    .catch((error) => {
      ctx.fatal(error);
      ctx.log.debug({ error: String(error) }, "fetching what the last epoch settled is put off");
    })
    .finally(() => {
      ctx.fetching = null;
    });
  const left = ids.filter((id) => !ctx.executed.has(id)).slice(0, AWAITED_MAX);
  if (left.length === 0) await ctx.clock.sleep(limits.drainEveryMs, ctx.stop.signal);
  await Promise.all(left.map((id) => waitFor(ctx, id, limits.drainEveryMs)));
}

/** The nearest first, and none of them so long that a slow one would hold up the others. */
async function fetchFromPeers(ctx: Context, ids: readonly InstanceId[]): Promise<void> {
  let missing = ids;
  const peers = [...ctx.health.keys()].filter((id) => !suspected(ctx, id)).sort((a, b) => roundTripMs(ctx, a) - roundTripMs(ctx, b));
  for (const peer of peers as readonly ReplicaId[]) {
    if (missing.length === 0 || ctx.stop.signal.aborted) return;
    await Promise.race([fetchRanges(ctx, peer, rangesOf(missing)), ctx.clock.sleep(limits.drainPeerMs, ctx.stop.signal)]);
    missing = await undecided(ctx, missing);
  }
}

async function undecided(ctx: Context, ids: readonly InstanceId[]): Promise<InstanceId[]> {
  const records = await ctx.store.read("instance", ids.map(instanceName));
  return ids.filter((_, i) => records[i]?.phase !== "committed");
}
