/** The Redis user that docs/operating.md tells to make: enough for a replica, and nothing more. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { askRedis } from "../../cli/redis-probe.ts";
import { openRedisStore } from "../../proposals/store/redis.ts";
import type { InstanceId } from "../../protocol/types.ts";
import { startRedis } from "../support/redis.ts";
import { changeExample, recordExamples } from "../support/wire-examples.ts";

const secret = "an-acl-secret-of-this-test";
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** `ACL SETUSER epoxy …` as the guide has it, with the secret put in. */
function documentedUser(): string[] {
  const guide = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
  const line = /^user epoxy .*$/m.exec(guide)?.[0];
  assert.ok(line !== undefined, "docs/operating.md has a line `user epoxy …`");
  return line.replace("SECRET", secret).split(" ").slice(1);
}

test("a replica's store works as the documented Redis user, which may do nothing else", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  await askRedis(redis.url, [["ACL", "SETUSER", ...documentedUser()]]);
  const url = redis.url.replace("redis://", `redis://epoxy:${secret}@`);

  const store = await openRedisStore({ url, processId: "test", log });
  t.after(() => store.close());
  assert.deepEqual(await store.checkDurability(), []);
  const [record] = recordExamples.value;
  assert.ok(record !== undefined);
  await store.transact((tx) => {
    tx.put({ kind: "value", id: "key", record });
    tx.append(changeExample);
  });
  await store.transact((tx) => tx.put({ kind: "value", id: "key", record: { ...record, version: record.version + 1 } }));
  assert.equal((await store.read("value", ["key"]))[0]?.version, record.version + 1);
  assert.deepEqual(await store.stateNames({ prefix: "k", after: null, limit: 10 }), ["kkey"]);
  assert.equal((await store.changes("", 10))?.changes.length, 1);
  assert.equal(await store.lastChange(), "0-1");
  assert.deepEqual(await store.openInstances(null as InstanceId | null, 10), []);
  const digest = await store.digest();
  assert.notEqual(digest, 0n);
  assert.deepEqual(await store.standing(), { digest, records: 1, position: "0-1" });
  // As it was documented before copies were compared: one may go on with it.
  await askRedis(redis.url, [["ACL", "SETUSER", "epoxy", "-zcard"]]);
  assert.deepEqual(await store.standing(), { digest, records: null, position: "0-1" });
  await store.transact((tx) => tx.put({ kind: "value", id: "key", record: null }));

  const forbidden = [
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["CONFIG", "SET", "appendfsync", "no"],
    ["KEYS", "*"],
    ["SHUTDOWN", "NOSAVE"],
    ["ACL", "LIST"],
    ["REPLICAOF", "127.0.0.1", "1"],
    ["SET", "another", "thing"],
    ["SCRIPT", "KILL"],
  ];
  for (const command of forbidden) await assert.rejects(askRedis(url, [command]), /NOPERM/, command.join(" "));
  await assert.rejects(askRedis(redis.url.replace("redis://", "redis://epoxy:wrong-secret@"), [["GET", "m:replica"]]), /WRONGPASS/);
});
