/** What the outside must offer. The real ones are wired in server/parts.ts, the virtual ones in sim/. */
import type { PeerReply, PeerRequest, ReplyHeader } from "../protocol/messages.ts";
import type { Change, InstanceId, RecordKind, Records, ReplicaId, View, Write } from "../protocol/types.ts";

export type RecordRef = { readonly kind: RecordKind; readonly id: string };

/** One optimistic transaction of this replica's state. `get` sees the step's own puts. */
export type Transaction = View & {
  put(write: Write): void;
  /** Has these loaded together before the step goes on, so that it need not stop for each of them. Not a read: nothing is checked. */
  need(refs: readonly RecordRef[]): void;
  /** Appends to the stream of executed changes, in order, in the same atomic write. */
  append(change: Change): void;
};

/** This replica's durable state: Redis in production, memory in the simulator. One contract suite runs against both. */
export type Store = {
  /**
   * Runs `step` on the newest known records, then writes all it put, or nothing: if a record it read has moved, `step` runs
   * again. So `step` must be synchronous and pure; it may run many times, also to find out which records it reads.
   * Resolves once the writes are durable and every record that `step` read was current at that instant (read-only steps too).
   *
   * @throws EpoxyError overloaded after limits.transactionTries lost races
   * @throws EpoxyError notReady when the store is not reachable and the transaction certainly did not happen
   * @throws StoreInDoubt when the store went away and it cannot be told whether the transaction happened
   */
  transact<T>(step: (tx: Transaction) => T): Promise<T>;
  /** Records as they are in the store now, written by whichever process. */
  read<K extends RecordKind>(kind: K, ids: readonly string[]): Promise<(Records[K] | null)[]>;
  /**
   * Records as this process knows them, which may be older than what is in the store, and kept at hand for a transaction that is
   * about to put them. Says nothing of what other transactions lack, as records that they load do (store/absences.ts).
   */
  look<K extends RecordKind>(kind: K, ids: readonly string[]): Promise<(Records[K] | null)[]>;
  /**
   * Writes a damaged record anew where `record` is certainly what it was, by its checksum. False: it was something else.
   *
   * @throws as `transact`
   */
  mend<K extends RecordKind>(ref: { readonly kind: K; readonly id: string }, record: Records[K]): Promise<boolean>;
  /** Ids of all instances that have a record above the executed prefix, ascending, after `after`. */
  openInstances(after: InstanceId | null, limit: number): Promise<InstanceId[]>;
  /** Ids of replicated records (kinds value, row, bucket) in byte order of `stateName`, from `from` on (exclusive when `after`). */
  stateNames(range: { readonly prefix: string; readonly after: string | null; readonly limit: number }): Promise<string[]>;
  /** Executed changes after a position ("" is the beginning); null when that position is no longer kept. */
  changes(
    after: string,
    limit: number,
  ): Promise<{ readonly changes: readonly { readonly position: string; readonly change: Change }[] } | null>;
  /** Position of the newest change; "0-0" when there is none. */
  lastChange(): Promise<string>;
  /** What this replica holds, of one instant: the digest, the number of replicated records (null: not known), the newest change's position. */
  standing(): Promise<{ readonly digest: bigint; readonly records: number | null; readonly position: string }>;
  /** Sum modulo 2^128 of a hash of every (key, value, version), kept in the executing transactions. */
  digest(): Promise<bigint>;
  /** Number of durable transaction batches so far, over all processes of this replica; never decreases unless the disk was put back. */
  counter(): number;
  /** Forgets cached records. Only for tests and after another process is known to have written. */
  dropCache(): void;
  close(): Promise<void>;
};

export type PeerAnswer = { readonly header: ReplyHeader; readonly reply: PeerReply };

export type PeerRequestOptions = {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** How long it may be kept back to share a message with something more urgent; 0 unless given. */
  readonly mayWaitMs?: number;
  /** W3C traceparents of the callers it is for. */
  readonly traces?: ReadonlySet<string>;
};

/** The other datacenters. Never throws for what the other side says, only for not hearing from it. */
export type Peers = {
  /**
   * @throws PeerUnreachable when no answer came within `timeoutMs` (it may have been processed all the same)
   */
  request(to: ReplicaId, request: PeerRequest, options: PeerRequestOptions): Promise<PeerAnswer>;
  /** The same to an address that is no member yet. `to` is the id it shall have, 0 for none. */
  requestUrl(
    url: string,
    to: ReplicaId | 0,
    request: PeerRequest,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<PeerAnswer>;
  /** Where members are reached from now on; peers no longer listed are disconnected. */
  setAddresses(addresses: ReadonlyMap<ReplicaId, string>): void;
};

export type Clock = {
  /** Milliseconds that only go forward, for every timeout. */
  monotonicMs(): number;
  /** The wall clock, for stamps only: no decision of safety reads it. */
  wallMs(): number;
  /** Resolves after `ms`, or at once when aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** How much of the last tenth of a second this process had something to do: 0 to 1. */
  busyShare(): number;
};

export type Random = {
  /** In [0, 1). */
  next(): number;
  /** Lower-case hex digits, 128 bits. */
  id(): string;
};

/** What a datacenter asks of its own Temporal. */
export type Workflows = {
  beginLearning(input: { readonly learnId: string; readonly sources: readonly ReplicaId[] }): Promise<void>;
  abortLearning(input: { readonly learnId: string }): Promise<void>;
  replicaStatusChanged(input: {
    readonly id: ReplicaId;
    readonly status: string;
    readonly epoch: number;
    readonly learnId: string;
  }): Promise<void>;
  /** An update of the coordinator, answered at once. @throws EpoxyError badRequest, generationMismatch, coordinatorUnreachable */
  coordinatorUpdate(name: string, argument: unknown): Promise<{ readonly generation: number; readonly id: number }>;
};

export type Logger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Counters and histograms; names and labels are listed in server/metrics.ts. */
export type Meter = {
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
};

export type Ports = {
  readonly store: Store;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly workflows: Workflows;
  readonly log: Logger;
  readonly meter: Meter;
};

/** No answer from a peer in time. Whether it acted is not known. */
export class PeerUnreachable extends Error {
  override readonly name = "PeerUnreachable";
}

/** The store went away in the middle: the transaction may have happened. */
export class StoreInDoubt extends Error {
  override readonly name = "StoreInDoubt";
}
