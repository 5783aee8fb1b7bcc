/** What every Store must do, whatever keeps its bytes. Run by store-memory.test.ts and store-redis.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Transaction } from "../../proposals/ports.ts";
import { DamagedRecord } from "../../proposals/store/sealing.ts";
import type { TransactionalStore } from "../../proposals/store/transaction.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { derivedTests } from "./store-contract-derived.ts";
import { type CheckFn, type Harness, increment, put, putAll, text } from "./store-harness.ts";

export function storeContract(name: string, start: () => Promise<Harness>): void {
  const check = (title: string, body: (harness: Harness) => Promise<void>) =>
    test(title, async () => {
      const harness = await start();
      try {
        await body(harness);
      } finally {
        await harness.stop();
      }
    });

  describe(`${name}: transactions`, () => transactionTests(check));
  describe(`${name}: several processes`, () => processTests(check));
  describe(`${name}: what follows from records`, () => derivedTests(check));
}

function transactionTests(check: CheckFn): void {
  check("a step sees its own puts, and all of them are written", async ({ open }) => {
    const store = await open();
    const seen = await store.transact((tx) => {
      assert.equal(tx.get("value", "a"), null);
      tx.put(put("a", "1", 1));
      tx.put(put("b", "2", 1));
      return text(tx.get("value", "a")?.value);
    });
    assert.equal(seen, "1");
    const [a, b, c] = await store.read("value", ["a", "b", "c"]);
    assert.deepEqual([text(a?.value), text(b?.value), c], ["1", "2", null]);
  });

  check("a step that throws writes nothing, and its error comes out", async ({ open }) => {
    const store = await open();
    const failing = store.transact((tx) => {
      tx.put(put("a", "1", 1));
      throw new RangeError("no");
    });
    await assert.rejects(failing, RangeError);
    assert.deepEqual(await store.read("value", ["a"]), [null]);
    assert.equal(store.counter(), 0);
  });

  check("transactions of one process build on each other before the first is durable", async ({ open }) => {
    const store = await open();
    const before = await Promise.all(Array.from({ length: 300 }, () => store.transact(increment("n"))));
    assert.deepEqual(
      before,
      Array.from({ length: 300 }, (_, i) => i),
    );
    assert.equal(text((await store.read("value", ["n"]))[0]?.value), "300");
    assert.equal(store.stats().lostRaces, 0);
  });

  check("a cache smaller than what a step reads does no harm", async ({ open }) => {
    const store = await open({ cacheEntriesMax: 4 });
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    await store.transact(putAll(...keys.map((key) => put(key, key, 1))));
    const sum = await store.transact((tx) => keys.map((key) => text(tx.get("value", key)?.value)));
    assert.deepEqual(sum, keys);
    await Promise.all(keys.map((key) => store.transact(increment(`n${key}`))));
    assert.deepEqual(
      (
        await store.read(
          "value",
          keys.map((key) => `n${key}`),
        )
      ).map((state) => state?.version),
      keys.map(() => 1),
    );
  });

  check("records needed are loaded together", async ({ open }) => {
    const [writer, store] = [await open(), await open()];
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await writer.transact(putAll(...keys.map((key) => put(key, key, 1))));
    let runs = 0;
    await store.transact((tx) => {
      runs++;
      tx.need(keys.map((key) => ({ kind: "value", id: key })));
      for (const key of keys) assert.notEqual(tx.get("value", key), null);
    });
    assert.equal(runs, 2);
  });

  check("records looked at are at hand, and new ones are still taken for new", async ({ open }) => {
    const [writer, store] = [await open(), await open()];
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await writer.transact(putAll(...keys.map((key) => put(key, key, 1))));
    for (let i = 0; i < 40; i++) await store.transact((tx) => tx.get("value", `new ${i}`));
    const looked = await store.look("value", [...keys, "new 41"]);
    assert.deepEqual(
      looked.map((state) => state?.version ?? 0),
      [...keys.map(() => 1), 0],
    );
    const { loads, lostRaces } = store.stats();
    await store.transact((tx) => {
      tx.need(keys.map((key) => ({ kind: "value", id: key })));
      for (const key of keys) if (tx.get("value", key) !== null) tx.put({ kind: "value", id: key, record: null });
    });
    assert.equal(await store.transact((tx) => tx.get("value", "new 42")), null);
    assert.deepEqual([store.stats().loads, store.stats().lostRaces], [loads, lostRaces]);
    assert.deepEqual(await store.read("value", ["k0"]), [null]);
  });

  check("keys are bytes", async ({ open }) => {
    const store = await open();
    const key = "\0\xff|\n;:\x80";
    await store.transact(putAll(put(key, "v", 1)));
    assert.equal(text((await store.read("value", [key]))[0]?.value), "v");
    assert.deepEqual(await store.stateNames({ prefix: "k", after: null, limit: 10 }), [`k${key}`]);
  });

  check("a damaged record is named and nothing is served from it", async ({ open, damage }) => {
    const store = await open();
    await store.transact(putAll(put("a", "some value", 1), put("b", "other", 1)));
    await damage("v:a");
    const isDamage = (error: unknown) => error instanceof DamagedRecord && error.record === "v:a";
    await assert.rejects(store.read("value", ["a"]), isDamage);
    store.dropCache();
    await assert.rejects(
      store.transact((tx) => tx.get("value", "a")),
      isDamage,
    );
    assert.equal(text((await store.transact((tx) => tx.get("value", "b")))?.value), "other");
  });

  check("after close nothing is taken any more", async ({ open }) => {
    const store = await open();
    const last = store.transact(increment("n"));
    await store.close();
    assert.equal(await last, 0);
    await assert.rejects(store.transact(increment("n")), (error) => error instanceof EpoxyError && error.code === "notReady");
  });
}

function processTests(check: CheckFn): void {
  check("a lost race runs the step again on what the other process wrote", async ({ open }) => {
    const [one, other] = [await open(), await open()];
    await one.transact(increment("n"));
    await other.transact(increment("n"));
    assert.equal(await one.transact(increment("n")), 2);
    assert.equal(one.stats().lostRaces, 1);
  });

  check("reading alone is checked too: what another process wrote is seen", async ({ open }) => {
    const [one, other] = [await open(), await open()];
    await one.transact(putAll(put("a", "old", 1)));
    await other.transact((tx) => {
      tx.get("value", "a");
      tx.put(put("a", "new", 2));
    });
    assert.equal(text(await one.transact((tx) => tx.get("value", "a")?.value)), "new");
    await other.transact(putAll({ kind: "value", id: "a", record: null }));
    assert.equal(await one.transact((tx) => tx.get("value", "a")), null);
    await other.transact(putAll(put("a", "again", 3)));
    assert.equal(text(await one.transact((tx) => tx.get("value", "a")?.value)), "again");
  });

  check("new records are not asked for, and one that was only taken for new is found", async ({ open, damage }) => {
    const [one, other] = [await open(), await open()];
    await other.transact(putAll(put("there", "9", 1), put("damaged", "9", 1)));
    for (let i = 0; i < 40; i++) await one.transact(increment(`new${i}`));
    const { loads, lostRaces } = one.stats();
    assert.ok(loads < 40, `${loads} loads`);
    assert.equal(await one.transact(increment("there")), 9);
    assert.equal(one.stats().lostRaces, lostRaces + 1);
    for (let i = 40; i < 80; i++) await one.transact(increment(`new${i}`));
    await damage("v:damaged");
    await assert.rejects(one.transact(increment("damaged")), DamagedRecord);
  });

  check("two processes fight for one key: every increment counts once", async ({ open }) => {
    const stores = [await open(), await open()];
    const each = 200;
    const runs = stores.map(async (store) => {
      const before: number[] = [];
      const worker = async () => {
        for (let i = 0; i < each / 8; i++) before.push(await store.transact(increment("n")));
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      return before;
    });
    const seen = (await Promise.all(runs)).flat().sort((a, b) => a - b);
    assert.deepEqual(
      seen,
      Array.from({ length: 2 * each }, (_, i) => i),
    );
    assert.equal(text((await (stores[0] as TransactionalStore).read("value", ["n"]))[0]?.value), `${2 * each}`);
  });

  check("a process that writes a record without pause lets another one in", async ({ open }) => {
    const [busy, other] = [await open(), await open()];
    let isOver = false;
    let steps = 0;
    const worker = async () => {
      while (!isOver && steps < 100_000) {
        await busy.transact(increment("n"));
        steps++;
      }
    };
    const workers = Promise.all(Array.from({ length: 32 }, worker));
    for (let i = 0; i < 10; i++) await other.transact(increment("n"));
    isOver = true;
    await workers;
    assert.equal((await other.read("value", ["n"]))[0]?.version, steps + 10);
    assert.ok(steps < 100_000, "the other one had to wait for the end");
  });

  check("moves between accounts keep the sum, and no step concludes anything from a mixture", async ({ open }) => {
    const stores = [await open(), await open(), await open()];
    const accounts = ["a", "b", "c", "d"];
    const [first] = stores as [TransactionalStore];
    await first.transact(putAll(...accounts.map((key) => put(key, "100", 1))));
    const balance = (tx: Transaction, key: string) => Number(text(tx.get("value", key)?.value));
    const move = (from: string, to: string) => (tx: Transaction) => {
      const sum = accounts.reduce((total, key) => total + balance(tx, key), 0);
      if (sum !== 400) throw new Error(`the sum is ${sum}`);
      if (from === to) return;
      const version = (key: string) => (tx.get("value", key)?.version ?? 0) + 1;
      tx.put(put(from, `${balance(tx, from) - 1}`, version(from)));
      tx.put(put(to, `${balance(tx, to) + 1}`, version(to)));
    };
    const pick = (i: number) => accounts[i % 4] as string;
    await Promise.all(
      stores.flatMap((store, s) => Array.from({ length: 60 }, (_, i) => store.transact(move(pick(i + s), pick(i * 3 + s + 1))))),
    );
    await first.transact(move("a", "a"));
  });

  check("the counter grows over all processes and their restarts", async ({ open }) => {
    const one = await open();
    await one.transact(increment("n"));
    await one.transact(increment("n"));
    const before = one.counter();
    assert.equal(before, 2);
    await one.transact((tx) => tx.get("value", "n"));
    assert.equal(one.counter(), before);
    await one.close();
    const other = await open();
    assert.equal(other.counter(), before);
    await other.transact(increment("n"));
    assert.equal(other.counter(), before + 1);
  });
}
