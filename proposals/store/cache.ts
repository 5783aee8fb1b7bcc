import type { RecordKind, Records } from "../../protocol/types.ts";

/** One record as this process last knew it. */
export type CacheEntry = {
  /** null: the record is absent. */
  readonly tag: string | null;
  readonly record: Records[RecordKind] | null;
  /** About what it holds of memory. */
  readonly bytes: number;
  /** Tag of the transaction of this process that wrote it; null when it was loaded. */
  readonly writer: string | null;
  /** False until the backend has said that the writer happened. */
  confirmed: boolean;
  /** Hash of a key's state for the digest, once somebody asked. */
  hash: bigint | null;
};

export type Cache = {
  get(name: string): CacheEntry | undefined;
  set(name: string, entry: CacheEntry): void;
  drop(name: string): void;
  /** Everything but what is not confirmed yet. */
  dropConfirmed(): void;
  count(): number;
};

/**
 * Two generations in place of a list in order of use: what is asked for moves to the young one, and when that is half of the
 * bound, the old one goes. Entries that are not confirmed stay: later transactions build on them.
 */
export function createCache({ entriesMax, bytesMax }: { readonly entriesMax: number; readonly bytesMax: number }): Cache {
  let young = new Map<string, CacheEntry>();
  let old = new Map<string, CacheEntry>();
  let youngBytes = 0;

  const set = (name: string, entry: CacheEntry) => {
    youngBytes += entry.bytes - (young.get(name)?.bytes ?? 0);
    young.set(name, entry);
    if (young.size * 2 > entriesMax || youngBytes * 2 > bytesMax) rotate();
  };
  const rotate = () => {
    const kept = [...old].filter(([name, entry]) => !entry.confirmed && !young.has(name));
    old = young;
    young = new Map(kept);
    youngBytes = kept.reduce((sum, [, entry]) => sum + entry.bytes, 0);
  };
  return {
    get(name) {
      const entry = young.get(name);
      if (entry !== undefined) return entry;
      const aged = old.get(name);
      if (aged === undefined) return undefined;
      old.delete(name);
      set(name, aged);
      return aged;
    },
    set(name, entry) {
      old.delete(name);
      set(name, entry);
    },
    drop(name) {
      old.delete(name);
      youngBytes -= young.get(name)?.bytes ?? 0;
      young.delete(name);
    },
    dropConfirmed() {
      const kept = [...old, ...young].filter(([, entry]) => !entry.confirmed);
      old = new Map();
      young = new Map(kept);
      youngBytes = kept.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    },
    count: () => young.size + old.size,
  };
}
