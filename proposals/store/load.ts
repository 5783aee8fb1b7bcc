import type { RecordRef } from "../ports.ts";
import type { Backend } from "./backend.ts";
import type { Cache, CacheEntry } from "./cache.ts";
import { recordName } from "./keys.ts";
import type { Sealing } from "./sealing.ts";

/** Bytes that an entry takes besides its record. */
export const ENTRY_BYTES = 256;
const NAMES_MAX = 1000;

type Wanted = { readonly ref: RecordRef; readonly name: string; resolve(entry: CacheEntry): void; reject(error: unknown): void };
export type Loader = {
  /** @throws DamagedRecord, EpoxyError notReady */
  load(ref: RecordRef): Promise<CacheEntry>;
  /** Records loaded so far. */
  count(): number;
};

export function absentEntry(name: string): CacheEntry {
  return { tag: null, record: null, bytes: name.length + ENTRY_BYTES, writer: null, confirmed: true, hash: null };
}

/** Reads what is not cached: everything that is asked for in one go together, and each record once. */
export function createLoader({
  backend,
  sealing,
  cache,
}: {
  readonly backend: Backend;
  readonly sealing: Sealing;
  readonly cache: Cache;
}): Loader {
  const underWay = new Map<string, Promise<CacheEntry>>();
  let wanted: Wanted[] = [];
  let count = 0;

  async function loadTogether(batch: readonly Wanted[]): Promise<void> {
    let found: (Uint8Array | null)[];
    try {
      found = await backend.read(batch.map(({ name }) => name));
    } catch (error) {
      for (const { name, reject } of batch) {
        underWay.delete(name);
        reject(error);
      }
      return;
    }
    count += batch.length;
    for (const [i, one] of batch.entries()) {
      underWay.delete(one.name);
      try {
        const entry = entryOf(one, found[i] ?? null);
        // What a transaction of this process put there meanwhile is newer.
        if (cache.get(one.name) === undefined) cache.set(one.name, entry);
        one.resolve(cache.get(one.name) ?? entry);
      } catch (error) {
        one.reject(error);
      }
    }
  }
  function entryOf({ ref, name }: Wanted, bytes: Uint8Array | null): CacheEntry {
    const absent = absentEntry(name);
    return bytes === null ? absent : { ...absent, ...sealing.unseal({ kind: ref.kind, name }, bytes), bytes: absent.bytes + bytes.length };
  }
  function flush(): void {
    const all = wanted;
    wanted = [];
    for (let from = 0; from < all.length; from += NAMES_MAX) void loadTogether(all.slice(from, from + NAMES_MAX));
  }
  return {
    load(ref) {
      const name = recordName(ref.kind, ref.id);
      const before = underWay.get(name);
      if (before !== undefined) return before;
      const promise = new Promise<CacheEntry>((resolve, reject) => {
        if (wanted.length === 0) queueMicrotask(flush);
        wanted.push({ ref, name, resolve, reject });
      });
      underWay.set(name, promise);
      return promise;
    },
    count: () => count,
  };
}
