/** This datacenter's Temporal, seen from its server. Every call is bounded: a Temporal that is down never holds up the key-value side. */
import { randomUUID } from "node:crypto";
import {
  Client,
  Connection,
  type ConnectionOptions,
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
} from "@temporalio/client";
import { ApplicationFailure, WorkflowNotFoundError } from "@temporalio/common";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import type { Logger, Workflows } from "../proposals/ports.ts";
import { EpoxyError } from "../protocol/errors.ts";
import type { ReplicaId } from "../protocol/types.ts";
import type { coordinator } from "../workflows/coordinator.ts";
import * as messages from "../workflows/messages.ts";
import type { replica } from "../workflows/replica.ts";
import type { Waiting } from "../workflows/state.ts";

const ADDRESS_DEFAULT = "127.0.0.1:7233";
const NAMESPACE_DEFAULT = "default";
const CALL_MS = 5_000;
const UPDATE_TRIES = 4;
const TRY_AGAIN_MS = 200;
const QUERY_CACHE_MS = 500;
/** A task of a workflow that was with a killed worker is given to another one after this. Replaying a whole history takes a second. */
const TASK_MS = 5_000;
/** How often a coordinator that runs is looked for: somebody may have ended it. */
const LOOK_AGAIN_MS = 10_000;
/** grpc-js's numbers; the package itself is not ours to import. */
const GRPC = { deadlineExceeded: 4, resourceExhausted: 8, failedPrecondition: 9, unavailable: 14 } as const;

/** null: as Temporal's own environment variables and config file say, else the defaults. */
export type TemporalSettings = {
  readonly cluster: string;
  readonly address: string | null;
  readonly namespace: string | null;
  readonly uiUrl?: string | null;
};

/** Where workers and clients connect. Flags first, then TEMPORAL_…, then the defaults. */
export function connectionSettings({ address, namespace }: Pick<TemporalSettings, "address" | "namespace">) {
  const loaded = loadClientConnectConfig();
  const { address: found, ...rest } = loaded.connectionOptions;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest;
  return {
    connection: { ...given, address: address ?? found ?? ADDRESS_DEFAULT },
    namespace: namespace ?? loaded.namespace ?? NAMESPACE_DEFAULT,
  };
}

export type ReconfigurationAnswer = {
  readonly replicas: readonly messages.ReplicaProgress[];
  readonly generation: number;
  readonly phase: string;
  readonly since: number;
  readonly detail: string;
  readonly workflowUrl: string | null;
};

export type Temporal = {
  readonly workflows: Workflows;
  /** What `/v1/cluster` shows; null where no coordinator can be asked from here. */
  reconfiguration(): Promise<ReconfigurationAnswer | null>;
  /** Starts this datacenter's replica workflow, and the coordinator where it belongs. Cheap when they run; call it now and then. */
  ensureWorkflows(report: { readonly self: ReplicaId | null; readonly members: { readonly coordinator: ReplicaId } | null }): Promise<void>;
  close(): Promise<void>;
};

export type TemporalDeps = {
  readonly settings: TemporalSettings;
  readonly self: () => ReplicaId | null;
  /** Whether this datacenter has the coordinator, by consensus. Asked before another one's run is ended. */
  readonly hasCoordinator: () => Promise<boolean>;
  readonly log: Logger;
};

/** Left to itself it waits longer each time, two minutes in the end: that much later than Temporal everything would go on. */
export const RECONNECT = { "grpc.initial_reconnect_backoff_ms": 500, "grpc.max_reconnect_backoff_ms": 2_000 };

type Interceptor = NonNullable<ConnectionOptions["interceptors"]>[number];
const withDeadline: Interceptor = (call, next) => next({ ...call, deadline: Date.now() + CALL_MS }) as ReturnType<Interceptor>;

/** Connects when first needed, and again by itself. */
export function createTemporal({ settings, self, hasCoordinator, log }: TemporalDeps): Temporal {
  const { connection: options, namespace } = connectionSettings(settings);
  // The client's own withDeadline keeps its context in async storage, and that slows every promise of this process: the
  // key-value side's too.
  const connection = Connection.lazy({ ...options, channelArgs: RECONNECT, interceptors: [withDeadline] });
  // A coordinator's run that has ended may still have a worker to answer for it: of what is wanted now it knows nothing.
  const client = new Client({ connection, namespace, workflow: { queryRejectCondition: "NOT_OPEN" } });
  const { cluster } = settings;

  function me(): ReplicaId {
    const id = self();
    if (id === null) throw new EpoxyError("notReady", "this replica has no identity yet: nobody has added it");
    return id;
  }
  const coordinatorStart = (id: ReplicaId, waiting?: Waiting) => ({
    workflowId: messages.coordinatorWorkflowId(cluster),
    taskQueue: messages.taskQueueName(cluster, id),
    args: [{ cluster, datacenter: id, ...(waiting === undefined ? {} : { waiting }) }] as [messages.CoordinatorInput],
    workflowIdConflictPolicy: "USE_EXISTING" as const,
    workflowTaskTimeout: TASK_MS,
    staticSummary: `Replicas of the cluster ${cluster}`,
    staticDetails:
      "Brings the replicas to what is desired. Send it addReplica, removeReplica, replaceReplica, setReplicas or cancelReconfiguration, as a signal or an update.",
  });
  const replicaStart = (id: ReplicaId) => ({
    workflowId: messages.replicaWorkflowId(cluster, id),
    taskQueue: messages.taskQueueName(cluster, id),
    args: [{ cluster, id }] as [messages.ReplicaInput],
    workflowIdConflictPolicy: "USE_EXISTING" as const,
    workflowTaskTimeout: TASK_MS,
    staticSummary: `Replica ${id} of the cluster ${cluster}`,
  });

  let coordinatorSeenMs: number | null = null;
  /**
   * Where datacenters share a Temporal, the run of this name may be that of the one which had the coordinator before: it is about
   * to stop, or its datacenter is lost and nobody works for it. Taken for ours, no coordinator would ever run here. What it was
   * asked and had not begun stands in its memo: the new one is told, since the old one may not come to pass it on.
   */
  async function ensureCoordinator(id: ReplicaId): Promise<void> {
    if (coordinatorSeenMs !== null && performance.now() - coordinatorSeenMs < LOOK_AGAIN_MS) return;
    const { workflowId, taskQueue } = coordinatorStart(id);
    const found = await client.workflow.getHandle(workflowId).describe().catch(unlessNotFound);
    const isRunning = found?.status.name === "RUNNING";
    if (isRunning && found.taskQueue !== taskQueue) {
      if (!(await hasCoordinator())) return;
      const stale = client.workflow.getHandle(workflowId, found.runId);
      await stale.terminate(`datacenter ${id} has the coordinator now`).catch(unlessNotFound);
    }
    if (!isRunning || found.taskQueue !== taskQueue) {
      const waiting = found?.memo?.[messages.waitingMemo] as Waiting | undefined;
      await client.workflow.start<typeof coordinator>("coordinator", coordinatorStart(id, waiting));
      log.info({ cluster }, "the coordinator workflow runs here");
    }
    coordinatorSeenMs = performance.now();
  }

  const workflows: Workflows = {
    async beginLearning(input) {
      const id = me();
      await client.workflow.signalWithStart<typeof replica, [messages.BeginLearning]>("replica", {
        ...replicaStart(id),
        signal: messages.beginLearning,
        signalArgs: [input],
      });
    },
    async abortLearning(input) {
      const handle = client.workflow.getHandle<typeof replica>(messages.replicaWorkflowId(cluster, me()));
      // Nothing was begun here: nothing to stop.
      await handle.signal(messages.abortLearning, input).catch(unlessNotFound);
    },
    async replicaStatusChanged(input) {
      const id = me();
      await client.workflow.signalWithStart<typeof coordinator, [messages.ReplicaStatusChanged]>("coordinator", {
        ...coordinatorStart(id),
        signal: messages.replicaStatusChanged,
        signalArgs: [input],
      });
    },
    async coordinatorUpdate(name, argument) {
      const id = me();
      await ensureCoordinator(id).catch((error: unknown) => {
        throw updateError(error, name);
      });
      // One id for all tries: an update that was accepted and whose answer was lost is found again, not made twice.
      const updateId = randomUUID();
      for (let tries = 1; ; tries++) {
        const startWorkflowOperation = new WithStartWorkflowOperation<typeof coordinator>("coordinator", coordinatorStart(id));
        try {
          return await client.workflow.executeUpdateWithStart<typeof coordinator, messages.Accepted, [unknown]>(name, {
            updateId,
            args: [argument],
            startWorkflowOperation,
          });
        } catch (error) {
          if (tries >= UPDATE_TRIES || !isPassing(error)) throw updateError(error, name);
          await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * tries));
        }
      }
    },
  };

  let hasReplicaWorkflow = false;
  return {
    workflows,
    reconfiguration: cachedFor(QUERY_CACHE_MS, () => askReconfiguration(client, settings, namespace)),
    async ensureWorkflows({ self: id, members }) {
      if (id === null) return;
      if (!hasReplicaWorkflow) await client.workflow.start<typeof replica>("replica", replicaStart(id));
      hasReplicaWorkflow = true;
      if (members?.coordinator === id) await ensureCoordinator(id);
      else coordinatorSeenMs = null;
    },
    close: () => connection.close(),
  };
}

/**
 * Worth another try: the task that carried the update was overtaken, the server is on its way back, or the run is just ending to go on
 * as new, which the server calls exhausted.
 */
function isPassing(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.failedPrecondition || code === GRPC.unavailable || code === GRPC.resourceExhausted;
}

function grpcCode(error: unknown): number | null {
  if (isGrpcServiceError(error)) return error.code;
  const cause = error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) ? cause.code : null;
}

function updateError(error: unknown, name: string): EpoxyError {
  if (error instanceof EpoxyError) return error;
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    if (type === "badRequest" || type === "generationMismatch" || type === "coordinatorUnreachable") return new EpoxyError(type, message);
    return new EpoxyError("badRequest", `the coordinator refused ${name}: ${message}`, {}, { cause: error });
  }
  const why =
    grpcCode(error) === GRPC.deadlineExceeded
      ? "no worker of this datacenter answered in time"
      : error instanceof Error
        ? error.message
        : String(error);
  return new EpoxyError("coordinatorUnreachable", `the coordinator workflow cannot be reached: ${why}`, {}, { cause: error });
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
  return undefined;
}

async function askReconfiguration(
  client: Client,
  { cluster, uiUrl }: TemporalSettings,
  namespace: string,
): Promise<ReconfigurationAnswer | null> {
  const workflowId = messages.coordinatorWorkflowId(cluster);
  const handle = client.workflow.getHandle<typeof coordinator>(workflowId);
  try {
    const { generation, phase, since, detail, replicas } = await handle.query(messages.reconfiguration);
    const base = uiUrl?.replace(/\/+$/, "");
    const workflowUrl =
      base === undefined ? null : `${base}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
    return { generation, phase: phase === "freezing" ? await finerPhase(handle) : phase, since, detail, workflowUrl, replicas };
  } catch {
    // Down, not started, no worker: then nothing is known of it, and what asks shows the cluster all the same.
    return null;
  }
}

/** Freeze to activate is one activity without a Temporal call between its steps; only its heartbeats tell where it is. */
async function finerPhase(handle: { describe(): Promise<{ raw: { pendingActivities?: PendingActivity[] | null } }> }): Promise<string> {
  const { raw } = await handle.describe();
  const activity = raw.pendingActivities?.find((a) => a.activityType?.name === "changeVoters");
  const data = activity?.heartbeatDetails?.payloads?.[0]?.data;
  if (data === null || data === undefined) return "freezing";
  const { phase } = JSON.parse(Buffer.from(data).toString("utf8")) as { phase?: string };
  return phase ?? "freezing";
}

type PendingActivity = {
  activityType?: { name?: string | null } | null;
  heartbeatDetails?: { payloads?: { data?: Uint8Array | null }[] | null } | null;
};

/** One question at a time, and its answer for `ms`. */
function cachedFor<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let current: { readonly answer: Promise<T>; atMs: number } | null = null;
  return () => {
    if (current !== null && performance.now() - current.atMs < ms) return current.answer;
    const asked = { answer: ask(), atMs: Number.POSITIVE_INFINITY };
    current = asked;
    void asked.answer.finally(() => {
      asked.atMs = performance.now();
    });
    return asked.answer;
  };
}
