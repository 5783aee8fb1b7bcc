/** What one exploration is about: the voters, the commands, and how often each instance may be recovered. */
import { payloadsConflict } from "../../protocol/conflict.ts";
import { instanceId, replicaId, slot } from "../../protocol/ids.ts";
import { type Thresholds, thresholds } from "../../protocol/quorum.ts";
import type { Ballot, ChainLink, Command, Epoch, InstanceId, Key, Payload, ReplicaId } from "../../protocol/types.ts";

export type CommandPlan = {
  /** Whose instance it becomes. */
  readonly owner: number;
  /** Written by it; commands of one key conflict. */
  readonly key: string;
  /** How many recoveries of it may be started, by whomever. */
  readonly recoveries: number;
};

export type Bound = {
  readonly name: string;
  readonly n: number;
  readonly commands: readonly CommandPlan[];
  /** An instance may be recovered before its owner submitted it: then it is only a number that dependencies could name. */
  readonly phantoms: boolean;
  /**
   * Two recoveries of one instance may take one counter (told apart by the replica). Otherwise each takes an unused one,
   * in any order; then no replica is above another, and states that differ only in the replicas' numbers are one state.
   */
  readonly sharedCounters: boolean;
};

/** One command as the exploration sees it. */
export type Instance = CommandPlan & { readonly index: number; readonly id: InstanceId; readonly payload: Payload };

export type Setup = {
  readonly bound: Bound;
  readonly need: Thresholds;
  readonly voters: readonly ReplicaId[];
  readonly link: ChainLink;
  readonly instances: readonly Instance[];
  /** By index: does the one conflict with the other? */
  readonly conflicts: readonly (readonly boolean[])[];
};

export const EPOCH = 1 as Epoch;

export function makeSetup(bound: Bound): Setup {
  const voters = Array.from({ length: bound.n }, (_, i) => replicaId(i + 1));
  const used = new Map<number, number>();
  const instances = bound.commands.map((plan, index): Instance => {
    const position = (used.get(plan.owner) ?? 0) + 1;
    used.set(plan.owner, position);
    const command: Command = { kind: "delete", key: plan.key as Key };
    // The same content wherever the key is the same: the instances are told apart by their ids.
    const payload = { seq: 1, entries: [{ commands: [command], idempotency: null }] };
    return { ...plan, index, id: instanceId(replicaId(plan.owner), slot(position)), payload };
  });
  const members = { coordinator: replicaId(1), nextId: replicaId(bound.n + 1), members: [], removed: [] };
  const link: ChainLink = { epoch: EPOCH, voters, settled: { frontier: [], listed: [] }, members, previousHash: "", hash: "h1" };
  const conflicts = instances.map((a) => instances.map((b) => a !== b && payloadsConflict(a.payload, b.payload)));
  return { bound, need: thresholds(bound.n), voters, link, instances, conflicts };
}

export function ballotOf(counter: number, replica: ReplicaId): Ballot {
  return { epoch: EPOCH, counter, replica };
}

/** Two commands on one key by different owners, in the words of a bound. */
export function conflicting(n: number, recoveries: readonly number[], more: Partial<Bound> = {}): Bound {
  const commands = recoveries.map((count, i) => ({ owner: i + 1, key: "k", recoveries: count }));
  const name = `n=${n}, ${commands.length === 1 ? "1 command" : `${commands.length} conflicting commands`}, ${recoveries.join("+")} recoveries`;
  return { name, n, commands, phantoms: false, sharedCounters: false, ...more };
}
