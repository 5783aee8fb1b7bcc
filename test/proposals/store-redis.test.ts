import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { StoreInDoubt } from "../../proposals/ports.ts";
import { openRedisStore, type RedisStore, type RedisStoreOptions } from "../../proposals/store/redis.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { storeContract } from "./store-contract.ts";
import { increment, put } from "./store-harness.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const isNotReady = (error: unknown) => error instanceof EpoxyError && error.code === "notReady";

type Bench = {
  readonly redis: TestRedis;
  open(options?: Partial<RedisStoreOptions>): Promise<RedisStore>;
  stop(): Promise<void>;
};

async function startBench(args: readonly string[] = []): Promise<Bench> {
  const redis = await startRedis({ args });
  const stores: RedisStore[] = [];
  return {
    redis,
    async open(options = {}) {
      const store = await openRedisStore({ url: redis.url, prefix: "t\xe9st:", processId: "p", log, ...options });
      stores.push(store);
      return store;
    },
    async stop() {
      await Promise.all(stores.map((store) => store.close()));
      await redis.stop();
    },
  };
}

storeContract("redis store", async () => {
  const { redis, open, stop } = await startBench(["--stream-node-max-entries", "10"]);
  return {
    open,
    async damage(name) {
      const client = new Redis(redis.url);
      const key = Buffer.from(`t\xe9st:${name}`, "latin1");
      const bytes = (await client.getBuffer(key)) as Buffer;
      const middle = bytes.length - 4;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      await client.set(key, bytes);
      client.disconnect();
    },
    stop,
  };
});

/** A wire to Redis that can be cut: with `swallow`, requests go through and replies do not. */
type Wire = { readonly url: string; swallow: boolean; readonly requests: () => number; cut(): void; close(): Promise<void> };

async function startWire(port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server: Server = createServer((near) => {
    const far = connect({ port, host: "127.0.0.1" });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    near.on("data", (data) => {
      requests++;
      far.write(data);
    });
    far.on("data", (data) => {
      if (!wire.swallow) near.write(data);
    });
  });
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address() as { port: number };
  const wire: Wire = {
    url: `redis://127.0.0.1:${address.port}`,
    swallow: false,
    requests: () => requests,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      wire.cut();
      server.close();
      await once(server, "close");
    },
  };
  return wire;
}

async function waitFor(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await what()) return;
    await sleep(10);
  }
  throw new Error("waited in vain");
}

const versionOf = async (store: RedisStore, key = "n") => (await store.read("value", [key]))[0]?.version ?? 0;

async function withWire(body: (parts: { wire: Wire; bench: Bench; observer: RedisStore }) => Promise<void>): Promise<void> {
  const bench = await startBench();
  const wire = await startWire(bench.redis.port);
  try {
    await body({ wire, bench, observer: await bench.open() });
  } finally {
    await bench.stop();
    await wire.close();
  }
}

describe("redis store: connection", () => {
  test("a reply lost after the write: sent again, applied once", () =>
    withWire(async ({ wire, bench, observer }) => {
      const states: boolean[] = [];
      const store = await bench.open({ url: wire.url, onStateChange: (isReachable) => states.push(isReachable) });
      await store.transact(increment("n"));
      wire.swallow = true;
      const several = [1, 2, 3].map(() => store.transact(increment("n")));
      await waitFor(async () => (await versionOf(observer)) === 4);
      wire.swallow = false;
      wire.cut();
      assert.deepEqual(await Promise.all(several), [1, 2, 3]);
      assert.equal(await versionOf(observer), 4);
      assert.deepEqual(states, [true, false, true]);
    }));

  test("batches in flight when the wire is cut happen in their order, once each", () =>
    withWire(async ({ wire, bench, observer }) => {
      const store = await bench.open({ url: wire.url });
      await store.transact(increment("n"));
      const all: Promise<number>[] = [];
      let isOver = false;
      const cutter = (async () => {
        for (let i = 0; i < 5; i++) {
          await sleep(30);
          wire.cut();
          await waitFor(() => store.reachable());
        }
        isOver = true;
      })();
      let refused = 0;
      while (!isOver) {
        const one = store.transact(increment("n"));
        one.catch((error) => {
          assert.ok(isNotReady(error), `${error}`);
          refused++;
        });
        all.push(one);
        await sleep(1);
      }
      await cutter;
      const settled = await Promise.allSettled(all);
      const done = settled.filter((one) => one.status === "fulfilled").map((one) => one.value);
      assert.equal(done.length + refused, all.length);
      assert.equal(await versionOf(observer), done.length + 1);
      assert.deepEqual(
        done.sort((a, b) => a - b),
        done.map((_, i) => i + 1),
      );
    }));

  test("no reply and no way back: in doubt, new ones refused at once, and service when the wire is back", () =>
    withWire(async ({ wire, bench, observer }) => {
      const store = await bench.open({ url: wire.url, commandTimeoutMs: 200, resendMs: 300 });
      await store.transact(increment("n"));
      wire.swallow = true;
      const doubtful = store.transact(increment("n"));
      const result = assert.rejects(doubtful, StoreInDoubt);
      await waitFor(() => !store.reachable());
      await assert.rejects(store.transact(increment("n")), isNotReady);
      await assert.rejects(store.read("value", ["n"]), isNotReady);
      await result;
      assert.equal(await versionOf(observer), 2);
      wire.swallow = false;
      await waitFor(() => store.reachable());
      assert.equal(await store.transact(increment("n")), 2);
    }));

  test("a Redis that has lost the script gets it again", async () => {
    const bench = await startBench();
    try {
      const store = await bench.open();
      await store.transact(increment("n"));
      const client = new Redis(bench.redis.url);
      await client.script("FLUSH");
      assert.deepEqual(await Promise.all([store.transact(increment("n")), store.transact(increment("n"))]), [1, 2]);
      client.disconnect();
    } finally {
      await bench.stop();
    }
  });

  test("nothing there: opening says so", async () => {
    await assert.rejects(openRedisStore({ url: "redis://127.0.0.1:1", processId: "p", log, connectMs: 100 }), isNotReady);
  });
});

describe("redis store: kill -9", () => {
  test("nothing acknowledged is lost, nothing is applied twice, and the counter goes on", async () => {
    const bench = await startBench();
    try {
      const store = await bench.open({ resendMs: 10_000 });
      let acknowledged = 0;
      let isOver = false;
      const worker = async (key: string) => {
        while (!isOver) {
          try {
            await store.transact(increment(key));
            acknowledged++;
          } catch (error) {
            assert.ok(isNotReady(error), `${error}`);
            await sleep(5);
          }
        }
      };
      const workers = Array.from({ length: 16 }, (_, i) => worker(`n${i % 4}`));
      for (let round = 0; round < 3; round++) {
        await sleep(150);
        await bench.redis.kill();
        await bench.redis.restart();
        await waitFor(() => store.reachable());
      }
      isOver = true;
      await Promise.all(workers);
      const versions = await Promise.all([0, 1, 2, 3].map((i) => versionOf(store, `n${i}`)));
      assert.equal(
        versions.reduce((sum, version) => sum + version, 0),
        acknowledged,
      );
      assert.ok(acknowledged > 100, `only ${acknowledged}`);
      const other = await bench.open();
      assert.equal(other.counter(), store.counter());
    } finally {
      await bench.stop();
    }
  });

  test("a Redis that comes back without what it acknowledged is not served from", async () => {
    const bench = await startBench();
    try {
      const store = await bench.open({ resendMs: 200 });
      await store.transact(increment("n"));
      const errors: string[] = [];
      const watching = await bench.open({ log: { ...log, error: (_, message) => void errors.push(message) } });
      await watching.transact(increment("n"));
      const client = new Redis(bench.redis.url);
      await client.flushall();
      client.disconnect();
      await bench.redis.kill();
      await bench.redis.restart();
      await waitFor(() => errors.length > 0);
      assert.match(errors[0] ?? "", /put back or emptied/);
      assert.equal(watching.reachable(), false);
      await assert.rejects(watching.transact(increment("n")), isNotReady);
    } finally {
      await bench.stop();
    }
  });
});

describe("redis store: what Redis must be", () => {
  test("a durable one has no problems; each other one is named with its cure", async () => {
    const bench = await startBench();
    try {
      const store = await bench.open();
      assert.deepEqual(await store.checkDurability(), []);
      const client = new Redis(bench.redis.url);
      await client.config(
        "SET",
        "appendfsync",
        "everysec",
        "maxmemory-policy",
        "allkeys-lru",
        "appendonly",
        "no",
        "no-appendfsync-on-rewrite",
        "yes",
      );
      const problems = await store.checkDurability();
      assert.equal(problems.length, 4);
      for (const setting of ["appendonly yes", "appendfsync always", "no-appendfsync-on-rewrite no", "maxmemory-policy noeviction"]) {
        assert.ok(
          problems.some((problem) => problem.includes(`CONFIG SET ${setting}`)),
          `${setting} in ${problems.join(" ")}`,
        );
      }
      client.disconnect();
    } finally {
      await bench.stop();
    }
  });

  test("at maxmemory writes are refused as such, reading and dropping go on, and nothing is half done", async () => {
    const bench = await startBench();
    try {
      const store = await bench.open();
      await store.transact(increment("n"));
      const client = new Redis(bench.redis.url);
      await client.config("SET", "maxmemory", "1");
      const writing = store.transact((tx) => {
        tx.put(put("a", "x", 1));
        tx.put(put("n", null, 2));
      });
      const [write, readOnly, drop] = await Promise.allSettled([
        writing,
        store.transact((tx) => tx.get("value", "n")?.version),
        store.transact((tx) => tx.put({ kind: "value", id: "z", record: null })),
      ]);
      assert.ok(write.status === "rejected" && write.reason instanceof EpoxyError && write.reason.code === "storageFull");
      assert.deepEqual([readOnly.status, drop.status], ["fulfilled", "fulfilled"]);
      assert.deepEqual(await store.stateNames({ prefix: "", after: null, limit: 9 }), ["kn"]);
      await store.transact((tx) => tx.put({ kind: "value", id: "n", record: null }));
      assert.equal(await store.digest(), 0n);
      await client.config("SET", "maxmemory", "0");
      client.disconnect();
      assert.equal(await store.transact(increment("n")), 0);
    } finally {
      await bench.stop();
    }
  });
});
