/** Atlas without failures: a dependency counts for the fast path once f of the quorum have reported it, so always with f = 1. */
import { type Actor, type Command, createKnown, type Io, type Model, others, union } from "../model.ts";
import { createGraphOrder } from "./graph-order.ts";

type Message =
  | { readonly kind: "collect"; readonly command: Command; readonly past: readonly number[] }
  | { readonly kind: "collected"; readonly id: number; readonly deps: readonly number[] }
  | { readonly kind: "accept"; readonly command: Command; readonly deps: readonly number[] }
  | { readonly kind: "accepted"; readonly id: number }
  | { readonly kind: "commit"; readonly command: Command; readonly deps: readonly number[]; readonly path: "fast" | "slow" };

type Own = { readonly command: Command; readonly replies: (readonly number[])[]; deps: readonly number[] | null; accepts: number };

export function atlas(f: number): Model<Message> {
  return { name: `atlas-f${f}`, source: "Atlas (EuroSys'20), algorithm 1", create: (io) => createAtlas(io, f) };
}

function createAtlas(io: Io<Message>, f: number): Actor<Message> {
  const known = createKnown(io.isSettled);
  const order = createGraphOrder(io.isSettled, io.executed);
  const owned = new Map<number, Own>();
  const fastPeers = io.nearest.slice(0, Math.min(io.n, Math.floor(io.n / 2) + f) - 1);

  function commit(command: Command, deps: readonly number[], path: "fast" | "slow"): void {
    known.add(command);
    io.committed(command, { value: deps.join(), deps, path });
    order.commit(command, deps);
  }
  function decide(own: Own, path: "fast" | "slow"): void {
    const deps = own.deps as readonly number[];
    owned.delete(own.command.id);
    for (const to of others(io)) io.send(to, { kind: "commit", command: own.command, deps, path });
    commit(own.command, deps, path);
  }
  function conclude(own: Own): void {
    if (own.replies.length < fastPeers.length + 1) return;
    own.deps = union(own.replies);
    const reported = (id: number) => own.replies.filter((deps) => deps.includes(id)).length;
    if (own.deps.every((id) => reported(id) >= f || io.isSettled(id))) return decide(own, "fast");
    for (const to of io.nearest.slice(0, f)) io.send(to, { kind: "accept", command: own.command, deps: own.deps });
  }
  return {
    submit(command) {
      const past = known.conflictsOf(command);
      known.add(command);
      const own: Own = { command, replies: [past], deps: null, accepts: 0 };
      owned.set(command.id, own);
      for (const to of fastPeers) io.send(to, { kind: "collect", command, past });
    },
    receive(from, message) {
      switch (message.kind) {
        case "collect": {
          const deps = union([message.past, known.conflictsOf(message.command)]);
          known.add(message.command);
          return io.send(from, { kind: "collected", id: message.command.id, deps });
        }
        case "collected": {
          const own = owned.get(message.id);
          if (own === undefined) return;
          own.replies.push(message.deps);
          return conclude(own);
        }
        case "accept":
          known.add(message.command);
          return io.send(from, { kind: "accepted", id: message.command.id });
        case "accepted": {
          const own = owned.get(message.id);
          if (own !== undefined && ++own.accepts >= f) decide(own, "slow");
          return;
        }
        case "commit":
          return commit(message.command, message.deps, message.path);
      }
    },
  };
}
