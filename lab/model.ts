/** What a protocol is to the lab: code without clock, randomness or I/O that answers commands and messages. */

/** `wallMs`: the origin's clock when it was submitted, for ties between commands that depend on each other. */
export type Command = {
  readonly id: number;
  readonly origin: number;
  readonly key: string;
  readonly isRead: boolean;
  readonly wallMs: number;
};

export type Io<Message> = {
  readonly self: number;
  readonly n: number;
  /** The other replicas, nearest first. */
  readonly nearest: readonly number[];
  /** One way to another replica, as measured beforehand. */
  oneWayMs(to: number): number;
  send(to: number, message: Message): void;
  /** Decided, as this replica has learned; what was decided must be the same everywhere. */
  committed(command: Command, decided: Decided): void;
  executed(command: Command): void;
  /** Executed at every replica, so that nobody needs to name it any more. Stands in for the garbage collection of each protocol. */
  isSettled(id: number): boolean;
  /** For protocols that wait on purpose. */
  after(ms: number, run: () => void): void;
};

/** `value`: dependencies, a timestamp or a position, as text. `deps`: what must be executed before, where that is a list. */
export type Decided = { readonly value: string; readonly deps: readonly number[]; readonly path: "fast" | "slow" };

export type Actor<Message> = { submit(command: Command): void; receive(from: number, message: Message): void };

export type Model<Message> = {
  readonly name: string;
  /** Where the rules are from. */
  readonly source: string;
  readonly create: (io: Io<Message>) => Actor<Message>;
};

export function conflict(a: Command, b: Command): boolean {
  return a.key === b.key && !(a.isRead && b.isRead);
}

export function others({ self, n }: { readonly self: number; readonly n: number }): number[] {
  return Array.from({ length: n }, (_, i) => i).filter((i) => i !== self);
}

/** Commands a replica has heard of, by key. */
export type Known = {
  add(command: Command): void;
  /** Ids of what it conflicts with, itself and what is settled left out, ascending. */
  conflictsOf(command: Command): number[];
};

export function createKnown(isSettled: (id: number) => boolean): Known {
  const byKey = new Map<string, Command[]>();
  return {
    add(command) {
      const list = byKey.get(command.key);
      if (list === undefined) byKey.set(command.key, [command]);
      else if (!list.some(({ id }) => id === command.id)) list.push(command);
    },
    conflictsOf(command) {
      const list = byKey.get(command.key) ?? [];
      const open = list.filter(({ id }) => !isSettled(id));
      if (open.length < list.length) byKey.set(command.key, open);
      return open
        .filter((other) => other.id !== command.id && conflict(other, command))
        .map(({ id }) => id)
        .sort((a, b) => a - b);
    },
  };
}

export function union(lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}
