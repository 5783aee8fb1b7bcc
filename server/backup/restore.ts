/** Puts a backup's key space into an empty Redis, from which `epoxy server --bootstrap` then begins a new cluster. */
import type { Store } from "../../proposals/ports.ts";
import { hashOfState } from "../../proposals/store/derive.ts";
import { openRedisStore } from "../../proposals/store/redis.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { createLogger, printableUrl } from "../log.ts";
import type { Backup } from "./read.ts";

const ENTRIES_A_TRANSACTION = 200;
const MODULUS = 2n ** 128n;

/**
 * Compares the digest at the end. What is broken off in the middle is no replica: a server refuses to start on it.
 *
 * @param onProgress called with the number of keys written so far
 * @throws EpoxyError badRequest where the Redis is not empty, notReady where it cannot be reached
 */
export async function restore(backup: Backup, redisUrl: string, onProgress: (written: number) => void): Promise<void> {
  const store = await openRedisStore({ url: redisUrl, processId: `restore-${process.pid}`, log: createLogger({ level: "warn" }) });
  try {
    await refuseUsed(store, redisUrl);
    const entries = [...backup.states];
    for (let at = 0; at < entries.length; at += ENTRIES_A_TRANSACTION) {
      await store.transact((tx) => {
        for (const [id, record] of entries.slice(at, at + ENTRIES_A_TRANSACTION)) tx.put({ kind: "value", id, record });
      });
      onProgress(Math.min(at + ENTRIES_A_TRANSACTION, entries.length));
    }
    let wanted = 0n;
    for (const [key, state] of entries) wanted = (wanted + hashOfState(key, state)) % MODULUS;
    if ((await store.digest()) !== wanted)
      throw new EpoxyError(
        "internal",
        `the digest of what was written to ${printableUrl(redisUrl)} does not fit: empty it and restore again`,
      );
    // The disk's name comes last: without it a server takes the Redis for a restore that did not finish.
    await store.transact((tx) => {
      if (tx.get("disk", "") === null) tx.put({ kind: "disk", id: "", record: { incarnation: crypto.randomUUID().replaceAll("-", "") } });
    });
  } finally {
    await store.close();
  }
}

async function refuseUsed(store: Store, redisUrl: string): Promise<void> {
  const [replica] = await store.read("replica", [""]);
  const [disk] = await store.read("disk", [""]);
  const names = await store.stateNames({ prefix: "", after: null, limit: 1 });
  if (replica != null || disk != null || names.length > 0)
    throw new EpoxyError("badRequest", `the Redis at ${printableUrl(redisUrl)} is not empty: a restore needs one of its own`);
}
