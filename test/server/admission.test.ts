/** Overload is refused early, with a true Retry-After; a slow network is no overload. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EpoxyError } from "../../protocol/errors.ts";
import { type Cost, createAdmission } from "../../server/routes/admission.ts";

function busyServer(busyShare: number) {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, busyShare: () => busyShare };
  const admission = createAdmission({ clock, inFlightMax: 1_000, inFlightMin: 50, latencyMaxMs: 2_000, busyFromShare: 0.7 });
  const done: (() => void)[] = [];
  return {
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** The refusal, or null while it is under way. */
    async begin(cost?: Cost): Promise<EpoxyError | null> {
      let refused: EpoxyError | null = null;
      void admission
        .run(() => new Promise<void>((resolve) => done.push(resolve)), cost)
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

/** Under way: 100 of them; the last ten were answered after 3 s each. */
async function loaded(busyShare: number) {
  const server = busyServer(busyShare);
  for (let i = 0; i < 110; i++) assert.equal(await server.begin(), null, "a burst is taken in");
  server.advance(3_000);
  await server.answer(10);
  return server;
}

describe("a server whose requests take 3 s", () => {
  test("refuses more while it is busy, and says when to come back", async () => {
    const refused = await (await loaded(1)).begin();
    assert.ok(refused instanceof EpoxyError);
    assert.equal(refused.code, "overloaded");
    assert.deepEqual(refused.details, { retryAfterSeconds: 3 });
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

  test("does not judge by a second in which nothing was answered", async () => {
    const server = await loaded(1);
    server.advance(1_000);
    assert.equal(await server.begin(), null);
  });
});

test("there is a bound to what is under way, whatever it costs", async () => {
  const server = busyServer(0);
  for (let i = 0; i < 1_000; i++) await server.begin("cheap");
  assert.equal((await server.begin("cheap"))?.code, "overloaded");
});
