/** Which slot an own instance gets. Reserved durably before use, so that no slot is ever given twice. */

import { EpoxyError } from "../protocol/errors.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Epoch, InstanceId, ReplicaId, Slot } from "../protocol/types.ts";
import type { Context } from "./context.ts";
import { StoreInDoubt, type Transaction } from "./ports.ts";
import { loadIdentity } from "./voter-duties.ts";

/** Slots this process holds, [next, end). Dropped when the epoch moves: a slot is used in the epoch it was reserved in. */
export type SlotBlock = { epoch: Epoch; next: number; end: number; readonly recent: number[]; reserving: Promise<void> | null };

/** A slot, and the epoch that it may be used in. */
export type Slotted = { readonly id: InstanceId; readonly epoch: Epoch };

export function emptyBlock(): SlotBlock {
  return { epoch: 0 as Epoch, next: 0, end: 0, recent: [], reserving: null };
}

/**
 * A fresh slot of this replica. The block grows with the rate of the last tenth of a second, so that an idle process holds
 * none: what it holds and never uses has to be recovered as Nop by the others.
 */
export async function takeSlot(ctx: Context): Promise<Slotted> {
  const { block } = ctx;
  const self = ctx.known.replica?.self as ReplicaId;
  for (;;) {
    if (block.epoch === ctx.known.replica?.epoch && block.next < block.end) {
      block.recent.push(ctx.clock.monotonicMs());
      return { id: instanceId(self, block.next++ as Slot), epoch: block.epoch };
    }
    block.reserving ??= reserve(ctx).finally(() => {
      block.reserving = null;
    });
    await block.reserving;
  }
}

/** After a lost slot (recovered as Nop under us): the rest of the block may be gone the same way. */
export function dropBlock(ctx: Context): void {
  ctx.block.end = ctx.block.next;
}

async function reserve(ctx: Context): Promise<void> {
  const { block } = ctx;
  const sinceMs = ctx.clock.monotonicMs() - 100;
  while (block.recent.length > 0 && (block.recent[0] as number) < sinceMs) block.recent.shift();
  const count = Math.max(1, Math.min(limits.slotBlock, block.recent.length));
  const taken = await reserveOnce(ctx, count);
  // Another process has activated an epoch that is not known here yet: without its voters nothing can be led in it.
  if (taken.epoch !== ctx.known.replica?.epoch) await loadIdentity(ctx);
  block.epoch = taken.epoch;
  block.next = taken.next;
  block.end = taken.next + count;
}

async function reserveOnce(ctx: Context, count: number): Promise<{ readonly epoch: Epoch; readonly next: number }> {
  const step = (tx: Transaction) => {
    const replica = tx.get("replica", "");
    const slots = tx.get("slots", "");
    const epoch = replica?.epoch ?? (0 as Epoch);
    // Everything up to the executed prefix is decided, whoever used it.
    const executed = frontierSlot(tx.get("progress", "")?.executed ?? [], replica?.self as ReplicaId);
    const next = Math.max(slots?.next ?? 1, executed + 1);
    tx.put({ kind: "slots", id: "", record: { next: (next + count) as Slot, epoch } });
    return { epoch, next };
  };
  try {
    return await ctx.store.transact(step);
  } catch (error) {
    // Slots may be lost, and that is all: nothing was proposed.
    if (error instanceof StoreInDoubt) throw new EpoxyError("notReady", "the store went away; nothing was proposed");
    throw error;
  }
}
