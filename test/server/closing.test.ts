/** A server that ends: whoever has a connection and asks is answered, told to leave it, and nobody's request is cut. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { KeyState } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { closeGently } from "../../server/closing.ts";
import { fakeApp, fakeReplica } from "./fake-replica.ts";

const hangMs = 20_000;
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

async function connectTo(t: TestContext, app: FastifyInstance) {
  const socket = connect((app.server.address() as { port: number }).port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  const closed = once(socket, "close").then(([hadError]) => hadError as boolean);
  return {
    send: (request: string) => socket.write(request),
    said: () => text,
    closed,
    async answered(times: number): Promise<void> {
      const count = () => text.split("HTTP/1.1 ").length - 1;
      for (const untilMs = performance.now() + hangMs; count() < times; await sleep(5))
        assert.ok(performance.now() < untilMs, `only ${count()} answers: ${text}`);
    },
  };
}

async function listening(t: TestContext, ...given: Parameters<typeof fakeApp>): Promise<FastifyInstance> {
  const { app } = fakeApp(...given);
  t.after(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  return app;
}

describe("a server that ends", () => {
  test("answers who asks on a connection that was idle, as the last on it; and takes no new one", async (t) => {
    const app = await listening(t);
    const caller = await connectTo(t, app);
    caller.send(get("/v1/kv/a?read=local"));
    await caller.answered(1);
    const { port } = app.server.address() as { port: number };
    const ending = closeGently(app, systemClock, 5_000);
    caller.send(get("/v1/kv/a?read=local"));
    await caller.answered(2);
    assert.equal(await caller.closed, false);
    const [first = "", last = ""] = caller.said().split("HTTP/1.1 ").slice(1);
    assert.match(first, /^404/);
    assert.doesNotMatch(first, /connection: close/i);
    assert.match(last, /^404.*connection: close/is);
    assert.match(last, /"code":"notFound"/);
    const late = connect(port, "127.0.0.1");
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNREFUSED");
    await ending;
  });

  test("lets what is under way end, and its connection with it", async (t) => {
    let release: (state: KeyState) => void = () => {};
    const held = new Promise<KeyState>((resolve) => {
      release = resolve;
    });
    const app = await listening(t, { replica: fakeReplica({ read: () => held }) });
    const caller = await connectTo(t, app);
    caller.send(get("/v1/kv/a"));
    await sleep(50);
    const ending = closeGently(app, systemClock, 5_000);
    await sleep(700);
    release({ value: Buffer.from("late"), version: 3 });
    await caller.answered(1);
    assert.equal(await caller.closed, false);
    assert.match(caller.said(), /^HTTP\/1.1 200.*connection: close.*late$/is);
    await ending;
  });

  test("closes who says nothing, and after its time whoever is left", async (t) => {
    const app = await listening(t, { replica: fakeReplica({ read: () => new Promise(() => {}) }) });
    const silent = await connectTo(t, app);
    const waiting = await connectTo(t, app);
    waiting.send(get("/v1/kv/a"));
    await sleep(50);
    await closeGently(app, systemClock, 1_000);
    await Promise.all([silent.closed, waiting.closed]);
    assert.equal(silent.said() + waiting.said(), "");
  });

  test("is gone at once where nobody is connected", async (t) => {
    const app = await listening(t);
    const sleepUntilTold = (_ms: number, signal?: AbortSignal) => systemClock.sleep(hangMs, signal);
    await closeGently(app, { ...systemClock, sleep: sleepUntilTold }, hangMs);
  });
});
