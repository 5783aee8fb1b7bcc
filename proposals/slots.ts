/** Which slot an own instance gets: taken in the very transaction that uses it, so that no slot is ever given twice. Step 9a. */
import { assert } from "../protocol/assert.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Epoch, InstanceId, Slot, Write } from "../protocol/types.ts";
import type { Context } from "./context.ts";
import type { Transaction } from "./ports.ts";

/** Slots that this process holds and has not used. Worth something only in the epoch they were taken in. */
export type SlotBlock = { epoch: Epoch; free: Slot[]; readonly recent: number[] };

/** A slot, and the epoch that it may be used in. */
export type Slotted = {
  readonly id: InstanceId;
  readonly epoch: Epoch;
  /** What takes it, to be written with whatever uses it; null: it is held already. */
  readonly write: Write | null;
  /** Taken along with it. */
  readonly more: readonly Slot[];
};

export function emptyBlock(): SlotBlock {
  return { epoch: 0 as Epoch, free: [], recent: [] };
}

/** A slot that this process holds; null: one has to be taken. */
export function heldSlot({ block, known: { replica } }: Context): Slotted | null {
  if (replica === null || block.epoch !== replica.epoch) return null;
  const slot = block.free.shift();
  return slot === undefined ? null : { id: instanceId(replica.self, slot), epoch: block.epoch, write: null, more: [] };
}

/**
 * The next slot, and as many more as were used in the last tenth of a second: an idle process holds none, since what it holds and
 * never uses has to be recovered as Nop by the others, and a busy one does not race the other processes of its replica each time.
 */
export function takeSlots({ block, clock }: Context, tx: Transaction): Slotted {
  const sinceMs = clock.monotonicMs() - 100;
  while (block.recent.length > 0 && (block.recent[0] as number) < sinceMs) block.recent.shift();
  const count = Math.max(1, Math.min(limits.slotBlock, block.recent.length));
  const replica = tx.get("replica", "");
  assert(replica !== null, "a slot was asked for by nobody");
  // Everything up to the executed prefix is decided, whoever used it.
  const executed = frontierSlot(tx.get("progress", "")?.executed ?? [], replica.self);
  const next = Math.max(tx.get("slots", "")?.next ?? 1, executed + 1);
  return {
    id: instanceId(replica.self, next as Slot),
    epoch: replica.epoch,
    write: { kind: "slots", id: "", record: { next: (next + count) as Slot, epoch: replica.epoch } },
    more: Array.from({ length: count - 1 }, (_, i) => (next + 1 + i) as Slot),
  };
}

/** Once it is durable. */
export function noteUsed({ block, clock }: Context, { epoch, more }: Slotted): void {
  block.recent.push(clock.monotonicMs());
  if (more.length === 0) return;
  if (block.epoch !== epoch) block.free = [];
  block.epoch = epoch;
  block.free.push(...more);
}

/** After a lost slot (recovered as Nop under us): the rest of the block may be gone the same way. */
export function dropBlock({ block }: Context): void {
  block.free = [];
}
