/**
 * Optimistic transactions over a backend. A step runs at once on what this process knows, writes of its own earlier transactions
 * that nobody has confirmed yet included; the backend then checks that every record it read was current, in order, and applies
 * its writes. A step that built on a write that did not happen fails that check by itself, since a tag is never used twice.
 */
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { RecordKind, Records, Write } from "../../protocol/types.ts";
import type { RecordRef, Store, Transaction } from "../ports.ts";
import { createAbsences } from "./absences.ts";
import { createRunner } from "./attempt.ts";
import type { Backend } from "./backend.ts";
import { type CacheEntry, createCache } from "./cache.ts";
import { createCommitter } from "./commit.ts";
import { afterPrefix, openMember, openMemberId, recordName } from "./keys.ts";
import { absentEntry, createLoader } from "./load.ts";
import type { Sealing } from "./sealing.ts";

export type StoreOptions = {
  /** The backend's counter as it is now. */
  readonly counter: number;
  readonly sealing: Sealing;
  readonly cacheEntriesMax?: number;
  readonly cacheBytesMax?: number;
  readonly batchesInFlightMax?: number;
  /** Defers sending, so that what is asked for meanwhile goes along. A microtask unless given: nothing else is deterministic. */
  readonly defer?: (run: () => void) => void;
};

export type StoreStats = {
  readonly transactions: number;
  readonly batches: number;
  readonly lostRaces: number;
  readonly loads: number;
  readonly cached: number;
};
/** `Store` with what only its owner needs. */
export type TransactionalStore = Store & { stats(): StoreStats };

/** Races lost before a transaction asks other processes to stand back. */
const LOST_BEFORE_CLAIM = 4;

export function createStore(backend: Backend, options: StoreOptions): TransactionalStore {
  const { sealing } = options;
  const cache = createCache({ entriesMax: options.cacheEntriesMax ?? 200_000, bytesMax: options.cacheBytesMax ?? 256 * 1024 * 1024 });
  const absences = createAbsences();
  const loader = createLoader({ backend, sealing, cache });
  const committer = createCommitter({ backend, cache, options });
  const runner = createRunner({ cache, sealing, processId: backend.processId });
  let lostRaces = 0;
  let active = 0;
  let isClosed = false;
  const whenIdle: (() => void)[] = [];

  /** From the cache, or else from the store; only what is not cached is waited for. */
  async function load(refs: readonly RecordRef[]): Promise<CacheEntry[]> {
    const cached = refs.map(({ kind, id }) => cache.get(recordName(kind, id)));
    const loading = refs.filter((_, i) => cached[i] === undefined).map((ref) => loader.load(ref));
    const loaded = loading.length === 0 ? [] : await Promise.all(loading);
    let next = 0;
    return cached.map((entry) => entry ?? (loaded[next++] as CacheEntry));
  }

  /** Gets what a run lacked, and tells what was only taken for absent. */
  async function supply(missing: readonly RecordRef[], held: Map<string, CacheEntry>, mayGuess: boolean): Promise<RecordRef[]> {
    const guessed = missing.filter(({ kind }) => mayGuess && absences.areLikely(kind));
    for (const { kind, id } of guessed) held.set(recordName(kind, id), absentEntry(recordName(kind, id)));
    const asked = missing.filter((ref) => !guessed.includes(ref));
    if (asked.length === 0) return guessed;
    // Held besides: the cache may be too small for all that one step reads.
    for (const [i, entry] of (await load(asked)).entries()) {
      const { kind, id } = asked[i] as RecordRef;
      held.set(recordName(kind, id), entry);
      absences.note(kind, entry.record !== null);
    }
    return guessed;
  }

  async function transact<T>(step: (tx: Transaction) => T): Promise<T> {
    if (isClosed) throw new EpoxyError("notReady", "the store is closed");
    committer.assertOpen();
    active++;
    try {
      return await transactOpen(step);
    } finally {
      active--;
      if (active === 0) whenIdle.splice(0).forEach((tell) => void tell());
    }
  }

  async function transactOpen<T>(step: (tx: Transaction) => T): Promise<T> {
    const held = new Map<string, CacheEntry>();
    let guessed: RecordRef[] = [];
    for (let lost = 0; lost < limits.transactionTries; ) {
      const ran = runner.run(step, held, lost >= LOST_BEFORE_CLAIM);
      if ("missing" in ran) {
        guessed.push(...(await supply(ran.missing, held, lost === 0)));
        continue;
      }
      if (await committer.commit(ran.attempt)) {
        if ("error" in ran.outcome) throw ran.outcome.error;
        return ran.outcome.value;
      }
      for (const { kind } of guessed) absences.note(kind, true);
      guessed = [];
      held.clear();
      lost++;
      lostRaces++;
    }
    throw new EpoxyError("overloaded", `a transaction lost ${limits.transactionTries} races for its records`);
  }

  return {
    transact,
    async read<K extends RecordKind>(kind: K, ids: readonly string[]) {
      const names = ids.map((id) => recordName(kind, id));
      const found = await backend.read(names);
      return found.map((bytes, i) => {
        return bytes === null ? null : (sealing.unseal({ kind, name: names[i] as string }, bytes).record as Records[K]);
      });
    },
    async look<K extends RecordKind>(kind: K, ids: readonly string[]) {
      const entries = await load(ids.map((id) => ({ kind, id })));
      return entries.map(({ record }) => record as Records[K] | null);
    },
    async mend(ref, record) {
      const name = recordName(ref.kind, ref.id);
      const [bytes] = await backend.read([name]);
      const tag = bytes == null ? null : sealing.tagOfSame({ kind: ref.kind, name }, bytes, record);
      if (bytes == null || tag === null) return false;
      cache.set(name, { tag, record, bytes: name.length + bytes.length, writer: null, confirmed: true, hash: null });
      return transact((tx) => {
        // Somebody has written it since: that stays.
        if (tx.get(ref.kind, ref.id) !== record) return false;
        tx.put({ ...ref, record } as Write);
        return true;
      });
    },
    async openInstances(after, limit) {
      const members = await backend.openMembers(after === null ? null : openMember(after), limit);
      return members.map(openMemberId);
    },
    async stateNames({ prefix, after, limit }) {
      const exclusive = after !== null && after >= prefix;
      return backend.stateMembers({ from: exclusive ? after : prefix, exclusive, before: afterPrefix(prefix) }, limit);
    },
    async changes(after, limit) {
      const position = after === "" ? 0 : parsePosition(after);
      const { entries, last } = await backend.entries(position, limit);
      const [first] = entries;
      const complete = first === undefined ? last === position : first.position === position + 1;
      if (!complete) return null;
      return {
        changes: entries.map((entry) => ({
          position: writePosition(entry.position),
          change: sealing.unsealChange(entry.position, entry.bytes),
        })),
      };
    },
    async lastChange() {
      return writePosition((await backend.entries(0, 0)).last);
    },
    digest: () => backend.digest(),
    async standing() {
      for (let tries = 0; tries < limits.transactionTries; tries++) {
        // Executed in this order. A change of the digest appends to the stream in the same write: none came between if that has not moved.
        const asked = [backend.entries(0, 0), backend.digest(), backend.stateCount(), backend.entries(0, 0)] as const;
        const [before, digest, records, after] = await Promise.all(asked);
        if (before.last === after.last) return { digest, records, position: writePosition(after.last) };
      }
      throw new EpoxyError("overloaded", "the changes did not rest for a moment");
    },
    counter: () => committer.counter(),
    dropCache: () => cache.dropConfirmed(),
    async close() {
      isClosed = true;
      if (active > 0) await new Promise<void>((resolve) => whenIdle.push(resolve));
      await backend.close();
    },
    stats: () => ({ ...committer.stats(), lostRaces, loads: loader.count(), cached: cache.count() }),
  };
}

/** As Redis writes the position of a stream entry; ours all have a first part of 0 and count up in the second. */
function writePosition(position: number): string {
  return `0-${position}`;
}

function parsePosition(text: string): number {
  const match = /^0-(\d{1,15})$/.exec(text);
  if (match === null) throw new EpoxyError("badRequest", `not a position in the changes: ${JSON.stringify(text)}`);
  return Number(match[1]);
}
