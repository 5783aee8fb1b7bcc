/** What is lost when something dies: nothing that was acknowledged. What is answered meanwhile: the truth. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bodyOf, eventually, NoAnswer } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

type ErrorBody = { readonly error: { readonly code: string; readonly message: string; readonly instance?: string } };

describe("one of three fails", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ noRestart: false });
  });
  after(() => cluster.end());

  test("a proposer killed in the middle leaves each key with one stable outcome within 5 s", async () => {
    const keys = Array.from({ length: 150 }, (_, i) => `killed/${i}`);
    const writes = keys.map(async (key, i) => {
      await sleep(i * 4);
      try {
        return { key, status: (await cluster.api(1).put(key, "written")).status };
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        return { key, status: 0 };
      }
    });
    await sleep(300);
    cluster.signal("SIGKILL", 1, "server");
    const answers = await Promise.all(writes);
    await sleep(5_000);
    const outcomes = await Promise.all(keys.map((key) => cluster.api(2).value(key)));
    const again = await Promise.all(keys.map((key) => cluster.api(3).value(key)));
    assert.deepEqual(again, outcomes, "two datacenters see different outcomes");
    for (const { key, status } of answers) {
      if (status === 200) assert.equal(outcomes[keys.indexOf(key)], "written", `${key} was acknowledged`);
    }
    await sleep(1_000);
    const later = await Promise.all(keys.map((key) => cluster.api(2).value(key)));
    assert.deepEqual(later, outcomes, "an outcome changed after 5 s");
    await eventually("dc-1 is ready again", 15_000, () => cluster.api(1).isReady());
    assert.deepEqual(await Promise.all(keys.map((key) => cluster.api(1).value(key))), outcomes);
  });

  test("one that missed 300 writes has them all, unasked, within 10 s of coming back", async () => {
    cluster.pause(3);
    const keys = Array.from({ length: 300 }, (_, i) => `missed/${i}`);
    await Promise.all(keys.map(async (key, i) => bodyOf(await cluster.api((i % 2) + 1).put(key, `value ${i}`), 200)));
    cluster.resume(3);
    const tookMs = await eventually(
      "dc-3 has all 300",
      10_000,
      async () => {
        const found = await Promise.all(keys.map((key) => cluster.api(3).value(key, "local")));
        return found.every((value, i) => value === `value ${i}`);
      },
      250,
    );
    assert.ok(tookMs < 10_000);
  });

  test("kill -9 of a Redis under load loses nothing that was acknowledged", async () => {
    const acknowledged = new Map<string, string>();
    let over = false;
    const writers = [1, 2, 3].map(async (i) => {
      for (let n = 0; !over; n++) {
        const key = `redis/${i}/${n}`;
        const answer = await cluster
          .api(i)
          .put(key, `value ${n}`, { headers: { "epoxy-timeout-ms": "3000" } })
          .catch(() => null);
        if (answer?.status === 200) acknowledged.set(key, `value ${n}`);
        if (answer !== null && ![200, 503, 504, 429].includes(answer.status)) throw new Error(`${answer.status} ${answer.text}`);
        if (answer?.status !== 200) await sleep(50);
      }
    });
    await sleep(1_000);
    cluster.signal("SIGKILL", 2, "redis");
    await sleep(5_000);
    over = true;
    await Promise.all(writers);
    await eventually("dc-2 is ready again", 15_000, () => cluster.api(2).isReady());
    assert.ok(acknowledged.size > 100);
    for (const i of [1, 2, 3]) {
      for (const [key, value] of acknowledged) assert.equal(await cluster.api(i).value(key, "linearizable"), value, `${key} at dc-${i}`);
    }
  });
});

describe("a minority alone", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({});
  });
  after(() => cluster.end());

  test("answers neither writes nor linearizable reads, serves local ones, and proposes nothing once it knows", async () => {
    const alone = cluster.api(1);
    bodyOf(await alone.put("before", "there"), 200);
    cluster.pause(2);
    cluster.pause(3);
    const pausedMs = performance.now();

    const doubtful = await alone.put("doubtful", "perhaps", { headers: { "epoxy-timeout-ms": "1500" } });
    const { error } = bodyOf<ErrorBody>(doubtful, 504);
    assert.equal(error.code, "outcomeUnknown");
    assert.match(error.instance ?? "", /^1\.\d+$/);
    assert.ok(doubtful.ms < 4_000, `504 came after ${Math.round(doubtful.ms)} ms`);

    await eventually("new writes are refused", 5_000 - (performance.now() - pausedMs) + 500, async () => {
      const answer = await alone.put("never", "x", { headers: { "epoxy-timeout-ms": "300" } });
      return answer.status === 503 && bodyOf<ErrorBody>(answer, 503).error.code === "noQuorum";
    });
    const refused = await alone.put("refused", "never", {});
    assert.equal(bodyOf<ErrorBody>(refused, 503).error.code, "noQuorum");
    assert.ok(refused.headers["retry-after"] !== undefined);
    assert.ok(refused.ms < 1_000, "a refusal is quick");
    const read = await alone.get("before", "linearizable", { headers: { "epoxy-timeout-ms": "2000" } });
    assert.equal(read.status, 503, read.text);
    assert.equal(await alone.value("before", "local"), "there");
    assert.equal((await alone.ask("GET", "/readyz")).status, 503);
    assert.equal((await alone.ask("GET", "/healthz")).status, 200);

    cluster.resume(2);
    cluster.resume(3);
    await eventually("all are ready again", 15_000, async () =>
      (await Promise.all([1, 2, 3].map((i) => cluster.api(i).isReady()))).every(Boolean),
    );
    bodyOf(await cluster.api(2).put("after", "healed"), 200);
    assert.equal(await alone.value("after"), "healed");
    for (const i of [1, 2, 3]) assert.equal(await cluster.api(i).value("refused"), null, "a refused write must never appear");
    const outcome = await alone.value("doubtful");
    assert.ok(outcome === null || outcome === "perhaps");
    for (const i of [2, 3]) assert.equal(await cluster.api(i).value("doubtful"), outcome);
  });
});
