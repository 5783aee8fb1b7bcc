import { EpoxyError } from "../../protocol/errors.ts";
import type { Attempt } from "./attempt.ts";
import { BATCHES_REMEMBERED, type Backend, type BatchOutcome, type BatchTransaction, transactionWrites } from "./backend.ts";
import type { Cache, CacheEntry } from "./cache.ts";
import type { StoreOptions } from "./transaction.ts";

const QUEUE_MAX = 50_000;
const BATCH_TRANSACTIONS_MAX = 128;
const BATCH_BYTES_MAX = 1024 * 1024;

type Queued = { readonly attempt: Attempt; resolve(happened: boolean): void; reject(error: unknown): void };
export type Committer = {
  /** Puts what was written in the cache at once; resolves with whether it happened. @throws as Backend.commit */
  commit(attempt: Attempt): Promise<boolean>;
  /** @throws EpoxyError notReady, overloaded */
  assertOpen(): void;
  counter(): number;
  stats(): { readonly transactions: number; readonly batches: number };
};

/** Sends attempts in their order, many in one batch and a few batches at a time, and keeps the cache to what became of them. */
export function createCommitter({
  backend,
  cache,
  options,
}: {
  readonly backend: Backend;
  readonly cache: Cache;
  readonly options: StoreOptions;
}): Committer {
  const defer = options.defer ?? queueMicrotask;
  // Well below what is remembered, or one sent again could have been forgotten.
  const inFlightMax = Math.min(options.batchesInFlightMax ?? 4, BATCHES_REMEMBERED / 2);
  let queue: Queued[] = [];
  let counter = options.counter;
  let batches = 0;
  let transactions = 0;
  let inFlight = 0;
  let isDeferred = false;

  function pump(): void {
    isDeferred = false;
    if (!backend.ready() && queue.length > 0) {
      const never = queue;
      queue = [];
      for (const one of never) refuse(one, notReady());
    }
    while (queue.length > 0 && inFlight < inFlightMax) {
      const taken = queue.splice(0, batchLength(queue));
      inFlight++;
      batches++;
      // Handles its own failures.
      void send(taken, batches);
    }
  }

  async function send(taken: readonly Queued[], number: number): Promise<void> {
    try {
      settle(taken, await backend.commit({ number, transactions: taken.map(({ attempt }) => attempt.transaction) }));
    } catch (error) {
      fail(taken, error);
    }
    inFlight--;
    pump();
  }

  function settle(taken: readonly Queued[], outcome: BatchOutcome): void {
    counter = Math.max(counter, outcome.counter);
    for (const [i, one] of taken.entries()) {
      const failed = outcome.failed[i] ?? [];
      if (failed.length === 0) confirm(one.attempt);
      else forget(one.attempt, failed);
      transactions++;
      one.resolve(failed.length === 0);
    }
  }

  /** Where memory is short, what needs none of it (reading, dropping) gets a second run without those that do. */
  function fail(taken: readonly Queued[], error: unknown): void {
    const isFull = error instanceof EpoxyError && error.code === "storageFull";
    const anyGrows = taken.some(({ attempt }) => grows(attempt.transaction));
    for (const one of taken) {
      if (!isFull || !anyGrows || grows(one.attempt.transaction)) {
        refuse(one, error);
        continue;
      }
      forget(one.attempt, []);
      one.resolve(false);
    }
  }

  function refuse({ attempt, reject }: Queued, error: unknown): void {
    forget(attempt, []);
    reject(error);
  }

  function confirm({ tag, written }: Attempt): void {
    for (const name of written.keys()) {
      const entry = cache.get(name);
      if (entry?.writer === tag) entry.confirmed = true;
    }
  }

  /** Drops what it read that is no longer so, and what it wrote; not what others have put there since. */
  function forget({ tag, reads, written, transaction }: Attempt, failed: readonly number[]): void {
    for (const i of failed) {
      const name = transaction.checks[i]?.name ?? "";
      const entry: CacheEntry | undefined = cache.get(name);
      if (entry !== undefined && entry === reads.get(name)) cache.drop(name);
    }
    for (const name of written.keys()) if (cache.get(name)?.writer === tag) cache.drop(name);
  }

  return {
    commit(attempt) {
      const { checks } = attempt.transaction;
      if (checks.length === 0 && !transactionWrites(attempt.transaction)) return Promise.resolve(true);
      for (const [name, entry] of attempt.written) cache.set(name, entry);
      return new Promise((resolve, reject) => {
        queue.push({ attempt, resolve, reject });
        if (isDeferred) return;
        isDeferred = true;
        defer(pump);
      });
    },
    assertOpen() {
      if (!backend.ready()) throw notReady();
      if (queue.length >= QUEUE_MAX) throw new EpoxyError("overloaded", `${queue.length} transactions wait for the store`);
    },
    counter: () => counter,
    stats: () => ({ transactions, batches }),
  };
}

/** How many of the front of the queue go together. */
function batchLength(queue: readonly Queued[]): number {
  let bytes = 0;
  for (const [i, { attempt }] of queue.entries()) {
    for (const put of attempt.transaction.puts) bytes += put.bytes.length;
    for (const entry of attempt.transaction.appends) bytes += entry.length;
    if (i > 0 && bytes > BATCH_BYTES_MAX) return i;
    if (i + 1 === BATCH_TRANSACTIONS_MAX) return BATCH_TRANSACTIONS_MAX;
  }
  return queue.length;
}

function grows({ puts, appends }: BatchTransaction): boolean {
  return puts.length + appends.length > 0;
}

function notReady(): EpoxyError {
  return new EpoxyError("notReady", "the store cannot be reached");
}
