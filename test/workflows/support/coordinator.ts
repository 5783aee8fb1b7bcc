/** A coordinator workflow in a real Temporal, with the real activities over a cluster in memory. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type WorkflowHandle, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { Worker, type WorkflowBundleOption } from "@temporalio/worker";
import { createActivities } from "../../../activities/index.ts";
import { workflowBundle } from "../../../server/workflow-bundle.ts";
import type { coordinator } from "../../../workflows/coordinator.ts";
import * as messages from "../../../workflows/messages.ts";
import { createFakeCluster, type FakeCluster, fakeReplica } from "./cluster.ts";
import { recordHistory, startTemporal } from "./temporal.ts";

const TIMING: Partial<messages.Timing> = {
  retryFirstMs: 20,
  retryMaxMs: 200,
  batchMs: 300,
  failedHoldMs: 300,
  pollFirstMs: 300,
  pollMaxMs: 600,
  refreshMs: 60_000,
};
export const WAIT_MS = 10_000;
export const log = { debug() {}, info() {}, warn() {}, error() {} };

export let temporal: TestWorkflowEnvironment;
let bundle: WorkflowBundleOption;
let runs = 0;

/** For `before`. */
export async function setUp(): Promise<void> {
  [temporal, bundle] = await Promise.all([startTemporal(), workflowBundle()]);
}

/** For `after`. */
export const tearDown = () => temporal.teardown();

export type Run = {
  readonly cluster: FakeCluster;
  readonly name: string;
  readonly handle: WorkflowHandle<typeof coordinator>;
  update<N extends messages.ChangeName>(name: N, argument: messages.Changes[N]): Promise<messages.Accepted>;
  settled(generation: number): Promise<void>;
  now(): Promise<messages.Reconfiguration>;
};

/** One coordinator with its worker over `ids`, ended when `body` is. Its history is kept as `shape` when RECORD_HISTORIES is set. */
export async function withCoordinator(
  ids: readonly number[],
  shape: string,
  timing: Partial<messages.Timing>,
  body: (run: Run) => Promise<void>,
  cluster = createFakeCluster(ids),
  { ends }: { readonly ends: boolean } = { ends: true },
): Promise<void> {
  const name = `test${++runs}`;
  const taskQueue = messages.taskQueueName(name, 1);
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue,
    workflowBundle: bundle,
    activities: createActivities({ replica: fakeReplica(cluster, cluster.members.coordinator), log }),
    shutdownGraceTime: 0,
    maxHeartbeatThrottleInterval: 50,
  });
  const input: messages.CoordinatorInput = { cluster: name, datacenter: 1, timing: { ...TIMING, ...timing } };
  await worker.runUntil(async () => {
    const started = await temporal.client.workflow.start<typeof coordinator>("coordinator", {
      taskQueue,
      workflowId: messages.coordinatorWorkflowId(name),
      args: [input],
    });
    // Without its run id: it goes on under new ones.
    const handle = temporal.client.workflow.getHandle<typeof coordinator>(started.workflowId);
    cluster.onLearn = (id, learnId) => void handle.signal(messages.replicaStatusChanged, { id, status: "learning", epoch: 1, learnId });
    const now = () => handle.query(messages.reconfiguration);
    const settled = async (generation: number) => {
      const wait = () => handle.executeUpdate(messages.awaitSettled, { args: [{ generation, ms: WAIT_MS }] });
      // A run that ends answers at once, or takes the update with it: the caller asks the next one.
      await until(`generation ${generation} settled`, () =>
        wait().then(
          (answer) => answer.settled,
          () => false,
        ),
      );
    };
    try {
      await body({
        cluster,
        name,
        handle,
        now,
        settled,
        update: (change, argument) => handle.executeUpdate(messages.changeUpdate(change), { args: [argument] }),
      });
      await recordHistory(temporal, shape, started.workflowId, started.firstExecutionRunId);
    } finally {
      if (ends) await handle.terminate("the test is over").catch(() => undefined);
    }
  });
}

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `still not: ${what}`);
    await sleep(20);
  }
}

/** Only those of the sender's doing have a code. */
export async function refusal(request: Promise<unknown>): Promise<{ code: string | null | undefined; message: string }> {
  try {
    await request;
  } catch (error) {
    assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
    assert.ok(error.cause instanceof ApplicationFailure);
    return { code: error.cause.type, message: error.cause.message };
  }
  throw new assert.AssertionError({ message: "it was accepted" });
}
