/** What stands before the peer ports of a local datacenter with several servers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { startBalancer } from "../../../cli/dev/balancer.ts";
import { freePorts } from "../../support/ports.ts";

/** Answers what it is told with its name before it. */
async function echo(t: TestContext, port: number, name: string): Promise<{ end(): void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => socket.write(`${name}: ${chunk}`));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const end = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  t.after(end);
  return { end };
}

/** null: the connection was closed without an answer. */
async function ask(port: number, text: string): Promise<string | null> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(text);
  const [chunk] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => [null])]);
  socket.destroy();
  return chunk === null ? null : String(chunk);
}

test("connections go to all servers in turn, and to those that are there when one is not", async (t) => {
  const [port = 0, a = 0, b = 0] = await freePorts(3);
  const balancer = await startBalancer(port, [a, b]);
  t.after(() => balancer.close());
  assert.equal(await ask(port, "nobody"), null);
  await echo(t, a, "a");
  assert.deepEqual([await ask(port, "1"), await ask(port, "2")], ["a: 1", "a: 2"]);
  const second = await echo(t, b, "b");
  assert.deepEqual([await ask(port, "3"), await ask(port, "4")].sort(), ["a: 3", "b: 4"].sort());
  second.end();
  assert.deepEqual([await ask(port, "5"), await ask(port, "6")], ["a: 5", "a: 6"]);
});

test("a server that goes away ends the connections to it, and its own end ends all", async (t) => {
  const [port = 0, a = 0] = await freePorts(2);
  const balancer = await startBalancer(port, [a]);
  const server = await echo(t, a, "a");
  const held = async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("x");
    await once(socket, "data");
    return once(socket, "close");
  };
  const first = held();
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.end();
  await first;
  await echo(t, a, "a");
  const second = held();
  await new Promise((resolve) => setTimeout(resolve, 100));
  balancer.close();
  await second;
});

test("a port that is taken is an error that names it", async (t) => {
  const [port = 0] = await freePorts(1);
  await echo(t, port, "other");
  await assert.rejects(startBalancer(port, [1]), new RegExp(`port ${port}`));
});
