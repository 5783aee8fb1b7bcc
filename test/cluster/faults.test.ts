/** What is lost when something dies: nothing that was acknowledged. What is answered meanwhile: the truth. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bodyOf, eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

describe("one of three fails", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.end());

  const missed = Array.from({ length: 300 }, (_, i) => `missed/${i}`);
  const writeMissed = async (value: string) => {
    await Promise.all(missed.map(async (key, i) => bodyOf(await cluster.api((i % 2) + 1).put(key, `${value} ${i}`), 200)));
  };
  const arrives = (value: string) =>
    eventually(
      "dc-3 has all 300",
      10_000,
      async () => {
        const found = await Promise.all(missed.map((key) => cluster.api(3).value(key, "local")));
        return found.every((each, i) => each === `${value} ${i}`);
      },
      250,
    );

  test("one that stood still for 300 writes has them all, unasked, within 10 s of coming back", async (t) => {
    cluster.pause(3);
    await writeMissed("first");
    cluster.resume(3);
    t.diagnostic(`${Math.round(await arrives("first"))} ms`);
  });

  test("one that was dead for 300 writes has them all, unasked, within 10 s of coming back", async (t) => {
    // Its server is started again and again meanwhile, and finds no Redis that answers.
    cluster.pause(3, "redis");
    cluster.signal("SIGKILL", 3, "server");
    await writeMissed("second");
    cluster.resume(3, "redis");
    await eventually("it answers again", 20_000, async () => (await cluster.api(3).ask("GET", "/healthz")).status === 200);
    t.diagnostic(`${Math.round(await arrives("second"))} ms`);
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
    await eventually("dc-2 is ready again", 30_000, () => cluster.api(2).isReady());
    assert.ok(acknowledged.size > 100);
    for (const i of [1, 2, 3]) {
      await Promise.all(
        [...acknowledged].map(async ([key, value]) => assert.equal(await cluster.api(i).value(key), value, `${key} at dc-${i}`)),
      );
    }
  });

  test("a Redis that lost its disk is not believed", async () => {
    bodyOf(await cluster.api(3).put("before", "there"), 200);
    const disk = join(cluster.folder, "dc-3", "redis");
    cluster.pause(3, "redis");
    rmSync(disk, { recursive: true });
    mkdirSync(disk);
    cluster.signal("SIGKILL", 3, "redis");
    await eventually("its server says so", 30_000, () => /holds less than it has acknowledged/.test(cluster.log("dc-3-server")));
    assert.equal(await cluster.api(3).isReady(), false);
    assert.equal((await cluster.api(3).get("before", "local")).status, 503, "a read of what is lost");
    assert.equal((await cluster.api(3).put("amnesia", "x")).status, 503);
    bodyOf(await cluster.api(1).put("two are left", "yes"), 200);
    cluster.pause(2);
    const answer = await cluster.api(1).put("one is left", "no", { headers: { "epoxy-timeout-ms": "1000" } });
    assert.ok([503, 504].includes(answer.status), `one replica and one without its memory answered ${answer.status}`);
    cluster.resume(2);
  });
});
