/** One leader that puts everything into one order. Reads go through the log, as in EPaxos Revisited. */
import { type Actor, type Command, type Io, type Model, others } from "../model.ts";

type Message =
  | { readonly kind: "forward"; readonly command: Command }
  | { readonly kind: "accept"; readonly slot: number; readonly command: Command }
  | { readonly kind: "accepted"; readonly slot: number }
  | { readonly kind: "commit"; readonly slot: number; readonly command: Command };

export function multiPaxos(leader: number): Model<Message> {
  return {
    name: "multi-paxos",
    source: "Paxos Made Simple (2001) 3, with a stable leader",
    create: (io) => createMultiPaxos(io, leader),
  };
}

function createMultiPaxos(io: Io<Message>, leader: number): Actor<Message> {
  const accepted = new Map<number, { readonly command: Command; count: number }>();
  const log = new Map<number, Command>();
  let next = 0;
  let executed = 0;

  function learn(slot: number, command: Command): void {
    log.set(slot, command);
    io.committed(command, { value: `${slot}`, deps: [], path: "fast" });
    for (let found = log.get(executed); found !== undefined; found = log.get(executed)) {
      log.delete(executed++);
      io.executed(found);
    }
  }
  function lead(command: Command): void {
    const slot = next++;
    accepted.set(slot, { command, count: 0 });
    for (const to of others(io)) io.send(to, { kind: "accept", slot, command });
  }
  return {
    submit(command) {
      if (io.self === leader) lead(command);
      else io.send(leader, { kind: "forward", command });
    },
    receive(from, message) {
      switch (message.kind) {
        case "forward":
          return lead(message.command);
        case "accept":
          return io.send(from, { kind: "accepted", slot: message.slot });
        case "accepted": {
          const entry = accepted.get(message.slot);
          if (entry === undefined || ++entry.count < Math.floor(io.n / 2)) return;
          accepted.delete(message.slot);
          for (const to of others(io)) io.send(to, { kind: "commit", slot: message.slot, command: entry.command });
          return learn(message.slot, entry.command);
        }
        case "commit":
          return learn(message.slot, message.command);
      }
    },
  };
}
