/** Callers' entries become the durable pre-accept of one instance. PROPOSAL 9 to 11 and 66 to 68. */
import { submit as submitInstance } from "../protocol/acceptor.ts";
import { unreachable } from "../protocol/assert.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Deps, Entry, Footprint, InstanceId, Payload } from "../protocol/types.ts";
import { contestedOn } from "./contested.ts";
import { applyWrites, type Context, quorumReachable } from "./context.ts";
import type { Submitted } from "./lead.ts";
import { StoreInDoubt, type Transaction } from "./ports.ts";
import { isClosing, noQuorum, nothingProposed } from "./refusals.ts";
import { dropBlock, heldSlot, noteUsed, type Slotted, takeSlots } from "./slots.ts";
import { touchedByExecuting, touchedByRegistering } from "./touched.ts";
import { loadIdentity } from "./voter-duties.ts";

/** What a caller who gives up has to be told. */
export type Caller = {
  /** The newest instance with his entry whose pre-accept may be durable; null: nothing was proposed. */
  id: InstanceId | null;
  /** He is gone: nothing more may be submitted for him. */
  over: boolean;
};
/** A caller's entry on its way into an instance. */
export type Rider = {
  readonly caller: Caller;
  readonly entry: Entry;
  /** Wall-clock milliseconds of his arrival: who came first runs first inside a cycle, also after a Nop. */
  readonly seq: number;
  readonly deadlineMs: number;
  readonly trace: string | null;
};

export type Departure = {
  readonly own: Submitted;
  /** In the order of the instance's entries. */
  readonly riders: readonly Rider[];
  /** Whose keys are contested: an instance for each of these groups. Nothing of theirs was proposed. */
  readonly others: readonly (readonly Rider[])[];
};

/**
 * Makes the pre-accept durable here, holding it while the epoch changes. "sort" leaves riders on contested keys to others.
 * @throws EpoxyError: nothing was proposed for a rider whose caller has no id
 */
export async function submit(ctx: Context, riders: readonly Rider[], sorting: "sort" | "together"): Promise<Departure> {
  // One that this process holds is kept through all tries: whatever is taken and not used has to be recovered as a Nop by somebody.
  let held: Slotted | null = null;
  for (;;) {
    const left = Math.max(...riders.map(({ caller, deadlineMs }) => (caller.over ? 0 : deadlineMs))) - ctx.clock.monotonicMs();
    if (left <= 0 || ctx.stop.signal.aborted) throw nothingProposed(ctx);
    if (held === null && isClosing(ctx)) {
      if (!quorumReachable(ctx)) throw noQuorum();
      await ctx.clock.sleep(Math.min(20, left), ctx.stop.signal);
      // Another process of this replica may have gone on: the next sync would tell only half a second later. A store that is away is waited for.
      await loadIdentity(ctx).catch(ctx.fatal);
      continue;
    }
    held ??= heldSlot(ctx);
    const reply = await submitOnce(ctx, held, riders, sorting);
    switch (reply.kind) {
      case "submitted": {
        noteUsed(ctx, reply.slot);
        const { id, epoch } = reply.slot;
        return { own: { id, epoch, payload: reply.payload, deps: reply.deps }, riders: reply.chosen, others: reply.others };
      }
      case "slotTaken":
        held = null;
        dropBlock(ctx);
        break;
      case "otherEpoch":
        // Another process has activated an epoch that is not known here yet: without its voters nothing can be led in it.
        held = null;
        await loadIdentity(ctx);
        break;
      case "tooManyConflicts":
        throw new EpoxyError("overloaded", "too many proposals on these keys are not settled yet; nothing was proposed");
      case "givenUp":
        break;
      case "staleEpoch":
      case "frozen":
        await ctx.clock.sleep(Math.min(20, left), ctx.stop.signal);
        break;
      case "notVoting":
        throw new EpoxyError("notReady", "this replica does not vote: ask another datacenter");
      default:
        unreachable(reply);
    }
  }
}

type Sorted = { readonly chosen: readonly Rider[]; readonly others: readonly (readonly Rider[])[] };

async function submitOnce(ctx: Context, held: Slotted | null, riders: readonly Rider[], sorting: "sort" | "together") {
  const previous = new Map(riders.map((rider) => [rider, rider.caller.id]));
  /** Before it is asked whether it happened: from then on it may have. */
  const board = (chosen: readonly Rider[], id: InstanceId | null = null) => {
    for (const rider of riders) rider.caller.id = chosen.includes(rider) ? id : (previous.get(rider) ?? null);
  };
  try {
    const reply = await ctx.store.transact((tx) => {
      board([]);
      const living = riders.filter(({ caller }) => !caller.over);
      if (living.length === 0) return { kind: "givenUp" } as const;
      // A slot is used in the epoch it was taken in, or never.
      const { epoch } = tx.get("replica", "") ?? {};
      if (held !== null && held.epoch !== epoch) return { kind: "slotTaken" } as const;
      if (ctx.known.replica?.epoch !== epoch) return { kind: "otherEpoch" } as const;
      const slot = held ?? takeSlots(ctx, tx);
      const { id } = slot;
      const everything = payloadOf(living);
      tx.need([...touchedByRegistering(id, everything), ...touchedByExecuting(everything)]);
      const { chosen, others } = sorting === "sort" ? sort(ctx, tx, living, id) : { chosen: living, others: [] };
      const payload = payloadOf(chosen);
      const step = submitInstance(tx, { id, payload });
      // Or the next try would come upon it again.
      if (step.reply.kind === "slotTaken" && slot.write !== null) tx.put(slot.write);
      if (step.reply.kind !== "submitted") return step.reply;
      // What cannot be sent must not be written: nobody could ever finish it.
      if (step.reply.deps.explicit.length > limits.submitDepsMax) return { kind: "tooManyConflicts" } as const;
      applyWrites(tx, step.writes);
      if (slot.write !== null) tx.put(slot.write);
      for (const before of new Set(chosen.flatMap((rider) => previous.get(rider) ?? []))) noteResubmitted(tx, before, id);
      board(chosen, id);
      return { kind: "submitted", slot, deps: step.reply.deps as Deps, payload, chosen, others } as const;
    });
    if (reply.kind !== "submitted") board([]);
    return reply;
  } catch (error) {
    // It may be durable, so recovery may finish it one day: for those who were in it no longer "nothing was proposed".
    if (error instanceof StoreInDoubt) throw nothingProposed(ctx, { cause: error });
    board([]);
    throw error;
  }
}

function payloadOf(riders: readonly Rider[]): Payload {
  return { seq: Math.min(...riders.map(({ seq }) => seq)), entries: riders.map(({ entry }) => entry) };
}

/** Those on uncontested keys together; where there are none, those of the first contested key. */
function sort(ctx: Context, tx: Transaction, riders: readonly Rider[], id: InstanceId): Sorted {
  const groups = new Map<Footprint | null, Rider[]>();
  for (const rider of riders) {
    const on = contestedOn(ctx, tx, rider.entry, id);
    groups.set(on, [...(groups.get(on) ?? []), rider]);
  }
  const calm = groups.get(null);
  groups.delete(null);
  const [first = [], ...rest] = groups.values();
  return calm === undefined ? { chosen: first, others: rest } : { chosen: calm, others: [...groups.values()] };
}

function noteResubmitted(tx: Transaction, from: InstanceId, to: InstanceId): void {
  const record = tx.get("instance", instanceName(from));
  if (record !== null) tx.put({ kind: "instance", id: instanceName(from), record: { ...record, resubmittedAs: to } });
}
