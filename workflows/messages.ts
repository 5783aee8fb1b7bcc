/** Names and types of everything workflows hear and answer. Shared with server and cli, so it imports no workflow. */
import { defineSearchAttributeKey, type SignalDefinition, type UpdateDefinition } from "@temporalio/common";
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { CoordinatorState, Waiting } from "./state.ts";

/** A datacenter as an operator names it. `voter` left out means true. */
export type Newcomer = { readonly name: string; readonly peerUrl: string; readonly apiUrl: string; readonly voter?: boolean };
export type AddReplica = Newcomer;
export type RemoveReplica = { readonly id: number };
export type ReplaceReplica = { readonly id: number; readonly by: Newcomer };
/** The whole desired set. An entry without id is the member of that name, else a newcomer. */
export type SetReplicas = { readonly replicas: readonly (Newcomer & { readonly id?: number })[]; readonly expectedGeneration?: number };
export type UpdateReplica = { readonly id: number; readonly peerUrl?: string; readonly apiUrl?: string };
export type CancelReconfiguration = { readonly generation: number };
export type AwaitSettled = { readonly generation: number; readonly ms: number };
export type ReplicaStatusChanged = { readonly id: number; readonly status: string; readonly epoch: number; readonly learnId?: string };

/** `id` is 0 where the change concerns no known replica; a newcomer gets its id when it was reached. */
export type Accepted = { readonly generation: number; readonly id: number };
/** Changes of the desired set. Each is an update (validated, answered at once) and a signal of the same name (a refusal shows in the details). */
export type Changes = {
  readonly addReplica: AddReplica;
  readonly removeReplica: RemoveReplica;
  readonly replaceReplica: ReplaceReplica;
  readonly setReplicas: SetReplicas;
  readonly updateReplica: UpdateReplica;
  readonly cancelReconfiguration: CancelReconfiguration;
};
export type ChangeName = keyof Changes;

export function changeUpdate<N extends ChangeName>(name: N): UpdateDefinition<Accepted, [Changes[N]]> {
  return defineUpdate<Accepted, [Changes[N]]>(name);
}

export function changeSignal<N extends ChangeName>(name: N): SignalDefinition<[Changes[N]]> {
  return defineSignal<[Changes[N]]>(name);
}

export type Settled = { readonly settled: boolean; readonly generation: number; readonly epoch: number };

export type ReconfigurationPhase = "checking" | "learning" | "freezing" | "closing" | "draining" | "activating" | "settled";

export type ReplicaProgress = {
  readonly id: number | null;
  readonly name: string;
  readonly stage: string;
  readonly since: number;
  /** Instances behind the voters; null while unknown. */
  readonly lag: number | null;
  readonly ratePerSecond: number | null;
  readonly error: string | null;
};
export type Reconfiguration = {
  readonly generation: number;
  readonly settledGeneration: number;
  readonly phase: ReconfigurationPhase;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly detail: string;
  readonly replicas: readonly ReplicaProgress[];
};
export type ClusterConfigAnswer = {
  readonly clusterId: string;
  readonly epoch: number;
  readonly coordinator: number;
  readonly replicas: readonly {
    readonly id: number;
    readonly name: string;
    readonly status: "learning" | "active" | "leaving";
    readonly peerUrl: string;
    readonly apiUrl: string;
  }[];
};
export type HistoryEntry = { readonly at: number; readonly generation: number; readonly text: string };

/** An update, since the caller waits; bounded by `ms`, and gives up when the run ends. */
export const awaitSettled = defineUpdate<Settled, [AwaitSettled]>("awaitSettled");
/** A signal: needs no live worker when sent, and twice is as good as once. */
export const replicaStatusChanged = defineSignal<[ReplicaStatusChanged]>("replicaStatusChanged");

export const clusterConfig = defineQuery<ClusterConfigAnswer | null>("clusterConfig");
export const reconfiguration = defineQuery<Reconfiguration>("reconfiguration");
export const history = defineQuery<readonly HistoryEntry[]>("history");

export type BeginLearning = { readonly learnId: string; readonly config?: unknown; readonly sources: readonly number[] };
export type LearnProgress = {
  readonly stage: "idle" | "learning" | "reporting" | "joined";
  readonly learnId: string | null;
  readonly copied: number;
  readonly source: number | null;
  readonly cursor: string;
  readonly ratePerSecond: number | null;
  readonly lag: number | null;
  readonly error: string | null;
};
/** Signals of a replica's workflow, sent by this datacenter's own server: idempotent by learnId. */
export const beginLearning = defineSignal<[BeginLearning]>("beginLearning");
export const abortLearning = defineSignal<[{ readonly learnId: string }]>("abortLearning");
export const configChanged = defineSignal<[{ readonly config: unknown }]>("configChanged");
export const progress = defineQuery<LearnProgress>("progress");

export const searchAttributes = {
  phase: defineSearchAttributeKey("EpoxyPhase", "KEYWORD"),
  datacenter: defineSearchAttributeKey("EpoxyDatacenter", "KEYWORD"),
  epoch: defineSearchAttributeKey("EpoxyEpoch", "INT"),
  voters: defineSearchAttributeKey("EpoxyVoters", "KEYWORD_LIST"),
} as const;

/** In a coordinator's memo, which anyone in its Temporal can read without a worker of its datacenter. */
export const waitingMemo = "waiting";

export function coordinatorWorkflowId(cluster: string): string {
  return `epoxy/${cluster}/coordinator`;
}

export function replicaWorkflowId(cluster: string, id: number): string {
  return `epoxy/${cluster}/replica/${id}`;
}

/** One queue a datacenter: its workers alone can reach its replica's store. */
export function taskQueueName(cluster: string, id: number): string {
  return `epoxy-${cluster}-dc-${id}`;
}

/** How patient workflows are. Tests shorten it; a running workflow keeps what it was started with. */
export type Timing = {
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** Newcomers ready within this time of each other are promoted in one epoch. */
  readonly batchMs: number;
  /** A step that failed for good is tried again after this, or when the desired set changes. */
  readonly failedHoldMs: number;
  /** How soon a learner is asked again, in case its signal was lost; doubles up to pollMaxMs. */
  readonly pollFirstMs: number;
  readonly pollMaxMs: number;
  /** How often a settled coordinator looks at the cluster. */
  readonly refreshMs: number;
  /** The run ends and a new one goes on when its history is longer and nothing is under way, at three times this anyhow. */
  readonly historyEventsMax: number;
};
export const TIMING: Timing = {
  retryFirstMs: 500,
  retryMaxMs: 10_000,
  batchMs: 2_000,
  failedHoldMs: 60_000,
  pollFirstMs: 5_000,
  pollMaxMs: 60_000,
  refreshMs: 600_000,
  historyEventsMax: 4_000,
};

export type CoordinatorInput = {
  readonly cluster: string;
  readonly datacenter: number;
  readonly timing?: Partial<Timing>;
  /** From the memo of the coordinator before, where it can be seen. */
  readonly waiting?: Waiting;
  readonly state?: CoordinatorState;
};
export type ReplicaInput = {
  readonly cluster: string;
  readonly id: number;
  readonly timing?: Partial<Timing>;
  readonly state?: ReplicaWorkflowState;
};
export type ReplicaWorkflowState = {
  readonly schema: 1;
  readonly request: BeginLearning | null;
  readonly copyDone: boolean;
  readonly progress: LearnProgress;
  readonly config: unknown;
};
