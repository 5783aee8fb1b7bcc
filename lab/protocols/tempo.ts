/** Tempo without failures: a timestamp for each command, executed once a majority can propose no lower one. */
import { type Actor, type Command, type Io, type Model, others } from "../model.ts";

/** Process `by` will propose none of [from, to] on the key again; counts once `id` is committed here, at once when that is null. */
type Promise_ = { readonly by: number; readonly from: number; readonly to: number; readonly id: number | null };
type Message =
  | { readonly kind: "propose"; readonly command: Command; readonly timestamp: number }
  | { readonly kind: "proposed"; readonly id: number; readonly timestamp: number; readonly promises: readonly Promise_[] }
  | { readonly kind: "accept"; readonly id: number }
  | { readonly kind: "accepted"; readonly id: number }
  | {
      readonly kind: "commit";
      readonly command: Command;
      readonly timestamp: number;
      readonly path: "fast" | "slow";
      readonly promises: readonly Promise_[];
    }
  | { readonly kind: "promises"; readonly key: string; readonly promises: readonly Promise_[] };

type Own = { readonly command: Command; readonly timestamps: number[]; readonly promises: Promise_[]; accepts: number };
type KeyState = {
  clock: number;
  /** By process: up to where all its promises are here, and those that wait for their turn, by their start. */
  readonly frontiers: number[];
  readonly pending: Map<number, Promise_>[];
  readonly queue: { readonly timestamp: number; readonly command: Command }[];
};

export function tempo(f: number): Model<Message> {
  return { name: `tempo-f${f}`, source: "Tempo (EuroSys'21), algorithms 1 to 3", create: (io) => createTempo(io, f) };
}

function createTempo(io: Io<Message>, f: number): Actor<Message> {
  const keys = new Map<string, KeyState>();
  const committed = new Set<number>();
  const owned = new Map<number, Own>();
  const majority = Math.floor(io.n / 2) + 1;
  const fastPeers = io.nearest.slice(0, Math.min(io.n, Math.floor(io.n / 2) + f) - 1);

  function stateOf(key: string): KeyState {
    let state = keys.get(key);
    if (state === undefined) {
      const all = Array.from({ length: io.n });
      state = { clock: 0, frontiers: all.map(() => 0), pending: all.map(() => new Map()), queue: [] };
      keys.set(key, state);
    }
    return state;
  }
  /** Takes a timestamp at or above `least` and says what is promised by it. */
  function propose(command: Command, least: number): { readonly timestamp: number; readonly promises: Promise_[] } {
    const state = stateOf(command.key);
    const timestamp = Math.max(least, state.clock + 1);
    const promises: Promise_[] = [];
    if (timestamp > state.clock + 1) promises.push({ by: io.self, from: state.clock + 1, to: timestamp - 1, id: null });
    promises.push({ by: io.self, from: timestamp, to: timestamp, id: command.id });
    state.clock = timestamp;
    return { timestamp, promises };
  }
  function take(state: KeyState, promises: readonly Promise_[]): void {
    for (const promise of promises) state.pending[promise.by]?.set(promise.from, promise);
  }
  function advance(state: KeyState): void {
    state.pending.forEach((pending, by) => {
      for (;;) {
        const next = pending.get((state.frontiers[by] as number) + 1);
        if (next === undefined || (next.id !== null && !committed.has(next.id))) return;
        pending.delete(next.from);
        state.frontiers[by] = next.to;
      }
    });
    const stable = [...state.frontiers].sort((a, b) => b - a)[majority - 1] as number;
    while (state.queue[0] !== undefined && state.queue[0].timestamp <= stable) {
      const [first] = state.queue.splice(0, 1);
      if (first !== undefined) io.executed(first.command);
    }
  }
  function commit(command: Command, timestamp: number, path: "fast" | "slow", promises: readonly Promise_[]): void {
    const state = stateOf(command.key);
    committed.add(command.id);
    io.committed(command, { value: `${timestamp}`, deps: [], path });
    state.queue.push({ timestamp, command });
    state.queue.sort((a, b) => a.timestamp - b.timestamp || a.command.id - b.command.id);
    take(state, promises);
    if (state.clock < timestamp) {
      const raised: Promise_[] = [{ by: io.self, from: state.clock + 1, to: timestamp, id: null }];
      state.clock = timestamp;
      take(state, raised);
      for (const to of others(io)) io.send(to, { kind: "promises", key: command.key, promises: raised });
    }
    advance(state);
  }
  function decide(own: Own, path: "fast" | "slow"): void {
    const { command, promises } = own;
    const timestamp = Math.max(...own.timestamps);
    owned.delete(command.id);
    for (const to of others(io)) io.send(to, { kind: "commit", command, timestamp, path, promises });
    commit(command, timestamp, path, promises);
  }
  function conclude(own: Own): void {
    if (own.timestamps.length < fastPeers.length + 1) return;
    const highest = Math.max(...own.timestamps);
    if (own.timestamps.filter((each) => each === highest).length >= f) return decide(own, "fast");
    for (const to of io.nearest.slice(0, f)) io.send(to, { kind: "accept", id: own.command.id });
  }
  return {
    submit(command) {
      const { timestamp, promises } = propose(command, 0);
      owned.set(command.id, { command, timestamps: [timestamp], promises, accepts: 0 });
      for (const to of fastPeers) io.send(to, { kind: "propose", command, timestamp });
    },
    receive(from, message) {
      switch (message.kind) {
        case "propose":
          return io.send(from, { kind: "proposed", id: message.command.id, ...propose(message.command, message.timestamp) });
        case "proposed": {
          const own = owned.get(message.id);
          if (own === undefined) return;
          own.timestamps.push(message.timestamp);
          own.promises.push(...message.promises);
          return conclude(own);
        }
        case "accept":
          return io.send(from, { kind: "accepted", id: message.id });
        case "accepted": {
          const own = owned.get(message.id);
          if (own !== undefined && ++own.accepts >= f) decide(own, "slow");
          return;
        }
        case "commit":
          return commit(message.command, message.timestamp, message.path, message.promises);
        case "promises": {
          const state = stateOf(message.key);
          take(state, message.promises);
          return advance(state);
        }
      }
    },
  };
}
