/** What one replica offers to the server, the workers' activities and the simulator. Made by createReplica in replica.ts. */
import type { ReplicaStatus, ReplyEnvelope, RequestEnvelope, RequestHeader } from "../protocol/messages.ts";
import type {
  ChainLink,
  Command,
  EntryOutcome,
  Epoch,
  InstanceId,
  InstanceRecord,
  Key,
  KeyState,
  Members,
  ReplicaId,
} from "../protocol/types.ts";

export type ProposeInput = {
  readonly commands: readonly Command[];
  readonly idempotencyKey: string | null;
  readonly timeoutMs: number;
  /** The caller's W3C traceparent: told to the other datacenters beside his instance, and never a part of it. */
  readonly trace?: string | null;
};
export type ProposeAnswer = { readonly instance: InstanceId; readonly path: "fast" | "slow" | "recovered"; readonly outcome: EntryOutcome };

export type ReadMode = "linearizable" | "local" | "optimistic";

/** How this replica sees another one. */
export type PeerHealth = {
  readonly id: ReplicaId;
  readonly reachable: boolean;
  readonly lastSeenMs: number | null;
  readonly roundTripMs: number | null;
  readonly epoch: number;
  readonly status: ReplicaStatus | null;
  readonly lag: number;
};

/** One look at the replica, from memory: never waits. */
export type ReplicaReport = {
  readonly status: ReplicaStatus;
  readonly clusterId: string | null;
  readonly clusterName: string | null;
  readonly self: ReplicaId | null;
  readonly incarnation: string;
  readonly epoch: Epoch | 0;
  readonly frozen: boolean;
  readonly voters: readonly ReplicaId[];
  readonly members: Members | null;
  readonly peers: readonly PeerHealth[];
  /** A quorum of voters, this one included, was heard from within limits.suspectMs. */
  readonly quorum: boolean;
  /** Why it does not serve proposals, each in words; empty when it does. */
  readonly problems: readonly string[];
  /** Instances with a record that are not executed here. */
  readonly openInstances: number;
  /** Own instances whose callers wait for them in this process. */
  readonly inFlight: number;
};

/** An instance that is not decided here; the sweep recovers it by itself when its turn comes. */
export type StuckInstance = { readonly id: InstanceId; readonly sinceMs: number; readonly recoveries: number };

export type LearnPage = {
  readonly cursor: string;
  readonly copied: number;
  readonly done: boolean;
  /** Why the copy begins anew with the next page, in words. */
  readonly problem?: string;
};

export type Replica = {
  /**
   * Orders the commands at one point and answers once they are executed here. spec/PROPOSAL.md.
   * @throws EpoxyError noQuorum, notReady, reconfiguring, overloaded, storageFull: nothing was proposed
   * @throws EpoxyError outcomeUnknown, with details.instance: it may have happened or may still
   */
  propose(input: ProposeInput): Promise<ProposeAnswer>;
  /** null value: absent. @throws EpoxyError noQuorum, notReady */
  read(key: Key, mode: ReadMode, timeoutMs: number): Promise<KeyState>;
  /** Live keys of this replica in byte order after `after`; a local read. */
  list(
    prefix: string,
    after: Key | null,
    limit: number,
  ): Promise<{ readonly entries: readonly (KeyState & { readonly key: Key })[]; readonly more: boolean }>;
  /** One peer request each, answered in order; also while joining or learning. */
  handle(envelope: RequestEnvelope): Promise<ReplyEnvelope>;
  instance(id: InstanceId): Promise<InstanceRecord | null>;
  /** Explicit prepare now, to its end. @throws EpoxyError noQuorum, notReady */
  recover(id: InstanceId, timeoutMs: number): Promise<InstanceRecord>;
  report(): ReplicaReport;
  /** What this process has seen undecided for at least so long, the oldest first. From memory. */
  stuck(atLeastMs: number): readonly StuckInstance[];
  chain(): Promise<readonly ChainLink[]>;
  /** Starts the loops (sync, sweep, execute, prune). Resolves once this replica may vote or knows why it may not. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Bars this replica from voting, with the reason, or lets it again (null): what its store promises is not known in here. */
  setUnfit(reason: string | null): void;
  /** Who speaks when this replica asks `to` something: for whoever implements Peers. */
  header(to: ReplicaId | 0): RequestHeader;
  /** One look at the store and the peers; for a replica without loops, before it acts. */
  refresh(): Promise<void>;

  /** With an empty store: a new cluster with this replica as 1 and only voter. Nothing happens if it has an identity. @throws EpoxyError badRequest for another cluster's data */
  bootstrap(input: {
    readonly clusterName: string;
    readonly name: string;
    readonly peerUrl: string;
    readonly apiUrl: string;
  }): Promise<void>;
  /** Changes the reserved members key by check-and-set, again until it holds. `change` returns null for nothing to do. Coordinator's activities only. */
  changeMembers(change: (members: Members) => Members | null, timeoutMs: number): Promise<Members>;
  /** Freeze, close, drain, activate (RECONFIGURE R3-R7), idempotent: resolves when an epoch with exactly these voters is live. @throws EpoxyError noQuorum when it cannot go on now */
  changeVoters(
    voters: readonly ReplicaId[],
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal;
      readonly onPhase?: (phase: "freezing" | "closing" | "draining" | "activating") => void;
    },
  ): Promise<Epoch>;
  /** Asks an address what is there. @throws PeerUnreachable */
  healthCheck(url: string): Promise<{
    readonly clusterId: string;
    readonly replica: ReplicaId | 0;
    readonly incarnation: string;
    readonly status: ReplicaStatus;
    readonly build: string;
  }>;
  /** Gives a newcomer its identity and the config chain and has it start learning. */
  beginLearning(input: {
    readonly id: ReplicaId;
    readonly url: string;
    readonly learnId: string;
    readonly sources: readonly ReplicaId[];
  }): Promise<void>;
  abortLearning(input: { readonly id: ReplicaId; readonly learnId: string }): Promise<void>;
  /** Learner: copies one page of a source's snapshot and stores it; cursor "" begins, the returned one goes on. A page stored twice changes nothing. @throws PeerUnreachable to try another source */
  learnPage(input: { readonly source: ReplicaId; readonly cursor: string }): Promise<LearnPage>;
  /** How far behind the voters this replica is, in instances. */
  lag(): Promise<number>;
  /** Tells the coordinator's datacenter (which may be this one) what became of this replica. */
  reportStatus(input: { readonly learnId: string }): Promise<void>;
  /** Passes an update on to the coordinator's datacenter. @throws EpoxyError */
  coordinatorRequest(name: string, argument: unknown): Promise<{ readonly generation: number; readonly id: number }>;
};
