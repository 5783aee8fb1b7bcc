/** One address for all server processes of a datacenter, as a balancer is elsewhere: each connection goes to a server that takes it. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { CommandError } from "../exit.ts";
import { host } from "./layout.ts";

export type Balancer = { close(): void };

/** @throws CommandError when nobody may listen there */
export async function startBalancer(port: number, targets: readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    // What goes wrong with one side ends both; whoever asked sees that and asks again.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  };
  let turn = 0;
  const server = createServer({ noDelay: true }, (caller) => {
    keep(caller);
    turn = (turn + 1) % targets.length;
    passOn(caller, [...targets.slice(turn), ...targets.slice(0, turn)], keep);
  });
  server.listen(port, host);
  await once(server, "listening").catch((error: Error) => {
    throw new CommandError(`cannot listen on port ${port}: ${error.message}`);
  });
  return {
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** To the first that takes the connection; where none does, the caller's is closed. */
function passOn(caller: Socket, [port, ...others]: readonly number[], keep: (socket: Socket) => void): void {
  if (port === undefined || caller.destroyed) return void caller.destroy();
  const there = connect({ host, port, noDelay: true });
  const next = () => passOn(caller, others, keep);
  there.once("error", next);
  there.once("connect", () => {
    there.off("error", next);
    keep(there);
    there.once("close", () => caller.destroy());
    caller.once("close", () => there.destroy());
    caller.pipe(there);
    there.pipe(caller);
  });
}
