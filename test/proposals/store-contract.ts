/** What every Store must do, whatever keeps its bytes. Run by store-memory.test.ts and store-redis.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Transaction } from "../../proposals/ports.ts";
import { DamagedRecord } from "../../proposals/store/sealing.ts";
import type { TransactionalStore } from "../../proposals/store/transaction.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { instanceId, instanceName, replicaId, slot } from "../../protocol/ids.ts";
import type { Change, Epoch, InstanceRecord, Key, KeyState, Progress, Write } from "../../protocol/types.ts";

/** One replica's disk, and processes on it. */
export type Harness = {
  open(options?: {
    readonly cacheEntriesMax?: number;
    readonly changesMax?: number;
    readonly changesBytesMax?: number;
  }): Promise<TransactionalStore>;
  /** Flips a bit in the middle of a stored record. */
  damage(name: string): Promise<void>;
  stop(): Promise<void>;
};

export const id = (replica: number, position: number) => instanceId(replicaId(replica), slot(position));
const text = (bytes: Uint8Array | null | undefined) => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString());

export function put(key: string, value: string | null, version: number): Write {
  return { kind: "value", id: key as Key, record: { value: value === null ? null : new Uint8Array(Buffer.from(value)), version } };
}

/** Adds one to a decimal number and to its version; the number before. */
export function increment(key: string) {
  return (tx: Transaction): number => {
    const state = tx.get("value", key);
    const before = Number(text(state?.value) ?? 0);
    tx.put(put(key, `${before + 1}`, (state?.version ?? 0) + 1));
    return before;
  };
}

export function instance(replica: number, position: number): Write {
  const ballot = { epoch: 1 as Epoch, counter: 0, replica: replicaId(replica) };
  const record: InstanceRecord = {
    ...{ id: id(replica, position), epoch: 1 as Epoch, phase: "committed", ballot, acceptedBallot: ballot, value: "nop" },
    ...{ deps: { floor: [], explicit: [] }, initPayload: null, initDeps: null, executed: false, waitingCount: 0 },
    ...{ path: null, outcomes: null, resubmittedAs: null },
  };
  return { kind: "instance", id: instanceName(id(replica, position)), record };
}

function progress(executed: readonly (readonly [number, number])[]): Write {
  const record: Progress = { executed: executed.map(([replica, position]) => [replicaId(replica), slot(position)]), globalFloor: [] };
  return { kind: "progress", id: "", record };
}

const putAll =
  (...writes: Write[]) =>
  (tx: Transaction) => {
    for (const write of writes) tx.put(write);
  };

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

type CheckFn = (title: string, body: (harness: Harness) => Promise<void>) => void;

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

function derivedTests(check: CheckFn): void {
  check("open instances: those with a record above the executed prefix, in order of their ids", async ({ open }) => {
    const store = await open();
    await store.transact(putAll(instance(2, 1), instance(1, 300), instance(1, 2), instance(8191, 2 ** 40 - 1)));
    await store.transact(putAll(instance(1, 2), instance(1, 1)));
    const all = [id(1, 1), id(1, 2), id(1, 300), id(2, 1), id(8191, 2 ** 40 - 1)];
    assert.deepEqual(await store.openInstances(null, 10), all);
    assert.deepEqual(await store.openInstances(id(1, 2), 2), [id(1, 300), id(2, 1)]);
    await store.transact(putAll({ kind: "instance", id: instanceName(id(2, 1)), record: null }));
    assert.deepEqual(await store.openInstances(id(1, 2), 2), [id(1, 300), id(8191, 2 ** 40 - 1)]);
    await store.transact(
      putAll(
        progress([
          [1, 2],
          [8191, 5],
        ]),
      ),
    );
    assert.deepEqual(await store.openInstances(null, 10), [id(1, 300), id(8191, 2 ** 40 - 1)]);
    await store.transact(putAll(instance(1, 2)));
    assert.deepEqual(await store.openInstances(null, 10), [id(1, 300), id(8191, 2 ** 40 - 1)], "an update does not open it again");
  });

  check("names of replicated records, in pages of a prefix", async ({ open }) => {
    const store = await open();
    await store.transact(putAll(put("b", "1", 1), put("a", "1", 1), put("a\xff", "1", 1), put("", "1", 1)));
    await store.transact(putAll({ kind: "bucket", id: "5.7", record: { closed: true } }));
    const all = await store.stateNames({ prefix: "", after: null, limit: 10 });
    assert.deepEqual(all, ["b5.7", "k", "ka", "ka\xff", "kb"]);
    assert.deepEqual(await store.stateNames({ prefix: "ka", after: null, limit: 10 }), ["ka", "ka\xff"]);
    assert.deepEqual(await store.stateNames({ prefix: "k", after: "ka", limit: 1 }), ["ka\xff"]);
    assert.deepEqual(await store.stateNames({ prefix: "k", after: "b5.7", limit: 1 }), ["k"]);
    await store.transact(putAll({ kind: "value", id: "a", record: null }, put("b", null, 2)));
    assert.deepEqual(await store.stateNames({ prefix: "ka", after: null, limit: 10 }), ["ka\xff"]);
    assert.deepEqual(await store.stateNames({ prefix: "kb", after: null, limit: 10 }), ["kb"], "a deleted key keeps its version");
  });

  check("the stream of changes: in order, in pages, and null for what is no longer kept", async ({ open }) => {
    const store = await open({ changesMax: 5 });
    assert.equal(await store.lastChange(), "0-0");
    assert.deepEqual(await store.changes("", 10), { changes: [] });
    assert.deepEqual(await store.changes("0-0", 10), { changes: [] });
    const change = (position: number): Change => ({ instance: id(1, position), writes: [put("a", `${position}`, position)] });
    await store.transact((tx) => {
      tx.append(change(1));
      tx.append(change(2));
      tx.append(change(3));
    });
    const page = await store.changes("", 2);
    assert.deepEqual(
      page?.changes.map((entry) => entry.change.instance),
      [id(1, 1), id(1, 2)],
    );
    const next = await store.changes(page?.changes[1]?.position ?? "", 10);
    assert.deepEqual(
      next?.changes.map((entry) => entry.change),
      [change(3)],
    );
    assert.equal(await store.lastChange(), "0-3");
    assert.deepEqual(await store.changes("0-3", 10), { changes: [] });
    assert.equal(await store.changes("0-4", 10), null, "a position that was never given: the disk was put back");
    for (let i = 4; i <= 600; i++) void store.transact((tx) => tx.append(change(i)));
    await store.transact((tx) => tx.append(change(601)));
    assert.equal(await store.changes("", 10), null);
    assert.equal(await store.changes("0-3", 10), null);
    assert.equal((await store.changes("0-600", 10))?.changes.length, 1);
  });

  check("the stream of changes is bounded in bytes, too", async ({ open }) => {
    const store = await open({ changesBytesMax: 20_000 });
    const change = (position: number, size: number): Change => ({
      instance: id(1, position),
      writes: [put("a", "x".repeat(size), position)],
    });
    const kept = async () => {
      const last = Number((await store.lastChange()).slice(2));
      let first = last + 1;
      while (first > 1 && (await store.changes(`0-${first - 2}`, 1)) !== null) first--;
      return { first, last };
    };
    for (let i = 1; i <= 10; i++) await store.transact((tx) => tx.append(change(i, 1_000)));
    assert.deepEqual(await kept(), { first: 1, last: 10 });
    for (let i = 11; i <= 100; i++) await store.transact((tx) => tx.append(change(i, 1_000)));
    const { first, last } = await kept();
    assert.equal(last, 100);
    assert.ok(last - first + 1 >= 10 && last - first + 1 <= 19, `${last - first + 1} are kept`);
    assert.deepEqual((await store.changes(`0-${first - 1}`, 1))?.changes[0]?.change, change(first, 1_000));
    // One that is larger than all that may be kept is told to whoever follows, and goes with the next.
    await store.transact((tx) => tx.append(change(101, 30_000)));
    await store.transact((tx) => tx.append(change(102, 10)));
    assert.deepEqual(await kept(), { first: 102, last: 102 });
  });

  check("the digest depends on the state alone, not on the way to it", async ({ open }) => {
    const store = await open();
    const digests: bigint[] = [await store.digest()];
    const step = async (...writes: Write[]) => {
      await store.transact(putAll(...writes));
      digests.push(await store.digest());
    };
    await step(put("a", "1", 1), put("b", "1", 1));
    await step(put("a", "2", 2), put("b", null, 2));
    await step(put("a", "1", 1));
    await step(put("b", "1", 1));
    await step({ kind: "value", id: "a", record: null }, { kind: "value", id: "b", record: null });
    const [empty, first, , , same, last] = digests;
    assert.equal(empty, 0n);
    assert.equal(same, first);
    assert.equal(last, 0n);
    assert.equal(new Set(digests).size, 4);
    await Promise.all(["c", "d", "e"].map((key) => store.transact(putAll(put(key, "x", 7)))));
    const together = await store.digest();
    await store.transact(putAll(...["c", "d", "e"].map((key): Write => ({ kind: "value", id: key, record: null }))));
    for (const key of ["e", "c", "d"]) await store.transact(putAll(put(key, "x", 7) as Write & { record: KeyState }));
    assert.equal(await store.digest(), together);
  });
}
