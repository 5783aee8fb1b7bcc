/** Overload is refused early, with a true Retry-After; a slow network is no overload. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EpoxyError } from "../../protocol/errors.ts";
import { type Cost, createAdmission } from "../../server/routes/admission.ts";

function busyServer(busyShare: number) {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, busyShare: () => busyShare };
  const admission = createAdmission({ clock, inFlightMax: 1_000, inFlightMin: 50, waitMaxMs: 1_000, busyFromShare: 0.7 });
  const done: (() => void)[] = [];
  return {
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** The refusal, or null while it is under way. */
    async begin(cost: Cost = "shared", commands = 1): Promise<EpoxyError | null> {
      let refused: EpoxyError | null = null;
      void admission
        .run(() => new Promise<void>((resolve) => done.push(resolve)), { cost, commands })
        .catch((error: EpoxyError) => {
          refused = error;
        });
      await new Promise((resolve) => setImmediate(resolve));
      return refused;
    },
    async answer(count: number): Promise<void> {
      for (const end of done.splice(0, count)) end();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Under way for 3 s: 100 of them; fifty were answered in the last second. */
async function loaded(busyShare: number) {
  const server = busyServer(busyShare);
  for (let i = 0; i < 150; i++) assert.equal(await server.begin(), null, "a burst is taken in");
  server.advance(3_000);
  await server.answer(50);
  return server;
}

describe("a server whose next request will wait for 2 s", () => {
  test("refuses more while it is busy, and says when to come back", async () => {
    const refused = await (await loaded(1)).begin();
    assert.ok(refused instanceof EpoxyError);
    assert.equal(refused.code, "overloaded");
    assert.deepEqual(refused.details, { retryAfterSeconds: 2 });
  });

  test("takes them in where something else makes them wait", async () => {
    assert.equal(await (await loaded(0.5)).begin(), null);
  });

  test("goes on with what asks nobody else", async () => {
    assert.equal(await (await loaded(1)).begin("cheap"), null);
  });

  test("takes requests in again once few are under way", async () => {
    const server = await loaded(1);
    await server.answer(60);
    assert.equal(await server.begin(), null);
  });

  test("counts the commands of its requests", async () => {
    const server = busyServer(1);
    for (let i = 0; i < 10; i++) assert.equal(await server.begin("shared", 16), null);
    server.advance(500);
    await server.answer(3);
    server.advance(500);
    assert.equal((await server.begin())?.code, "overloaded", "112 wait, and 48 were answered");
  });

  test("does not judge by a second in which nothing was answered", async () => {
    const server = await loaded(1);
    server.advance(1_000);
    assert.equal(await server.begin(), null);
  });
});

test("whoever asks for twice what is answered waits for little more than the longest wait", async () => {
  const server = busyServer(1);
  let refused = 0;
  for (let i = 0; i < 100; i++) {
    for (let n = 0; n < 40; n++) if ((await server.begin()) !== null) refused++;
    server.advance(100);
    await server.answer(20);
  }
  const waiting = 4_000 - refused - 2_000;
  assert.ok(waiting >= 200 && waiting <= 360, `${waiting} wait for a server that answers 200 a second`);
});

describe("a burst at a server that answered little before it", () => {
  test("is taken in whole", async () => {
    const server = busyServer(1);
    await server.begin();
    server.advance(500);
    await server.answer(1);
    for (let i = 0; i < 500; i++) assert.equal(await server.begin(), null);
  });

  test("is taken in whole while the first of it are answered", async () => {
    const server = busyServer(1);
    for (let i = 0; i < 350; i++) {
      assert.equal(await server.begin(), null);
      if (i % 50 === 0) await server.answer(1);
      server.advance(1);
    }
  });
});

test("there is a bound to what is under way, whatever it costs", async () => {
  const server = busyServer(0);
  for (let i = 0; i < 1_000; i++) await server.begin("cheap");
  assert.equal((await server.begin("cheap"))?.code, "overloaded");
});
