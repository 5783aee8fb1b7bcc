/**
 * Many callers, one instance (PROPOSAL 66 to 68; EPaxos section 7.6). While one batch is being made durable, whoever comes waits
 * for the next: a lone caller waits for nobody, and the more there are the less each one costs.
 */

import { limits } from "../protocol/limits.ts";
import type { InstanceId } from "../protocol/types.ts";
import { entryWeight } from "../protocol/wire/weight.ts";
import type { Context } from "./context.ts";
import { leadQuietly } from "./lead.ts";
import { awaitOutcome, type End } from "./outcome.ts";
import { type Crowd, pauseMs } from "./pause.ts";
import { type Rider, submit } from "./submit.ts";

/** Where a caller's entry stands, and what will become of the instance. */
export type Seat = { readonly id: InstanceId; readonly index: number; readonly end: Promise<End> };
type Waiting = { readonly rider: Rider; readonly sit: (seat: Seat) => void; readonly refuse: (error: unknown) => void };
export type Batching = { waiting: Waiting[]; departing: boolean; readonly crowd: Crowd };

/** Resolves once the rider's entry is durable in an instance. @throws what `submit` throws: nothing of his is in the log */
export function board(ctx: Context, rider: Rider): Promise<Seat> {
  return new Promise((sit, refuse) => {
    ctx.batching.waiting.push({ rider, sit, refuse });
    if (!ctx.batching.departing) void departAll(ctx);
  });
}

async function departAll(ctx: Context): Promise<void> {
  const { batching } = ctx;
  batching.departing = true;
  while (batching.waiting.length > 0) {
    await depart(ctx, batching.waiting.splice(0, batchLength(batching.waiting)), "sort");
    const ms = pauseMs(ctx.clock, batching.crowd, limits.batchPauseMaxMs);
    if (ms > 0 && !isFull(batching.waiting)) await ctx.clock.sleep(ms, ctx.stop.signal);
  }
  batching.departing = false;
}

function isFull(queue: readonly Waiting[]): boolean {
  return queue.length > 0 && (queue.length >= limits.batchEntriesMax || batchLength(queue) < queue.length);
}

/** One instance for these; those that had better not be in it go in others. Never rejects. */
async function depart(ctx: Context, group: readonly Waiting[], sorting: "sort" | "together"): Promise<void> {
  try {
    const { own, riders, others } = await submit(
      ctx,
      group.map(({ rider }) => rider),
      sorting,
    );
    const seatOf = new Map(riders.map((rider, index) => [rider, index]));
    const traces = new Set(riders.flatMap(({ trace }) => trace ?? []));
    if (traces.size > 0) ctx.traces.set(own.id, traces);
    const end = awaitOutcome(ctx, own.id, Math.max(...riders.map(({ deadlineMs }) => deadlineMs)));
    void leadQuietly(ctx, own);
    ctx.meter.observe("epoxy_batch_entries", riders.length);
    for (const { rider, sit } of group) {
      const index = seatOf.get(rider);
      if (index !== undefined) sit({ id: own.id, index, end });
    }
    const waitingOf = new Map(group.map((waiting) => [waiting.rider, waiting]));
    for (const other of others) {
      void depart(
        ctx,
        other.flatMap((rider) => waitingOf.get(rider) ?? []),
        "together",
      );
    }
  } catch (error) {
    for (const { refuse } of group) refuse(error);
  }
}

/** How many of the front of the queue go together: at least one. */
function batchLength(queue: readonly Waiting[]): number {
  let commands = 0;
  let bytes = 0;
  for (const [i, { rider }] of queue.entries()) {
    commands += rider.entry.commands.length;
    bytes += entryWeight(rider.entry);
    if (i > 0 && (commands > limits.commandsMax || bytes > limits.batchBytesMax)) return i;
    if (i + 1 === limits.batchEntriesMax) return limits.batchEntriesMax;
  }
  return queue.length;
}
