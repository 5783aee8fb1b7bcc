/** The original EPaxos without failures: basic and optimized fast quorums, and timestamp-ordered queuing over the basic one. */
import { type Actor, type Command, createKnown, type Io, type Model, others, union } from "../model.ts";
import { createGraphOrder } from "./graph-order.ts";

type Message =
  | { readonly kind: "preAccept"; readonly command: Command; readonly deps: readonly number[]; readonly holdMs: number }
  | { readonly kind: "preAccepted"; readonly id: number; readonly deps: readonly number[] }
  | { readonly kind: "accept"; readonly command: Command; readonly deps: readonly number[] }
  | { readonly kind: "accepted"; readonly id: number }
  | { readonly kind: "commit"; readonly command: Command; readonly deps: readonly number[]; readonly path: "fast" | "slow" };

type Own = {
  readonly command: Command;
  initial: readonly number[];
  replies: (readonly number[])[];
  accepts: number;
  deps: readonly number[] | null;
};

export type EpaxosRules = {
  /** Replicas of a fast quorum, the owner among them. */
  readonly fastQuorum: (n: number) => number;
  /** Replies must be what the owner began with, or only the same as each other (EPaxos Revisited's example 3). */
  readonly match: "owner" | "followers";
  /** Everyone handles the command at the same instant: when the farthest of the fast quorum has it. */
  readonly queues: boolean;
};

const faults = (n: number) => Math.floor((n - 1) / 2);
export const basicRules: EpaxosRules = { fastQuorum: (n) => Math.max(2 * faults(n), faults(n) + 1), match: "followers", queues: false };
export const optimizedRules: EpaxosRules = {
  fastQuorum: (n) => Math.max(faults(n) + Math.floor((faults(n) + 1) / 2), faults(n) + 1),
  match: "owner",
  queues: false,
};

export const epaxosBasic = model("epaxos-basic", "EPaxos (SOSP'13) 4.3: fast quorum 2F, replies equal to each other", basicRules);
export const epaxosOptimized = model(
  "epaxos-optimized",
  "EPaxos (SOSP'13) 4.4: fast quorum F+floor((F+1)/2), replies equal to the owner's, sent to all",
  optimizedRules,
);
export const epaxosToq = model("epaxos-toq", "EPaxos Revisited (NSDI'21) 5: TOQ, over the fast quorum 2F that makes it safe", {
  ...basicRules,
  queues: true,
});

function model(name: string, source: string, rules: EpaxosRules): Model<Message> {
  return { name, source, create: (io) => createEpaxos(io, rules) };
}

/** Whether these replies allow a commit in one round. `deps` sorted; what is settled is of no account. */
export function agrees(match: EpaxosRules["match"], initial: readonly number[], replies: readonly (readonly number[])[]): boolean {
  const wanted = match === "owner" ? initial : (replies[0] ?? initial);
  return replies.every((deps) => deps.length === wanted.length && deps.every((id, i) => id === wanted[i]));
}

function createEpaxos(io: Io<Message>, { fastQuorum, match, queues }: EpaxosRules): Actor<Message> {
  const known = createKnown(io.isSettled);
  const order = createGraphOrder(io.isSettled, io.executed);
  const owned = new Map<number, Own>();
  const needFast = fastQuorum(io.n) - 1;
  const needSlow = Math.floor(io.n / 2);
  const tellAll = (message: Message) => {
    for (const to of others(io)) io.send(to, message);
  };
  const open = (ids: readonly number[]) => ids.filter((id) => !io.isSettled(id));

  function commit(command: Command, deps: readonly number[], path: "fast" | "slow"): void {
    known.add(command);
    io.committed(command, { value: deps.join(), deps, path });
    order.commit(command, deps);
  }
  function conclude(own: Own): void {
    if (own.deps !== null || own.replies.length < needFast) return;
    const all = queues ? [own.initial, ...own.replies] : own.replies;
    own.deps = union([own.initial, ...own.replies]);
    if (agrees(match, open(own.initial), all.map(open))) {
      owned.delete(own.command.id);
      tellAll({ kind: "commit", command: own.command, deps: own.deps, path: "fast" });
      commit(own.command, own.deps, "fast");
    } else tellAll({ kind: "accept", command: own.command, deps: own.deps });
  }
  function submit(command: Command): void {
    const own: Own = { command, initial: [], replies: [], accepts: 0, deps: null };
    owned.set(command.id, own);
    const farthest = queues ? io.oneWayMs(io.nearest[needFast - 1] ?? io.self) : 0;
    const begin = () => {
      own.initial = known.conflictsOf(command);
      known.add(command);
    };
    if (queues) io.after(farthest, begin);
    else begin();
    for (const to of others(io)) {
      io.send(to, { kind: "preAccept", command, deps: own.initial, holdMs: Math.max(0, farthest - io.oneWayMs(to)) });
    }
  }
  function preAccept(from: number, command: Command, deps: readonly number[]): void {
    const all = union([deps, known.conflictsOf(command)]);
    known.add(command);
    io.send(from, { kind: "preAccepted", id: command.id, deps: all });
  }
  function receive(from: number, message: Message): void {
    switch (message.kind) {
      case "preAccept":
        if (message.holdMs > 0) return io.after(message.holdMs, () => preAccept(from, message.command, message.deps));
        return preAccept(from, message.command, message.deps);
      case "preAccepted": {
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
        if (own?.deps == null || ++own.accepts < needSlow) return;
        owned.delete(message.id);
        tellAll({ kind: "commit", command: own.command, deps: own.deps, path: "slow" });
        return commit(own.command, own.deps, "slow");
      }
      case "commit":
        return commit(message.command, message.deps, message.path);
    }
  }
  return { submit, receive };
}
