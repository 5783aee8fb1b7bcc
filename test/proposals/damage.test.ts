/** A flipped bit on the disk: Redis loads it in silence, so the store must find it, and the replica must not vote on it. SEED=n replays. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import type { Logger } from "../../proposals/ports.ts";
import { recordName } from "../../proposals/store/keys.ts";
import { openRedisStore } from "../../proposals/store/redis.ts";
import { DamagedRecord } from "../../proposals/store/sealing.ts";
import type { RecordKind, Write } from "../../protocol/types.ts";
import { codeOf, createMemoryCluster, type MemoryCluster, set, until } from "../support/memory-cluster.ts";
import { startRedis } from "../support/redis.ts";
import { recordExamples } from "../support/wire-examples.ts";

const env = process.env as { SEED?: string };
const seed = Number(env.SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Mulberry32. */
let state = seed >>> 0;
function random(below: number): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
}
/** Of the tag, a version without meaning: a flip there changes nothing that is served. */
const tagBytes = 12;

function flip(bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  const at = tagBytes + random(bytes.length - tagBytes);
  flipped[at] = (flipped[at] as number) ^ (1 << random(8));
  return flipped;
}

test(`every kind of record with one bit flipped in Redis is found, and mended only with what it was: SEED=${seed}`, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const raw = new Redis(redis.url);
  t.after(() => raw.disconnect());
  const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const open = () => openRedisStore({ url: redis.url, processId: "test", log: quiet });
  const store = await open();
  t.after(() => store.close());
  const writes = Object.entries(recordExamples).flatMap(([kind, records]) => {
    const id = { instance: "1.7", value: "key", row: "row", bucket: "4.2", index: "k:key" }[kind as string] ?? "";
    return [{ kind, id, record: records[0] } as Write];
  });
  await store.transact((tx) => {
    for (const write of writes) tx.put(write);
  });

  for (const { kind, id, record } of writes) {
    const name = recordName(kind as RecordKind, id);
    const whole = (await raw.getBuffer(name)) as Buffer;
    for (let i = 0; i < 20; i++) {
      await raw.set(name, Buffer.from(flip(whole)));
      const isDamage = (error: unknown) => error instanceof DamagedRecord && error.record === name;
      await assert.rejects(store.read(kind, [id]), isDamage, `${name} is read`);
      store.dropCache();
      await assert.rejects(
        store.transact((tx) => tx.get(kind, id)),
        isDamage,
        `${name} is used`,
      );
    }
    if (kind !== "value") continue;
    assert.equal(await store.mend({ kind, id }, { value: Buffer.from("another"), version: 1 }), false, "another record is not taken");
    assert.equal(await store.mend({ kind, id }, { ...recordExamples.value[0], version: 1_000_000 } as never), false, "nor a newer one");
    assert.equal(await store.mend({ kind, id }, record as never), true);
    assert.deepEqual((await store.read(kind, [id]))[0]?.version, record?.version);
  }
});

describe("a replica with a damaged record", () => {
  let cluster: MemoryCluster;
  before(async () => {
    cluster = await createMemoryCluster({ sites: 3 });
    await cluster.form(3);
    for (let i = 0; i < 5; i++) await cluster.propose(1, set(`key${i}`, `value ${i}`));
    await until("site 3 has all", async () => (await cluster.local(3, "key4")) === "value 4");
  });
  after(() => cluster.stop());

  async function damage(name: string): Promise<void> {
    const { disk } = cluster.site(3);
    await cluster.process(3).stop();
    disk.records.set(name, flip(disk.records.get(name) as Uint8Array));
    await cluster.start(3);
    await until("site 3 serves", () => cluster.replica(3).report().problems.length === 0);
  }

  test("a value is never served, and mended from a peer that has the same one", async () => {
    await damage("v:key1");
    assert.equal(await codeOf(cluster.local(3, "key1")), "notReady");
    await until("it is mended", () => cluster.replica(3).report().problems.length === 0);
    assert.equal(await cluster.local(3, "key1"), "value 1");
    assert.equal(await cluster.read(3, "key1"), "value 1");
  });

  test("what cannot be mended is refused and told, the replica does not vote, and the others go on", async () => {
    await damage("m:slots");
    assert.equal(await codeOf(cluster.propose(3, set("key9", "never"))), "notReady");
    const [problem = ""] = cluster.replica(3).report().problems;
    assert.match(problem, /damaged record.*epoxy members remove 3/);
    const recover = { kind: "readIndex", epoch: 1, footprints: [] } as never;
    const header = cluster.replica(1).header(3 as never);
    const { replies } = await cluster.replica(3).handle({ header, requests: [recover] });
    assert.equal(replies[0]?.kind, "refused", "it does not vote");
    await cluster.propose(1, set("key2", "goes on"));
    assert.equal(await cluster.read(2, "key2"), "goes on");
  });
});
