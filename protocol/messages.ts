/**
 * What datacenters say to each other, in its latest form. The bytes are made by wire/; older versions are mapped to these.
 * Steps named here are those of spec/PROPOSAL.md and spec/RECONFIGURE.md.
 */
import type {
  Ballot,
  Bytes,
  ChainLink,
  Change,
  Deps,
  Epoch,
  Footprint,
  Frontier,
  InstanceId,
  Key,
  Payload,
  Phase,
  ReplicaId,
  Settled,
  Value,
  Write,
} from "./types.ts";

/** What a replica is, in its own words. */
export type ReplicaStatus = "joining" | "learning" | "active" | "removed";

/** Who speaks, on every request. A replica without identity yet is 0. */
export type RequestHeader = {
  readonly clusterId: string;
  readonly from: ReplicaId;
  /** 0 when the sender does not know (health check of a newcomer). */
  readonly to: ReplicaId | 0;
  readonly incarnation: string;
  /** The sender's epoch. */
  readonly epoch: Epoch;
  /** The sender's durable transaction counter; consensus section 5. */
  readonly counter: number;
};

export type ReplyHeader = {
  readonly from: ReplicaId | 0;
  readonly incarnation: string;
  readonly epoch: Epoch | 0;
  readonly status: ReplicaStatus;
  readonly counter: number;
};

/** Requests about one instance; answered by protocol/acceptor.ts. `epoch` is the instance's. */
export type AcceptorRequest =
  | { readonly kind: "preAccept"; readonly epoch: Epoch; readonly id: InstanceId; readonly payload: Payload; readonly deps: Deps }
  | {
      readonly kind: "accept";
      readonly epoch: Epoch;
      readonly id: InstanceId;
      readonly ballot: Ballot;
      readonly value: Value;
      readonly deps: Deps;
    }
  | { readonly kind: "commit"; readonly epoch: Epoch; readonly id: InstanceId; readonly value: Value; readonly deps: Deps }
  /** The explicit prepare of the paper. */
  | { readonly kind: "recover"; readonly epoch: Epoch; readonly id: InstanceId; readonly ballot: Ballot }
  | {
      readonly kind: "validate";
      readonly epoch: Epoch;
      readonly id: InstanceId;
      readonly ballot: Ballot;
      readonly payload: Payload;
      readonly deps: Deps;
    }
  | { readonly kind: "waiting"; readonly epoch: Epoch; readonly id: InstanceId; readonly count: number };

export type PeerRequest =
  | AcceptorRequest
  /** Ids in the conflict index of these footprints that a read must wait for; consensus section 9. */
  | { readonly kind: "readIndex"; readonly epoch: Epoch; readonly footprints: readonly Footprint[] }
  /** Heartbeat and anti-entropy in one: what the sender has, so that either side sees what it lacks. */
  | ({ readonly kind: "sync" } & SyncState)
  /** Committed instances wanted by slot range, inclusive. */
  | { readonly kind: "downloadInstances"; readonly ranges: readonly SlotRange[] }
  | { readonly kind: "kvGet"; readonly key: Key }
  | { readonly kind: "healthCheck" }
  /** Gives a newcomer its identity and starts its replica workflow; the same learnId again changes nothing. */
  | {
      readonly kind: "beginLearning";
      readonly learnId: string;
      readonly clusterName: string;
      readonly links: readonly ChainLink[];
      readonly sources: readonly ReplicaId[];
    }
  | { readonly kind: "abortLearning"; readonly learnId: string }
  | { readonly kind: "updateReplicaStatus"; readonly replica: ReplicaId; readonly status: ReplicaStatus; readonly learnId: string }
  /** A change of the desired members, passed on to the coordinator's datacenter: the body of the update, as JSON. */
  | { readonly kind: "coordinatorRequest"; readonly name: string; readonly argument: string }
  /** Links of the config chain the receiver may lack. */
  | { readonly kind: "updateConfig"; readonly links: readonly ChainLink[] }
  | { readonly kind: "fetchConfig"; readonly afterEpoch: Epoch | 0 }
  | { readonly kind: "freeze"; readonly epoch: Epoch }
  | { readonly kind: "closePrepare"; readonly epoch: Epoch; readonly ballot: Ballot }
  | { readonly kind: "closeAccept"; readonly epoch: Epoch; readonly ballot: Ballot; readonly link: ChainLink }
  /** Pages of the replicated state (records of kind value, row, bucket) in key order. */
  | { readonly kind: "snapshotPage"; readonly cursor: string }
  /**
   * Executed changes after a stream position; with the last page, the executed set at that position, and behind the position the
   * digest and the number of records there. "" asks for the position now, `endPosition` for the digest at the end of an epoch. See
   * epoch-end.ts: an older build says neither, and who asks it goes on without.
   */
  | { readonly kind: "snapshotChanges"; readonly after: string };

export type SlotRange = { readonly replica: ReplicaId; readonly from: number; readonly to: number };

export type SyncState = {
  readonly executed: Frontier;
  /** min(executed prefix, D0 floor of each own id not yet committed): the sender's say in the global floor. */
  readonly advertisedFloor: Frontier;
  readonly wallMs: number;
  /** Highest durable counter and the incarnation the sender has seen from the receiver; 0 and "" if never. */
  readonly seenCounter: number;
  readonly seenIncarnation: string;
  /** Epoch of the newest link of the sender's chain. */
  readonly chainEpoch: Epoch | 0;
  /** Sum modulo 2^128 over the sender's (key, value, version), hex. */
  readonly digest: string;
};

export type CommittedInstance = { readonly id: InstanceId; readonly epoch: Epoch; readonly value: Value; readonly deps: Deps };

export type AcceptorReply =
  | { readonly kind: "preAcceptOk"; readonly id: InstanceId; readonly deps: Deps }
  | { readonly kind: "acceptOk"; readonly id: InstanceId; readonly ballot: Ballot }
  | {
      readonly kind: "recoverOk";
      readonly id: InstanceId;
      readonly ballot: Ballot;
      readonly phase: Phase;
      readonly acceptedBallot: Ballot;
      readonly value: Value | null;
      readonly deps: Deps;
      readonly initPayload: Payload | null;
      readonly initDeps: Deps | null;
    }
  | { readonly kind: "validateOk"; readonly id: InstanceId; readonly ballot: Ballot; readonly conflicts: readonly ValidateConflict[] }
  | { readonly kind: "committed"; readonly id: InstanceId; readonly value: Value; readonly deps: Deps }
  /** The instance is below the global floor: executed by every member and dropped. */
  | { readonly kind: "settled"; readonly id: InstanceId }
  | { readonly kind: "nack"; readonly id: InstanceId; readonly ballot: Ballot }
  /** Done, nothing to tell (commit, waiting). */
  | { readonly kind: "ok" }
  | RefusedByEpoch;

export type ValidateConflict = { readonly id: InstanceId; readonly committed: boolean };

/** Why a voter takes no part: the epoch fence of RECONFIGURE R8, freezing, or not being a voter. */
export type RefusedByEpoch =
  | { readonly kind: "staleEpoch"; readonly links: readonly ChainLink[] }
  | { readonly kind: "frozen"; readonly epoch: Epoch }
  | { readonly kind: "notVoting"; readonly epoch: Epoch | 0; readonly status: ReplicaStatus };

export type PeerReply =
  | AcceptorReply
  | { readonly kind: "readIndexOk"; readonly ids: readonly InstanceId[]; readonly hasAdders: boolean; readonly globalFloor: Frontier }
  | ({ readonly kind: "syncOk" } & SyncState)
  | { readonly kind: "instances"; readonly instances: readonly CommittedInstance[] }
  | { readonly kind: "kvValue"; readonly value: Bytes | null; readonly version: number }
  | {
      readonly kind: "healthOk";
      readonly clusterId: string;
      readonly replica: ReplicaId | 0;
      readonly incarnation: string;
      readonly status: ReplicaStatus;
      readonly build: string;
    }
  | { readonly kind: "coordinatorReply"; readonly generation: number; readonly id: number }
  | { readonly kind: "config"; readonly links: readonly ChainLink[] }
  | { readonly kind: "freezeOk"; readonly reported: Settled }
  | { readonly kind: "closePromise"; readonly accepted: { readonly ballot: Ballot; readonly link: ChainLink } | null }
  | { readonly kind: "closeAccepted" }
  | { readonly kind: "closeNack"; readonly ballot: Ballot }
  | { readonly kind: "snapshotRecords"; readonly writes: readonly Write[]; readonly cursor: string | null }
  | {
      readonly kind: "snapshotChangesOk";
      readonly changes: readonly Change[];
      readonly position: string;
      readonly executed: { readonly prefix: Frontier; readonly listed: readonly InstanceId[] } | null;
    }
  /** The receiver won't: `code` is one of errors.ts. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export type PeerRequestOf<K extends PeerRequest["kind"]> = Extract<PeerRequest, { kind: K }>;
export type PeerReplyOf<K extends PeerReply["kind"]> = Extract<PeerReply, { kind: K }>;

/** One POST each way: many requests, answered one by one in the same order. */
export type RequestEnvelope = { readonly header: RequestHeader; readonly requests: readonly PeerRequest[] };
export type ReplyEnvelope = { readonly header: ReplyHeader; readonly replies: readonly PeerReply[] };
