/** What a replica may answer in which epoch: spec/PROPOSAL.md steps 2 to 8. */
import { linkOf, statusOf } from "./cluster.ts";
import { ownerOf } from "./ids.ts";
import type { RefusedByEpoch } from "./messages.ts";
import { inSettled } from "./settled.ts";
import type { ChainLink, Epoch, InstanceId, InstanceRecord, Progress, ReplicaId, ReplicaState, Settled, View } from "./types.ts";

const NO_PROGRESS: Progress = { executed: [], globalFloor: [] };

/** Where this replica stands: read once a step. */
export type Standing = {
  readonly replica: ReplicaState;
  readonly chain: readonly ChainLink[];
  /** The link of the replica's own epoch; null while it learns and has activated none. */
  readonly link: ChainLink | null;
  readonly voter: boolean;
  /** Nothing new begins in the replica's epoch: it answered Freeze, or knows the next link. */
  readonly frozen: boolean;
  readonly progress: Progress;
};

/** null for a replica without identity. */
export function standingOf(view: View): Standing | null {
  const replica = view.get("replica", "");
  if (replica === null) return null;
  const chain = view.get("chain", "")?.links ?? [];
  const link = linkOf(chain, replica.epoch);
  return {
    replica,
    chain,
    link,
    voter: link?.voters.includes(replica.self) ?? false,
    frozen: replica.frozen || linkOf(chain, replica.epoch + 1) !== null,
    progress: view.get("progress", "") ?? NO_PROGRESS,
  };
}

/**
 * What the chain alone says about an instance spoken of as one of `epoch`:
 * `earlier`: it is of K of the epochs before, so it is decided and no vote of `epoch` may touch it;
 * `nop`: it is outside K of the epoch that could have decided it, so it is committed Nop everywhere, with or without a record;
 * `open`: neither.
 */
export type Fate = "open" | "earlier" | "nop";

/** Step 6, for an instance that is known to be of `epoch`. A link that is not known yet (a commit from ahead) says nothing. */
export function fateOf(chain: readonly ChainLink[], epoch: Epoch, id: InstanceId): Fate {
  const fate = fateOfSlot(chain, epoch, id);
  if (fate !== "open") return fate;
  const closed = linkOf(chain, epoch + 1)?.settled ?? null;
  return closed !== null && !inSettled(closed, id) ? "nop" : "open";
}

/**
 * Step 6, for an id of which no record tells the epoch: whoever asks in `epoch` may have seen only later slots of its column.
 * Above the boundary of K it may be an instance of the epoch after, which a closed epoch must not call a Nop.
 */
export function fateOfSlot(chain: readonly ChainLink[], epoch: Epoch, id: InstanceId): Fate {
  const opened = linkOf(chain, epoch)?.settled ?? null;
  if (opened !== null) {
    if (inSettled(opened, id)) return "earlier";
    if (isBelowBoundary(opened, id)) return "nop";
  }
  const closed = linkOf(chain, epoch + 1)?.settled ?? null;
  return closed !== null && !inSettled(closed, id) && isBelowBoundary(closed, id) ? "nop" : "open";
}

/**
 * Step 9a, for an id that nobody has a record of: the epoch in which it is Nop for ever, because its owner was removed and K of
 * the last epoch in which it voted lacks the id. null: it may be something else. `removed` as executed here: then no link
 * that is missing here has that owner among its voters.
 */
export function epochOfAbandoned(chain: readonly ChainLink[], removed: readonly ReplicaId[], id: InstanceId): Epoch | null {
  const owner = ownerOf(id);
  if (!removed.includes(owner)) return null;
  const last = chain.findLast(({ voters }) => voters.includes(owner));
  const closed = last === undefined ? null : linkOf(chain, last.epoch + 1);
  return last !== undefined && closed !== null && !inSettled(closed.settled, id) ? last.epoch : null;
}

/** K names a later slot of its column: no later epoch uses such a slot again. */
function isBelowBoundary({ listed }: Settled, id: InstanceId): boolean {
  const above = listed.find((other) => other > id);
  return above !== undefined && ownerOf(above) === ownerOf(id);
}

/**
 * Does this record show that its instance is one of `epoch`? A mere promise does not: whoever asked for it may have inferred
 * the slot, in an epoch that he did not know to be over.
 */
export function isOf(record: InstanceRecord | null, epoch: Epoch): boolean {
  return record !== null && record.epoch === epoch && (record.phase !== "initial" || record.initPayload !== null);
}

/** The record as `epoch` sees it: one that an earlier epoch left undecided is as absent, for its id is no instance of that epoch any more. */
export function recordIn(record: InstanceRecord | null, epoch: Epoch): InstanceRecord | null {
  return record !== null && record.phase !== "committed" && record.epoch < epoch ? null : record;
}

/** Step 7: may a voter of the replica's epoch join a recovery of `id`, validate it, or accept it as something other than Nop? */
export function mayTake(standing: Standing, id: InstanceId): boolean {
  if (!standing.frozen) return true;
  const next = linkOf(standing.chain, standing.replica.epoch + 1);
  const allowed = next === null ? standing.replica.reported : next.settled;
  return allowed !== null && inSettled(allowed, id);
}

/** Steps 4, 5 and 7 for whatever begins something new in the replica's own epoch. */
export function refusesNew(standing: Standing | null): RefusedByEpoch | null {
  if (standing === null || !standing.voter) return notVoting(standing);
  return standing.frozen ? { kind: "frozen", epoch: standing.replica.epoch } : null;
}

export function notVoting(standing: Standing | null): RefusedByEpoch {
  if (standing === null) return { kind: "notVoting", epoch: 0, status: "joining" };
  const { replica, chain } = standing;
  return { kind: "notVoting", epoch: replica.epoch, status: statusOf(replica, chain, null) };
}

/** The links that a sender of an older epoch lacks. */
export function staleEpoch(standing: Standing, epoch: Epoch): RefusedByEpoch {
  return { kind: "staleEpoch", links: standing.chain.slice(epoch) };
}
