/**
 * Accord without failures: what a quorum has witnessed of nothing later keeps its timestamp; commands run in the order of their timestamps.
 * Its reorder buffer is left out: it waits for clocks that the lab has exact (that is TOQ's gain, see epaxos-toq).
 */
import { type Actor, type Command, createKnown, type Io, type Model, others, union } from "../model.ts";

/** Ordered by time, then by command; one for each command. */
type Timestamp = { readonly ms: number; readonly id: number };
type Message =
  | { readonly kind: "preAccept"; readonly command: Command; readonly t0: Timestamp }
  | { readonly kind: "preAccepted"; readonly id: number; readonly t: Timestamp; readonly deps: readonly number[] }
  | { readonly kind: "accept"; readonly command: Command; readonly t: Timestamp }
  | { readonly kind: "accepted"; readonly id: number; readonly deps: readonly number[] }
  | { readonly kind: "commit"; readonly command: Command; readonly t: Timestamp; readonly deps: readonly number[]; readonly path: Path };
type Path = "fast" | "slow";
type Vote = { readonly t: Timestamp; readonly deps: readonly number[] };
type Own = {
  readonly command: Command;
  readonly t0: Timestamp;
  readonly votes: Vote[];
  t: Timestamp | null;
  accepts: (readonly number[])[];
};
type Committed = { readonly command: Command; readonly t: Timestamp; readonly deps: readonly number[] };

/** By which a timestamp is raised above the latest one. */
const TICK_MS = 0.001;

export const accord: Model<Message> = {
  name: "accord",
  source: "Elliott et al., CEP-15: Fast General Purpose Transactions (2021), algorithms 1 and 2",
  create: createAccord,
};

function createAccord(io: Io<Message>): Actor<Message> {
  const known = createKnown(io.isSettled);
  const firsts = new Map<number, Timestamp>();
  /** By key: the latest timestamp of writes, and of everything. */
  const latest = new Map<string, { readonly writes: Timestamp; readonly all: Timestamp }>();
  const owned = new Map<number, Own>();
  const committed = new Map<number, Committed>();
  const done = new Set<number>();
  const waiting = new Map<number, Set<number>>();
  const majority = Math.floor(io.n / 2) + 1;
  const f = io.n - majority;
  const fastQuorum = Math.ceil((io.n + f + 1) / 2);

  function latestOf({ key, isRead }: Command): Timestamp {
    const found = latest.get(key);
    return (isRead ? found?.writes : found?.all) ?? { ms: 0, id: -1 };
  }
  function raise({ key, isRead }: Command, t: Timestamp): void {
    const { writes, all } = latest.get(key) ?? { writes: { ms: 0, id: -1 }, all: { ms: 0, id: -1 } };
    latest.set(key, { writes: isRead ? writes : later(writes, t), all: later(all, t) });
  }
  function register(command: Command, t0: Timestamp, t: Timestamp): void {
    known.add(command);
    firsts.set(command.id, t0);
    raise(command, t);
  }
  /** Conflicts that first asked for a time before `t`. */
  const before = (command: Command, t: Timestamp) => known.conflictsOf(command).filter((id) => precedes(firsts.get(id) as Timestamp, t));
  function vote(command: Command, t0: Timestamp): Vote {
    const above = latestOf(command);
    const t = precedes(above, t0) ? t0 : { ms: above.ms + TICK_MS, id: command.id };
    const deps = before(command, t0);
    register(command, t0, t);
    return { t, deps };
  }

  function conclude(own: Own): void {
    const { command, t0, votes } = own;
    if (own.t !== null) return;
    const kept = votes.filter(({ t }) => t.ms === t0.ms).length;
    if (kept >= fastQuorum) return decide(own, t0, union(votes.map(({ deps }) => deps)), "fast");
    const isFastOver = votes.length - kept > io.n - fastQuorum;
    if (votes.length < majority || !isFastOver) return;
    own.t = votes.map(({ t }) => t).reduce(later);
    own.accepts = [votes.flatMap(({ deps }) => deps), acceptHere(command, own.t)];
    for (const to of others(io)) io.send(to, { kind: "accept", command, t: own.t });
  }
  function acceptHere(command: Command, t: Timestamp): number[] {
    raise(command, t);
    return before(command, t);
  }
  function decide(own: Own, t: Timestamp, deps: readonly number[], path: Path): void {
    owned.delete(own.command.id);
    for (const to of others(io)) io.send(to, { kind: "commit", command: own.command, t, deps, path });
    commit({ command: own.command, t, deps }, path);
  }
  function commit(entry: Committed, path: Path): void {
    const { command, t, deps } = entry;
    if (!firsts.has(command.id)) register(command, t, t);
    raise(command, t);
    committed.set(command.id, entry);
    io.committed(command, { value: `${t.ms} ${deps.join()}`, deps, path });
    wake(command.id);
    execute(command.id);
  }
  /** Once all it depends on is committed, and what of that comes first is executed. */
  function execute(id: number): void {
    const entry = committed.get(id);
    if (entry === undefined || done.has(id)) return;
    for (const dep of entry.deps) {
      if (done.has(dep) || io.isSettled(dep)) continue;
      const other = committed.get(dep);
      if (other !== undefined && precedes(entry.t, other.t)) continue;
      waiting.set(dep, (waiting.get(dep) ?? new Set()).add(id));
      return;
    }
    done.add(id);
    io.executed(entry.command);
    wake(id);
  }
  function wake(id: number): void {
    const list = waiting.get(id);
    waiting.delete(id);
    for (const each of list ?? []) execute(each);
  }
  return {
    submit(command) {
      const above = latestOf(command);
      const t0 = { ms: Math.max(command.wallMs, above.ms + TICK_MS), id: command.id };
      const own: Own = { command, t0, votes: [vote(command, t0)], t: null, accepts: [] };
      owned.set(command.id, own);
      for (const to of others(io)) io.send(to, { kind: "preAccept", command, t0 });
    },
    receive(from, message) {
      switch (message.kind) {
        case "preAccept":
          return io.send(from, { kind: "preAccepted", id: message.command.id, ...vote(message.command, message.t0) });
        case "preAccepted": {
          const own = owned.get(message.id);
          if (own === undefined || own.t !== null) return;
          own.votes.push({ t: message.t, deps: message.deps });
          return conclude(own);
        }
        case "accept":
          if (!firsts.has(message.command.id)) register(message.command, message.t, message.t);
          return io.send(from, { kind: "accepted", id: message.command.id, deps: acceptHere(message.command, message.t) });
        case "accepted": {
          const own = owned.get(message.id);
          if (own === undefined || own.t === null) return;
          own.accepts.push(message.deps);
          // The first two are of this replica: what the votes named, and its own acceptance.
          if (own.accepts.length - 1 >= majority) decide(own, own.t, union(own.accepts), "slow");
          return;
        }
        case "commit":
          return commit({ command: message.command, t: message.t, deps: message.deps }, message.path);
      }
    },
  };
}

function precedes(a: Timestamp, b: Timestamp): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.id < b.id);
}

function later(a: Timestamp, b: Timestamp): Timestamp {
  return precedes(a, b) ? b : a;
}
