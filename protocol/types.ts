/**
 * The words of the protocol as types. Everything here is readonly data; see README.md for the glossary.
 */

/** A datacenter's stable number, in [1, 8191]. Assigned once by the coordinator, never used again. */
export type ReplicaId = number & { readonly __brand: "ReplicaId" };
/** 1-based position in one replica's own row of instances, below 2^40. It goes on growing across epochs. */
export type Slot = number & { readonly __brand: "Slot" };
/** `replica * 2^40 + slot`: one number, so that it orders by (replica, slot) and is a Map key. Written `R.SLOT`. */
export type InstanceId = number & { readonly __brand: "InstanceId" };
/** Number of a configuration, from 1. Its voters decide the instances submitted in it. */
export type Epoch = number & { readonly __brand: "Epoch" };
/** A key's bytes, one character (0 to 255) a byte: a Map key that compares in byte order. The empty key is reserved for membership. */
export type Key = string & { readonly __brand: "Key" };
/** What commands conflict on: a user key, an idempotency key or an idempotency bucket, told apart by the first character. */
export type Footprint = string & { readonly __brand: "Footprint" };
export type Bytes = Uint8Array;

/** Counter 0 belongs to the owner's own round; every higher ballot names the one replica that may use it. */
export type Ballot = { readonly epoch: Epoch; readonly counter: number; readonly replica: ReplicaId };

/**
 * The set of instances that are ordered before or beside one: `id` is a member iff its slot is at most the floor of its
 * owner's column or `explicit` lists it. Normal form: columns and ids ascending, no zero floor, nothing listed at or below its floor.
 */
export type Deps = { readonly floor: Frontier; readonly explicit: readonly InstanceId[] };
/** A slot for each column (replica), ascending by replica, slots above 0 only: all instances up to it. */
export type Frontier = readonly (readonly [ReplicaId, Slot])[];

export type Expectation =
  | { readonly kind: "oneOf"; readonly values: readonly (Bytes | null)[] }
  | { readonly kind: "version"; readonly version: number };

export type SimpleCommand =
  | { readonly kind: "set"; readonly key: Key; readonly value: Bytes | null }
  | { readonly kind: "checkAndSet"; readonly key: Key; readonly expect: Expectation; readonly newValue: Bytes | null }
  | { readonly kind: "delete"; readonly key: Key }
  /** `delta` is a signed 64-bit integer. */
  | { readonly kind: "add"; readonly key: Key; readonly delta: bigint }
  | { readonly kind: "get"; readonly key: Key };

export type Check = { readonly key: Key; readonly expect: Expectation };

export type Command =
  | SimpleCommand
  | { readonly kind: "txn"; readonly checks: readonly Check[]; readonly commands: readonly SimpleCommand[] }
  /** Internal: no idempotency key stamped in `hour` and hashed to `bucket` is accepted after this. consensus section 9. */
  | { readonly kind: "closeBucket"; readonly hour: number; readonly bucket: number };

/** Names one caller's request, so that a retry has the first one's results. */
export type Idempotency = {
  readonly key: string;
  /** SHA-256 of the commands' encoding, hex: another payload under the same key is refused. */
  readonly fingerprint: string;
  /** Wall-clock milliseconds given by the owner of the instance; fixed with the value. */
  readonly stampMs: number;
};

/** One caller's proposal inside an instance. */
export type Entry = { readonly commands: readonly Command[]; readonly idempotency: Idempotency | null };
/** What one instance carries: a batch of entries, ordered together at one point. `seq` orders inside a cycle, nothing else. */
export type Payload = { readonly seq: number; readonly entries: readonly Entry[] };
/** What an instance can be decided as. */
export type Value = Payload | "nop";

export type CommandResult =
  | { readonly kind: "written"; readonly version: number }
  | { readonly kind: "value"; readonly value: Bytes | null; readonly version: number }
  | { readonly kind: "added" }
  | { readonly kind: "txn"; readonly results: readonly CommandResult[] }
  | { readonly kind: "expectedValueDoesNotMatch"; readonly current: Bytes | null; readonly version: number }
  | { readonly kind: "checkFailed"; readonly failed: number; readonly current: Bytes | null; readonly version: number }
  | { readonly kind: "notACounter" }
  | { readonly kind: "bucketClosed" };

/** What became of one entry when its instance executed. */
export type EntryOutcome =
  | { readonly kind: "results"; readonly results: readonly CommandResult[] }
  | { readonly kind: "idempotencyKeyReused" }
  | { readonly kind: "idempotencyKeyExpired" };

export type Phase = "initial" | "preaccepted" | "accepted" | "committed";

/** Everything a replica knows of one instance; consensus section 1.1. */
export type InstanceRecord = {
  readonly id: InstanceId;
  /** The epoch in which it is decided. */
  readonly epoch: Epoch;
  readonly phase: Phase;
  /** Highest ballot joined. Never the same variable as `acceptedBallot`. */
  readonly ballot: Ballot;
  /** Ballot at which `value` and `deps` were last accepted; meaningful in phase accepted. */
  readonly acceptedBallot: Ballot;
  /** null: the payload is unknown here. */
  readonly value: Value | null;
  readonly deps: Deps;
  /** Chosen by the owner; set by PreAccept or Validate, never by a recovery value. Both null or both known. */
  readonly initPayload: Payload | null;
  readonly initDeps: Deps | null;
  /** Committed and applied here (a Nop too). */
  readonly executed: boolean;
  /** Highest count of a Waiting notice seen for it, 0 for none; consensus 1.4 i and j3. */
  readonly waitingCount: number;
  /** How its owner or a recovery got it committed here; null while unknown or learned from a peer. */
  readonly path: "fast" | "slow" | "recovered" | null;
  /** Outcome of each entry, kept at the owner until the instance is dropped. */
  readonly outcomes: readonly EntryOutcome[] | null;
  /** Where the owner proposed the payload again after this became a Nop. */
  readonly resubmittedAs: InstanceId | null;
};

export type Access = "read" | "write" | "add";
/** One instance in the conflict index of one footprint. */
export type IndexEntry = { readonly id: InstanceId; readonly access: Access };
export type IndexRecord = { readonly entries: readonly IndexEntry[] };

/** `version` counts the key's executed changes and outlives a delete; a key never written has no record. */
export type KeyState = { readonly value: Bytes | null; readonly version: number };
/** An executed idempotency key. */
export type IdempotencyRow = {
  readonly fingerprint: string;
  readonly stampMs: number;
  readonly instance: InstanceId;
  readonly outcome: EntryOutcome;
};
export type BucketState = { readonly closed: true };

/** One configuration and what the one before it ended with. Element e-1 of a chain is the link of epoch e. */
export type ChainLink = {
  readonly epoch: Epoch;
  /** Ascending. */
  readonly voters: readonly ReplicaId[];
  /** K of all earlier epochs: every instance that they may have committed as something other than Nop. */
  readonly settled: Settled;
  /** Membership as the proposer of this link knew it: where the voters and learners are reached before the members key is. */
  readonly members: Members;
  /** SHA-256, hex; "" for epoch 1. */
  readonly previousHash: string;
  readonly hash: string;
};
/** Rep of one voter, or K: all instances up to the frontier, and those listed. */
export type Settled = { readonly frontier: Frontier; readonly listed: readonly InstanceId[] };

/** One datacenter as the members key (the empty key) describes it. */
export type Member = {
  readonly id: ReplicaId;
  readonly name: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
  /** It is wanted as a voter; whether it votes is said by the chain alone. */
  readonly voter: boolean;
  /** Of the disk that holds this id; null until its first health check. A known id with another one is refused. */
  readonly incarnation: string | null;
  /** It is on its way out. */
  readonly leaving: boolean;
};
export type Members = {
  /** The datacenter whose Temporal holds the coordinator workflow. */
  readonly coordinator: ReplicaId;
  readonly nextId: ReplicaId;
  readonly members: readonly Member[];
  /** Ids that were members and will never be again. */
  readonly removed: readonly ReplicaId[];
};

/** What one replica is. A replica without identity (an empty Redis) is joining. */
export type ReplicaState = {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly self: ReplicaId;
  readonly incarnation: string;
  /** The epoch this replica takes part in: it votes in it if it is one of its voters and not frozen. */
  readonly epoch: Epoch;
  /** Set by Freeze and by learning the next link; nothing is pre-accepted in `epoch` from then on. */
  readonly frozen: boolean;
  /** Rep of `epoch`, fixed after freezing; null before. */
  readonly reported: Settled | null;
};
export type ChainRecord = { readonly links: readonly ChainLink[] };
/** Acceptor of the single decree that closes `epoch`. */
export type CloseRecord = {
  readonly epoch: Epoch;
  readonly promised: Ballot;
  readonly accepted: { readonly ballot: Ballot; readonly link: ChainLink } | null;
};
/** Written by one background step, so that every submit may read it without fighting for it. */
export type Progress = {
  /** Everything up to here is executed at this replica. */
  readonly executed: Frontier;
  /** Everything up to here is executed at every member and can be compared by floor alone: it may be dropped. */
  readonly globalFloor: Frontier;
};
export type SlotsRecord = { readonly next: Slot; readonly epoch: Epoch };
/** Durable transaction counters of peers, the highest seen: a disk put back to an older state is known by them. */
export type PeersRecord = { readonly seen: readonly { readonly replica: ReplicaId; readonly counter: number }[] };

/** What one epoch left behind: the digest of the state in which exactly the instances of its K, and of all before, are executed. */
export type EpochEnd = { readonly epoch: Epoch; readonly digest: string };
/** Digests by which members compare what they hold. RECONFIGURE steps 3 and 10a. */
export type EndsRecord = {
  /** The copy that this state began as may hold instances of epochs up to this one: it never was at the end of an earlier one. 0: no copy. */
  readonly copiedIn: Epoch | 0;
  /** Why the copy was thrown away: at the end of this epoch it was not what these voters had. null once another one is complete. */
  readonly differed: { readonly epoch: Epoch; readonly from: readonly ReplicaId[] } | null;
  /** The newest ones, ascending. */
  readonly ends: readonly EpochEnd[];
};

/** The disk's own name, drawn by the first process that ever opened it: a newcomer is told apart by it before it has an identity. */
export type DiskRecord = { readonly incarnation: string };

/** Every record of a replica by kind. The id is the string that `recordId` functions of records.ts make. */
export type Records = {
  instance: InstanceRecord;
  index: IndexRecord;
  value: KeyState;
  row: IdempotencyRow;
  bucket: BucketState;
  replica: ReplicaState;
  chain: ChainRecord;
  close: CloseRecord;
  progress: Progress;
  slots: SlotsRecord;
  peers: PeersRecord;
  disk: DiskRecord;
  ends: EndsRecord;
};
export type RecordKind = keyof Records;

/** What a pure step may look at: the newest state, the step's own earlier writes included. */
export type View = {
  /** `id`: see `Write`. */
  get<K extends RecordKind>(kind: K, id: string): Records[K] | null;
};
/**
 * One record put (or, with null, dropped). Ids: instance `R.SLOT` (`instanceName`), index: the footprint, value: the key,
 * row: the idempotency key, bucket: `HOUR.BUCKET`, every other kind has one record with id "".
 */
export type Write = { [K in RecordKind]: { readonly kind: K; readonly id: string; readonly record: Records[K] | null } }[RecordKind];
/** What a pure step concludes: the answer, and what must be durable before it leaves. */
export type Step<Reply> = { readonly reply: Reply; readonly writes: readonly Write[] };

/** What one executed instance changed, in this replica's order; the stream that watchers and learners follow. */
export type Change = {
  readonly instance: InstanceId;
  /** Only kinds value, row and bucket, in the order in which they happened. */
  readonly writes: readonly Write[];
};
