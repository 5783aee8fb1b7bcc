/** A backup is one point of the execution order, whatever is written meanwhile; a file that is not whole is refused whole. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createMemoryDisk, openMemoryStore } from "../../proposals/store/memory.ts";
import { instanceId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Change, Key, ReplicaId, Slot } from "../../protocol/types.ts";
import { readBackup } from "../../server/backup/read.ts";
import { backupLines, FORMAT, type Head } from "../../server/backup/write.ts";
import { bytes, textOf } from "../support/memory-cluster.ts";

const head: Head = { epoxyBackup: FORMAT, cluster: "test", clusterId: "c", replica: 1, epoch: 1, takenAt: "2026-01-01T00:00:00Z" };

describe("a backup", () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-backup-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "backup");
  let slot = 0;
  const newStore = () => openMemoryStore({ disk: createMemoryDisk(), processId: "p", latency: () => Promise.resolve(), fate: () => "ok" });
  const write = (store: ReturnType<typeof newStore>, entries: Readonly<Record<string, string | null>>) =>
    store.transact((tx) => {
      const writes = Object.entries(entries).map(([id, value]) => {
        const version = (tx.get("value", id as Key)?.version ?? 0) + 1;
        return { kind: "value", id: id as Key, record: { value: value === null ? null : bytes(value), version } } as const;
      });
      for (const each of writes) tx.put(each);
      tx.append({ instance: instanceId(1 as ReplicaId, ++slot as Slot), writes } satisfies Change);
    });

  test("holds what was there, deleted keys with their versions, and pairs that changed together while it was taken", async () => {
    const store = newStore();
    const count = limits.pageEntriesMax + 20;
    for (let i = 0; i < count; i++) await write(store, { [`k${i}`]: "old" });
    await write(store, { "k-gone": "x" });
    await write(store, { "k-gone": null });
    await write(store, { "": "the members" });
    let text = "";
    let pages = 0;
    for await (const lines of backupLines(store, head)) {
      // The head and the first page are copied by then, the last keys are not.
      if (++pages === 2) await write(store, { "k-gone": "new", k99: "new" });
      text += lines;
    }
    writeFileSync(file, text);
    const { states, head: read } = await readBackup(file);
    assert.deepEqual(read, head);
    assert.equal(states.size, count + 1);
    const of = (key: string) => {
      const state = states.get(key as Key);
      return state === undefined ? null : [textOf(state), state.version];
    };
    assert.deepEqual([of("k0"), of("k-gone"), of("k99"), of("")], [["old", 1], ["new", 3], ["new", 2], null]);
  });

  const whole = () => readFileSync(file, "utf8");
  const lines = () => whole().split("\n");
  const damages: readonly { readonly name: string; readonly text: () => string; readonly says: RegExp }[] = [
    { name: "cut in a line", text: () => whole().slice(0, 3_000), says: /damaged/ },
    { name: "cut between lines", text: () => `${lines().slice(0, 40).join("\n")}\n`, says: /its end is missing/ },
    { name: "a line left out", text: () => lines().toSpliced(5, 1).join("\n"), says: /checksum/ },
    { name: "a value changed", text: () => whole().replace('"old"', '"odd"'), says: /checksum/ },
    { name: "something after the end", text: () => `${whole()}{}\n`, says: /follows its end/ },
    { name: "empty", text: () => "", says: /empty/ },
    { name: "another file", text: () => '{"name":"epoxy"}\n', says: /no backup of Epoxy/ },
    { name: "a later format", text: () => '{"epoxyBackup":2}\n', says: /format 2/ },
  ];
  for (const { name, text, says } of damages) {
    test(`refused whole: ${name}`, async () => {
      const bad = join(folder, "bad");
      writeFileSync(bad, text());
      await assert.rejects(readBackup(bad), says);
    });
  }
});
