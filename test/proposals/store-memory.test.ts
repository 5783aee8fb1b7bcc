import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreInDoubt } from "../../proposals/ports.ts";
import { copyMemoryDisk, createMemoryDisk, type Fate, type MemoryDisk, openMemoryStore } from "../../proposals/store/memory.ts";
import { createUnencodedSealing } from "../../proposals/store/sealing.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { storeContract } from "./store-contract.ts";
import { increment } from "./store-harness.ts";

storeContract("memory store", async () => {
  let disk: MemoryDisk | null = null;
  return {
    open: async ({ changesMax, changesBytesMax, ...options } = {}) => {
      disk ??= createMemoryDisk({
        ...(changesMax === undefined ? {} : { changesMax }),
        ...(changesBytesMax === undefined ? {} : { changesBytesMax }),
      });
      return openMemoryStore({ disk, processId: "p", ...options });
    },
    async damage(name) {
      const bytes = Buffer.from(disk?.records.get(name) as Uint8Array);
      const middle = bytes.length - 4;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      disk?.records.set(name, bytes);
    },
    stop: async () => {},
  };
});

/** The fate of each commit in turn, "ok" after the last. */
function fates(...list: Fate[]) {
  return (operation: "read" | "commit"): Fate => (operation === "commit" ? (list.shift() ?? "ok") : "ok");
}

describe("memory store: faults", () => {
  const read = async (disk: MemoryDisk) => {
    const [state] = await openMemoryStore({ disk, processId: "reader" }).read("value", ["n"]);
    return state?.version ?? 0;
  };

  test("a lost reply is asked for again and applied once", async () => {
    const disk = createMemoryDisk();
    const store = openMemoryStore({ disk, processId: "p", fate: fates("replyLost", "replyLost", "ok", "requestLost") });
    assert.equal(await store.transact(increment("n")), 0);
    assert.equal(await store.transact(increment("n")), 1);
    assert.equal(await read(disk), 2);
    assert.equal(disk.counter, 2);
  });

  test("in doubt: told so, whether it happened or not, and the next transaction sees the truth", async () => {
    const disk = createMemoryDisk();
    const store = openMemoryStore({ disk, processId: "p", fate: fates("doubtDone", "doubtNotDone") });
    await assert.rejects(store.transact(increment("n")), StoreInDoubt);
    assert.equal(await read(disk), 1);
    await assert.rejects(store.transact(increment("n")), StoreInDoubt);
    assert.equal(await read(disk), 1);
    assert.equal(await store.transact(increment("n")), 1);
  });

  test("transactions built on one that did not happen run again", async () => {
    const disk = createMemoryDisk();
    const store = openMemoryStore({ disk, processId: "p", fate: fates("ok", "unreachable") });
    await store.transact(increment("n"));
    const first = store.transact(increment("n"));
    first.catch(() => {});
    // The first is on its way when the second builds on it.
    await Promise.resolve();
    await Promise.resolve();
    const second = store.transact(increment("n"));
    await assert.rejects(first, (error) => error instanceof EpoxyError && error.code === "notReady");
    assert.equal(await second, 1);
    assert.equal(await read(disk), 2);
    assert.equal(store.stats().batches, 4);
    assert.equal(store.stats().lostRaces, 1);
  });

  test("a crash before the write leaves nothing, one after it everything; the process hears neither", async () => {
    for (const [fate, versions] of [
      ["crashBefore", 0],
      ["crashAfter", 1],
    ] as const) {
      const disk = createMemoryDisk();
      let crashes = 0;
      const store = openMemoryStore({ disk, processId: "p", fate: fates(fate), crashed: () => void crashes++ });
      let heard = false;
      void store.transact(increment("n")).finally(() => {
        heard = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(crashes, 1);
      assert.equal(heard, false);
      assert.equal(await read(disk), versions);
      assert.equal(await openMemoryStore({ disk, processId: "p" }).transact(increment("n")), versions);
    }
  });

  test("a disk put back has the older counter", async () => {
    const disk = createMemoryDisk();
    const store = openMemoryStore({ disk, processId: "p" });
    await store.transact(increment("n"));
    const copy = copyMemoryDisk(disk);
    await store.transact(increment("n"));
    assert.equal(openMemoryStore({ disk: copy, processId: "p" }).counter(), store.counter() - 1);
  });

  test("the same calls with the same latencies end in the same order", async () => {
    const runOnce = async () => {
      const disk = createMemoryDisk();
      let turn = 7;
      const latency = async () => {
        turn = (turn * 1103515245 + 12345) % 2 ** 31;
        for (let i = 0; i < turn % 13; i++) await Promise.resolve();
      };
      const stores = ["p", "q"].map((processId) => openMemoryStore({ disk, processId, latency }));
      const order: string[] = [];
      await Promise.all(
        stores.flatMap((store, s) =>
          Array.from({ length: 40 }, async (_, i) => {
            order.push(`${s}.${i}=${await store.transact(increment(`n${i % 3}`))}`);
          }),
        ),
      );
      return order;
    };
    assert.deepEqual(await runOnce(), await runOnce());
  });

  test("records may stay unencoded", async () => {
    const [disk, sealing] = [createMemoryDisk(), createUnencodedSealing()];
    const [one, other] = [openMemoryStore({ disk, processId: "p", sealing }), openMemoryStore({ disk, processId: "q", sealing })];
    await Promise.all([one, other].flatMap((store) => Array.from({ length: 20 }, () => store.transact(increment("n")))));
    assert.equal((await one.read("value", ["n"]))[0]?.version, 40);
  });
});
