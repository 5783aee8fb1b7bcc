/** A log cut to its last sync keeps what `appendfsync always` acknowledged, and loses what `everysec` had not synced yet. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { startRedis } from "../support/redis.ts";
import { compileSynced, cutToSynced, lacksCompiler, slowSync } from "./disk/synced.ts";

const lacking = lacksCompiler();

test("a log cut to its last sync", { skip: lacking === null ? false : `this machine lacks ${lacking}` }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-synced-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  process.env["LD_PRELOAD"] = compileSynced(folder) ?? "";
  t.after(() => delete process.env["LD_PRELOAD"]);
  const redis = await startRedis();
  t.after(() => redis.stop());
  const clients: Redis[] = [];
  const client = () => {
    const made = new Redis(redis.port, "127.0.0.1", { retryStrategy: null });
    made.on("error", () => undefined);
    clients.push(made);
    return made;
  };
  t.after(() => clients.map((each) => each.disconnect()));

  const first = client();
  for (let i = 0; i < 50; i++) await first.set(`always/${i}`, "x");
  await redis.kill();
  cutToSynced(redis.folder);
  await redis.restart();
  const second = client();
  assert.equal((await second.keys("always/*")).length, 50);

  await second.config("SET", "appendfsync", "everysec");
  // The sync that is due waits until the kill has come, so that what follows it is written and not synced.
  slowSync(redis.folder, 3_000);
  await second.set("everysec/1", "x");
  await sleep(1_500);
  await second.set("everysec/2", "x");
  await redis.kill();
  assert.ok(cutToSynced(redis.folder) > 0);
  slowSync(redis.folder, 0);
  await redis.restart();
  assert.deepEqual(await client().keys("everysec/*"), []);
});
