/** The part of the contract about what follows from records: open instances, names, changes, the digest. */
import assert from "node:assert/strict";
import { instanceName } from "../../protocol/ids.ts";
import type { Change, KeyState, Write } from "../../protocol/types.ts";
import { type CheckFn, id, instance, progress, put, putAll } from "./store-harness.ts";

export function derivedTests(check: CheckFn): void {
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
