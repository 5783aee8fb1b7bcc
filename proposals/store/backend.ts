/**
 * What a store asks of the thing that keeps the bytes. Names, tags and members are binary strings: one character (0 to 255) a byte.
 * Everything clever (cache, speculation, retries) is in transaction.ts and is the same for both backends.
 */

/** Of one optimistic transaction: what must still be so, and what is written if it is. */
export type BatchTransaction = {
  /** The record has this tag; null: there is no such record. */
  readonly checks: readonly { readonly name: string; readonly tag: string | null }[];
  /**
   * It has lost often: should it lose again, other processes leave the record it lost for alone for a moment. Else a process that
   * writes a record without pause, each write built on its last one, would never let another in.
   */
  readonly claims: boolean;
  readonly puts: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly drops: readonly string[];
  /** Members of the ordered set of open instances; `upTo` removes whole ranges, both ends included, after the adds. */
  readonly open: Membership & { readonly upTo: readonly { readonly from: string; readonly to: string }[] };
  /** Members of the ordered set of replicated records. */
  readonly state: Membership;
  /** Entries of the stream of executed changes. */
  readonly appends: readonly Uint8Array[];
  /** Added to the digest modulo 2^128; in [0, 2^128). */
  readonly digestDelta: bigint;
};
export type Membership = { readonly adds: readonly string[]; readonly drops: readonly string[] };

/** Transactions in order; each of them happens or not, a later one sees what an earlier one wrote. */
export type Batch = {
  /** Counts up from 1 in one process. Under it a batch that is sent again is recognised. */
  readonly number: number;
  readonly transactions: readonly BatchTransaction[];
};

export type BatchOutcome = {
  /** Durable batches of this replica so far, over all processes. */
  readonly counter: number;
  /** Of each transaction the positions of the checks that failed, or a position after the last where it left a record to another process; empty when it happened. */
  readonly failed: readonly (readonly number[])[];
};

/** One process's access to a replica's durable state. */
export type Backend = {
  /** Never used before, not even by this process before its restart: tags and remembered batches are told apart by it. */
  readonly processId: string;
  /** False while there is no use in asking. */
  ready(): boolean;
  /** @throws EpoxyError notReady */
  read(names: readonly string[]): Promise<(Uint8Array | null)[]>;
  /**
   * Batches are executed in the order of these calls, each at most once; resolves when durable.
   *
   * @throws EpoxyError notReady, storageFull: none of it happened
   * @throws StoreInDoubt it may have happened
   */
  commit(batch: Batch): Promise<BatchOutcome>;
  /** Ascending members of the set of open instances, after `after`. */
  openMembers(after: string | null, limit: number): Promise<string[]>;
  /** Ascending members of the set of replicated records in the range. */
  stateMembers(range: MemberRange, limit: number): Promise<string[]>;
  /** Kept stream entries after position `after` (0 is the beginning; positions count up by one), and the newest position. */
  entries(after: number, limit: number): Promise<{ readonly entries: readonly StreamEntry[]; readonly last: number }>;
  digest(): Promise<bigint>;
  /** How many members the set of replicated records has; null where this process may not ask. */
  stateCount(): Promise<number | null>;
  close(): Promise<void>;
};
export type MemberRange = {
  readonly from: string;
  /** `from` itself is not wanted. */
  readonly exclusive: boolean;
  /** Exclusive; null: to the end. */
  readonly before: string | null;
};
export type StreamEntry = { readonly position: number; readonly bytes: Uint8Array };

/** The sum's modulus. */
export const DIGEST_MODULUS = 1n << 128n;
/** How long a claimed record is left alone at most, should the claimer not come back. */
export const CLAIM_MS = 100;
/** So many batches of a process are remembered: more than are ever in flight together. */
export const BATCHES_REMEMBERED = 16;

/** Whether a batch can change anything; one that cannot is neither counted nor remembered. */
export function writesAnything(batch: Batch): boolean {
  return batch.transactions.some(transactionWrites);
}

export function transactionWrites({ puts, drops, open, state, appends, digestDelta }: BatchTransaction): boolean {
  const members = open.adds.length + open.drops.length + open.upTo.length + state.adds.length + state.drops.length;
  return puts.length + drops.length + members + appends.length > 0 || digestDelta !== 0n;
}
