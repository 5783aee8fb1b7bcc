/**
 * Replicas whose numbers can be exchanged without changing what may happen. Two states that differ by such an exchange
 * are one state. Numbers decide nothing but the order of ballots with one counter; see `sharedCounters`.
 */
import { instanceName, slotOf } from "../../protocol/ids.ts";
import type { Ballot, Deps, InstanceId, InstanceRecord, ReplicaId, Write } from "../../protocol/types.ts";
import type { Local } from "./local.ts";
import type { Facts, Oks, RecoverOk, Round, Stage } from "./network.ts";
import type { Setup } from "./setup.ts";

export type Exchange = {
  /** New place of the replica at each place (replica - 1). */
  readonly voters: readonly number[];
  /** New index of each instance. */
  readonly instances: readonly number[];
};

/** All of them, the one that changes nothing first. */
export function exchanges(setup: Setup): Exchange[] {
  const places = setup.voters.map((_, i) => i);
  const all = setup.bound.sharedCounters ? [places] : permutations(places);
  return all.flatMap((voters) => {
    const instances = setup.instances.map((from) =>
      setup.instances.findIndex(
        (to) =>
          to.owner - 1 === voters[from.owner - 1] &&
          slotOf(to.id) === slotOf(from.id) &&
          to.key === from.key &&
          to.recoveries === from.recoveries,
      ),
    );
    return instances.includes(-1) ? [] : [{ voters, instances }];
  });
}

function permutations(list: readonly number[]): number[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first) => permutations(list.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}

export type Relabel = { local(local: Local): Local; facts(facts: Facts): Facts; oks(oks: Oks): Oks; round(round: Round): Round };

export function relabel(setup: Setup, exchange: Exchange): Relabel {
  const voter = (replica: ReplicaId): ReplicaId => ((exchange.voters[replica - 1] as number) + 1) as ReplicaId;
  const id = (old: InstanceId): InstanceId => {
    const at = setup.instances.findIndex((instance) => instance.id === old);
    return (setup.instances[exchange.instances[at] as number] as { id: InstanceId }).id;
  };
  const ids = (list: readonly InstanceId[]): InstanceId[] => list.map(id).sort((a, b) => a - b);
  const deps = ({ floor, explicit }: Deps): Deps => ({ floor, explicit: ids(explicit) });
  const ballot = (old: Ballot): Ballot => ({ ...old, replica: voter(old.replica) });
  const record = (old: InstanceRecord): InstanceRecord => ({
    ...old,
    id: id(old.id),
    ballot: ballot(old.ballot),
    acceptedBallot: ballot(old.acceptedBallot),
    deps: deps(old.deps),
    initDeps: old.initDeps === null ? null : deps(old.initDeps),
  });
  const write = (old: Write): Write => {
    if (old.kind === "instance" && old.record !== null) {
      const moved = record(old.record);
      return { kind: "instance", id: instanceName(moved.id), record: moved };
    }
    if (old.kind !== "index" || old.record === null) throw new Error(`an exploration has no records of kind ${old.kind}`);
    const entries = old.record.entries.map((entry) => ({ ...entry, id: id(entry.id) })).sort((a, b) => a.id - b.id);
    return { kind: "index", id: old.id, record: { entries } };
  };
  const byVoter = <T>(list: readonly T[], change: (item: T) => T): T[] => {
    const moved: T[] = [...list];
    list.forEach((item, i) => {
      moved[exchange.voters[i] as number] = change(item);
    });
    return moved;
  };
  const reply = (old: RecoverOk | null): RecoverOk | null =>
    old === null
      ? null
      : {
          ...old,
          id: id(old.id),
          ballot: ballot(old.ballot),
          acceptedBallot: ballot(old.acceptedBallot),
          deps: deps(old.deps),
          initDeps: old.initDeps === null ? null : deps(old.initDeps),
        };
  const stage = (old: Stage): Stage => relabelStage(old, { voter, id, ids, deps, byVoter });
  const round = (old: Round): Round => ({
    ...old,
    ballot: ballot(old.ballot),
    replies: byVoter(old.replies, reply),
    stage: stage(old.stage),
  });
  return {
    local: ({ self, records }) => ({
      self: voter(self),
      records: new Map([...records.values()].map(write).map((moved) => [`${moved.kind} ${moved.id}`, moved])),
    }),
    facts: (old) => ({
      ...old,
      instance: exchange.instances[old.instance] as number,
      initial: old.initial === null ? null : deps(old.initial),
      commit: old.commit === null ? null : { ...old.commit, deps: deps(old.commit.deps) },
    }),
    oks: (old) => byVoter(old, (ok) => (ok === null ? null : deps(ok))),
    round,
  };
}

type Names = {
  readonly voter: (replica: ReplicaId) => ReplicaId;
  readonly id: (id: InstanceId) => InstanceId;
  readonly ids: (list: readonly InstanceId[]) => InstanceId[];
  readonly deps: (deps: Deps) => Deps;
  readonly byVoter: <T>(list: readonly T[], change: (item: T) => T) => T[];
};

function relabelStage(old: Stage, { voter, id, ids, deps, byVoter }: Names): Stage {
  if (old.kind === "asking") return old;
  if (old.kind === "proposed" || old.kind === "done") {
    const chosen = { ...old.chosen, deps: deps(old.chosen.deps) };
    return old.kind === "done" ? { kind: "done", chosen } : { kind: "proposed", chosen, oks: byVoter(old.oks, (ok) => ok) };
  }
  const quorum = old.candidate.quorum.map(voter).sort((a, b) => a - b);
  const candidate = { ...old.candidate, deps: deps(old.candidate.deps), quorum };
  if (old.kind === "waiting") return { kind: "waiting", candidate, ids: ids(old.ids) };
  const answers = byVoter(old.answers, (lists) =>
    lists
      .map((list) => list.map((conflict) => ({ ...conflict, id: id(conflict.id) })).sort((a, b) => a.id - b.id))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  );
  return { kind: "validating", candidate, answers };
}
