/** A request that is refused before its body came whole: the answer arrives, whoever is slow or sends without end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type FastifyInstance, fastify } from "fastify";
import { addBodyDrain } from "../../server/drain.ts";
import { fakeApp } from "./fake-replica.ts";

const big = 5 * 1024 * 1024;
const hangMs = 20_000;

type Connection = {
  readonly socket: Socket;
  said(): string;
  saidMatches(pattern: RegExp): Promise<void>;
  readonly closed: Promise<unknown>;
};

async function connectTo(t: TestContext, app: FastifyInstance): Promise<Connection> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => app.close());
  const socket = connect((app.server.address() as { port: number }).port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // Writing to what was closed is what some of these are about.
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const said = () => text;
  async function saidMatches(pattern: RegExp): Promise<void> {
    for (const untilMs = performance.now() + hangMs; !pattern.test(text); await sleep(10))
      assert.ok(performance.now() < untilMs, `${pattern} was not answered, but: ${text.slice(0, 1_000)}`);
  }
  return { socket, said, saidMatches, closed };
}

const head = (...lines: string[]) =>
  ["POST /v1/proposals HTTP/1.1", "host: x", "content-type: application/json", ...lines, "", ""].join("\r\n");

describe("a body over the limit", () => {
  const kinds = [
    { name: "of a length that was told", header: `content-length: ${big}`, piece: (bytes: Buffer) => bytes, end: "" },
    {
      name: "in chunks",
      header: "transfer-encoding: chunked",
      piece: (bytes: Buffer) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]),
      end: "0\r\n\r\n",
    },
  ];
  for (const { name, header, piece, end } of kinds) {
    test(`${name}, from a slow client: 413 is read, and the connection goes on`, async (t) => {
      const { socket, said, saidMatches } = await connectTo(t, fakeApp().app);
      socket.write(head(header));
      const part = Buffer.alloc(big / 8, " ");
      for (let i = 0; i < 8; i++) {
        assert.ok(!socket.destroyed, `closed after ${i} parts: ${said()}`);
        await new Promise((resolve) => socket.write(piece(part), resolve));
        await sleep(20);
      }
      socket.write(end);
      await saidMatches(/^HTTP\/1\.1 413 /);
      assert.match(said(), /"tooLarge"/);
      socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
      await saidMatches(/HTTP\/1\.1 200 /);
    });
  }
});

test("what is refused before its body is looked at: the connection goes on", async (t) => {
  const { socket, saidMatches } = await connectTo(t, fakeApp().app);
  socket.write(head("content-length: 10").replace("application/json", "text/plain"));
  await saidMatches(/^HTTP\/1\.1 415 /);
  socket.write("x".repeat(10));
  socket.write(`${head("content-length: 1")}{`);
  await saidMatches(/HTTP\/1\.1 400 [\s\S]*"badRequest"/);
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  await saidMatches(/HTTP\/1\.1 200 /);
});

describe("a body that does not end is cut off", () => {
  const appWith = (bounds: { ms: number; bytesMax: number }) => {
    const app = fastify({ bodyLimit: 10 });
    addBodyDrain(app, bounds);
    app.post("/v1/proposals", async () => "taken");
    return app;
  };

  test("after so many bytes", async (t) => {
    const { socket, said, closed } = await connectTo(t, appWith({ ms: hangMs, bytesMax: 1024 * 1024 }));
    socket.write(head("content-length: 1000000000"));
    const part = Buffer.alloc(64 * 1024);
    let sent = 0;
    for (; socket.writable && sent < 1_000_000_000; sent += part.length) await new Promise((resolve) => socket.write(part, resolve));
    assert.ok(sent < 1_000_000_000, "it took everything");
    await closed;
    assert.match(said(), /^HTTP\/1\.1 413 /);
  });

  test("after so long", async (t) => {
    const { socket, said, closed } = await connectTo(t, appWith({ ms: 100, bytesMax: 1024 * 1024 }));
    socket.write(head("content-length: 1000000000"));
    await closed;
    assert.match(said(), /^HTTP\/1\.1 413 /);
  });
});
