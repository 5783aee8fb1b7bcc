import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type WorkflowHandle, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { Worker, type WorkflowBundleOption } from "@temporalio/worker";
import { createActivities } from "../../activities/index.ts";
import { workflowBundle } from "../../server/workflow-bundle.ts";
import type { coordinator } from "../../workflows/coordinator.ts";
import * as messages from "../../workflows/messages.ts";
import { createFakeCluster, type FakeCluster, fakeReplica, newcomer } from "./support/cluster.ts";
import { recordHistory, startTemporal } from "./support/temporal.ts";

const TIMING: Partial<messages.Timing> = {
  retryFirstMs: 20,
  retryMaxMs: 200,
  batchMs: 300,
  failedHoldMs: 300,
  pollFirstMs: 300,
  pollMaxMs: 600,
  refreshMs: 60_000,
};
const WAIT_MS = 10_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };

let temporal: TestWorkflowEnvironment;
let bundle: WorkflowBundleOption;
let runs = 0;

before(async () => {
  [temporal, bundle] = await Promise.all([startTemporal(), workflowBundle()]);
});
after(() => temporal.teardown());

type Run = {
  readonly cluster: FakeCluster;
  readonly name: string;
  readonly handle: WorkflowHandle<typeof coordinator>;
  update<N extends messages.ChangeName>(name: N, argument: messages.Changes[N]): Promise<messages.Accepted>;
  settled(generation: number): Promise<void>;
  now(): Promise<messages.Reconfiguration>;
};

/** One coordinator with its worker over `ids`, ended when `body` is. Its history is kept as `shape` when RECORD_HISTORIES is set. */
async function withCoordinator(
  ids: readonly number[],
  shape: string,
  timing: Partial<messages.Timing>,
  body: (run: Run) => Promise<void>,
  cluster = createFakeCluster(ids),
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
      await handle.terminate("the test is over").catch(() => undefined);
    }
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `still not: ${what}`);
    await sleep(20);
  }
}

/** Only those of the sender's doing have a code. */
async function refusal(request: Promise<unknown>): Promise<{ code: string | null | undefined; message: string }> {
  try {
    await request;
  } catch (error) {
    assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
    assert.ok(error.cause instanceof ApplicationFailure);
    return { code: error.cause.type, message: error.cause.message };
  }
  throw new assert.AssertionError({ message: "it was accepted" });
}

describe("coordinator", { concurrency: 4 }, () => {
  test("adds a replica: health check, admission, learning, then a vote", () =>
    withCoordinator([1, 2, 3], "add", {}, async ({ cluster, update, settled, now, handle }) => {
      const { generation } = await update("addReplica", newcomer(4));
      await settled(generation);
      assert.deepEqual(cluster.voters(), [1, 2, 3, 4]);
      assert.equal(cluster.chain.length, 2);
      assert.equal(cluster.members.nextId, 5);
      assert.deepEqual(cluster.learning[0]?.sources, [1, 2, 3]);
      assert.equal((await now()).phase, "settled");
      const config = await handle.query(messages.clusterConfig);
      assert.deepEqual(
        config?.replicas.map((r) => r.status),
        ["active", "active", "active", "active"],
      );
    }));

  test("a learner is added without closing an epoch", () =>
    withCoordinator([1, 2, 3], "add-learner", {}, async ({ cluster, update, settled }) => {
      const { generation } = await update("addReplica", { ...newcomer(4), voter: false });
      await settled(generation);
      assert.deepEqual(cluster.voters(), [1, 2, 3]);
      assert.equal(cluster.members.members.length, 4);
      assert.equal(cluster.chain.length, 1);
    }));

  test("many at once vote in one epoch, and one that is unreachable holds nobody up", () =>
    withCoordinator([1], "add-many", { batchMs: 2_000 }, async ({ cluster, update, settled, now, handle }) => {
      cluster.down.add(newcomer(9).peerUrl);
      const replicas = [1, 2, 3, 4, 5, 9].map(newcomer);
      const { generation } = await update("setReplicas", { replicas });
      await until("five vote", () => cluster.voters().length === 5);
      assert.equal(cluster.chain.length, 2, "one epoch for four newcomers");
      await until("its error in words", async () =>
        (await now()).replicas.some((r) => r.name === "dc-9" && r.error?.includes("unreachable") === true),
      );
      assert.equal((await now()).phase, "checking");
      const { settledGeneration } = await now();
      assert.ok(settledGeneration < generation);
      cluster.down.clear();
      await settled(generation);
      assert.equal(cluster.voters().length, 6);
      const texts = (await handle.query(messages.history)).map((h) => h.text);
      assert.ok(texts.some((text) => text.startsWith("epoch 3")));
    }));

  test("removes a replica, and never the last voter", () =>
    withCoordinator([1, 2], "remove", {}, async ({ cluster, update, settled }) => {
      const { generation, id } = await update("removeReplica", { id: 2 });
      assert.equal(id, 2);
      await settled(generation);
      assert.deepEqual(cluster.voters(), [1]);
      assert.deepEqual(cluster.members.removed, [2]);
      assert.deepEqual(await refusal(update("removeReplica", { id: 1 })), {
        code: "badRequest",
        message: "at least one voter must be left",
      });
      assert.equal((await refusal(update("removeReplica", { id: 2 }))).code, "badRequest");
    }));

  test("removes them in any order, and what is written is what replicas can read", () =>
    withCoordinator([1, 2, 3], "remove-two", {}, async ({ cluster, update, settled }) => {
      await settled((await update("removeReplica", { id: 3 })).generation);
      await settled((await update("removeReplica", { id: 2 })).generation);
      assert.deepEqual(cluster.members.removed, [2, 3]);
    }));

  test("replaces: the new one votes before the old one goes, at the very same address", () =>
    withCoordinator([1, 2, 3], "replace", {}, async ({ cluster, update, settled }) => {
      const { generation } = await update("replaceReplica", { id: 3, by: newcomer(3) });
      await settled(generation);
      assert.deepEqual(
        cluster.chain.map((link) => link.voters),
        [
          [1, 2, 3],
          [1, 2, 3, 4],
          [1, 2, 4],
        ],
      );
      assert.deepEqual(cluster.members.removed, [3]);
    }));

  test("a dead voter is replaced", () =>
    withCoordinator([1, 2, 3], "dead-voter", {}, async ({ cluster, update, settled }) => {
      cluster.down.add(newcomer(3).peerUrl);
      const { generation } = await update("replaceReplica", { id: 3, by: newcomer(5) });
      await settled(generation);
      assert.deepEqual(cluster.voters(), [1, 2, 4]);
    }));

  test("a cancel drops who does not vote yet and keeps who does", () =>
    withCoordinator([1, 2, 3], "cancel", {}, async ({ cluster, update, settled, now }) => {
      cluster.down.add(newcomer(7).peerUrl);
      cluster.loseReports = 1_000;
      await update("addReplica", newcomer(7));
      const { generation } = await update("addReplica", newcomer(6));
      await until("6 learns", () => cluster.learning.length > 0);
      assert.equal((await now()).phase, "learning");
      assert.equal((await refusal(update("cancelReconfiguration", { generation: generation - 1 }))).code, "generationMismatch");
      const cancelled = await update("cancelReconfiguration", { generation });
      await settled(cancelled.generation);
      assert.deepEqual(cluster.voters(), [1, 2, 3]);
      assert.deepEqual(
        cluster.members.members.map((m) => m.id),
        [1, 2, 3],
      );
    }));

  test("a change that hangs for want of a quorum can be cancelled", () =>
    withCoordinator([1, 2, 3], "no-quorum", {}, async ({ cluster, update, settled, now }) => {
      cluster.changeMs = 400;
      const { generation } = await update("addReplica", newcomer(4));
      await until("the epoch is being changed", async () => (await now()).phase === "freezing");
      cluster.down.add(newcomer(2).peerUrl).add(newcomer(3).peerUrl);
      await until("its error in words", async () => (await now()).replicas.some((r) => r.error?.includes("quorum") === true));
      const cancelled = await update("cancelReconfiguration", { generation });
      cluster.down.clear();
      await settled(cancelled.generation);
      assert.deepEqual(cluster.voters(), [1, 2, 3]);
    }));

  test("voters that are not heard of as yet are soon asked for again, and others come along meanwhile", () =>
    withCoordinator([1, 2, 3], "voters-away", { failedHoldMs: 60_000 }, async ({ cluster, update, settled, now }) => {
      cluster.voterChangesAway = 4;
      await update("addReplica", newcomer(4));
      await until("its error in words", async () => (await now()).replicas.some((r) => r.error?.includes("too few are there") === true));
      const { generation } = await update("addReplica", newcomer(5));
      await settled(generation);
      assert.deepEqual(cluster.voters(), [1, 2, 3, 4, 5]);
    }));

  test("a lost report is asked for again", () =>
    withCoordinator([1], "lost-report", {}, async ({ cluster, update, settled }) => {
      cluster.loseReports = 2;
      const { generation } = await update("addReplica", newcomer(2));
      await settled(generation);
      assert.deepEqual(
        cluster.learning.map((l) => l.learnId),
        Array(3).fill(cluster.learning[0]?.learnId),
      );
    }));

  test("a store that is not empty is refused, until it is", () =>
    withCoordinator([1], "used-store", {}, async ({ cluster, update, settled, now }) => {
      const { peerUrl } = newcomer(2);
      cluster.stores.set(peerUrl, { clusterId: "other", replica: 3, incarnation: "x" });
      const { generation } = await update("addReplica", newcomer(2));
      await until("it failed in words", async () =>
        (await now()).replicas.some((r) => r.stage === "failed" && r.error?.includes("another cluster") === true),
      );
      cluster.stores.delete(peerUrl);
      await settled(generation);
    }));

  test("a mistyped address is mended by adding the name again", () =>
    withCoordinator([1], "mended-url", {}, async ({ cluster, update, settled }) => {
      cluster.down.add("http://10.9.9.9:1");
      await update("addReplica", { ...newcomer(2), peerUrl: "http://10.9.9.9:1" });
      const { generation } = await update("addReplica", newcomer(2));
      await settled(generation);
      assert.deepEqual(
        cluster.members.members.map((m) => m.peerUrl),
        [1, 2].map((id) => newcomer(id).peerUrl),
      );
    }));

  test("signals do what updates do, and their refusals are noted", () =>
    withCoordinator([1], "signals", {}, async ({ cluster, handle }) => {
      await handle.signal(messages.changeSignal("addReplica"), newcomer(2));
      await until("2 votes", () => cluster.voters().length === 2);
      await handle.signal(messages.changeSignal("removeReplica"), { id: 77 });
      await until("the refusal is noted", async () =>
        (await handle.query(messages.history)).some((h) => h.text.includes("replica 77 is not a member")),
      );
    }));

  test("expectedGeneration compares, and the same set again changes nothing", () =>
    withCoordinator([1], "generations", {}, async ({ update, settled }) => {
      const { generation } = await update("setReplicas", { replicas: [1, 2].map(newcomer), expectedGeneration: 0 });
      assert.equal(generation, 1);
      assert.equal((await refusal(update("setReplicas", { replicas: [newcomer(1)], expectedGeneration: 0 }))).code, "generationMismatch");
      assert.equal((await update("setReplicas", { replicas: [1, 2].map(newcomer) })).generation, 1);
      assert.equal((await refusal(update("addReplica", { ...newcomer(8), peerUrl: "ftp://x" }))).code, "badRequest");
      await settled(generation);
    }));

  test("goes on in a new run, also in the middle of a change", () =>
    withCoordinator([1, 2, 3], "continue-as-new", { historyEventsMax: 40 }, async ({ cluster, name, update, settled }) => {
      cluster.down.add(newcomer(9).peerUrl);
      await update("addReplica", newcomer(9));
      for (const id of [4, 5]) await update("addReplica", newcomer(id));
      await until("both vote", () => cluster.voters().length === 5);
      cluster.down.clear();
      const last = await update("removeReplica", { id: 2 });
      await settled(last.generation);
      assert.equal(cluster.voters().length, 5);
      const described = await temporal.client.workflow.getHandle(messages.coordinatorWorkflowId(name)).describe();
      assert.notEqual(described.raw.workflowExecutionInfo?.firstRunId, described.runId, "it went on as new");
    }));

  test("a coordinator started from nothing goes on from what the replicas hold", () => {
    const cluster = createFakeCluster([1, 2, 3]);
    const joining = { ...newcomer(4), id: 4, voter: true, incarnation: null, leaving: false };
    const members = cluster.members.members.map((m) => (m.id === 3 ? { ...m, leaving: true } : m));
    cluster.members = { ...cluster.members, nextId: 5, members: [...members, joining] } as unknown as typeof cluster.members;
    const body = async ({ now }: Run) => {
      await until("settled", async () => (await now()).phase === "settled" && cluster.members.removed.length === 1);
      assert.deepEqual(cluster.voters(), [1, 2, 4]);
      assert.ok((await now()).generation > 1_000_000, "above what an earlier coordinator counted");
    };
    return withCoordinator([1, 2, 3], "restart", {}, body, cluster);
  });

  test("removing the coordinator's datacenter hands the coordinator over, and this one stops", () =>
    withCoordinator([1, 2, 3], "hand-over", {}, async ({ cluster, update, handle }) => {
      cluster.down.add(newcomer(9).peerUrl);
      await update("addReplica", newcomer(9));
      await update("removeReplica", { id: 1 });
      await handle.result();
      assert.equal(cluster.members.coordinator, 2);
      assert.equal(cluster.members.members.find((m) => m.id === 1)?.leaving, true);
      assert.deepEqual(cluster.forwarded, [{ name: "addReplica", argument: { ...newcomer(9), voter: true } }]);
    }));

  test("two at once: the one that was taken over stops, no id is given twice, and what the newer one is asked comes true", () =>
    withCoordinator([1, 2, 3], "taken-over", {}, async ({ cluster, update, handle }) => {
      cluster.changeMs = 400;
      await update("addReplica", newcomer(4));
      await until("4 is admitted", () => cluster.members.nextId > 4);
      // The first one is not told, and is asked for one more.
      cluster.members = { ...cluster.members, coordinator: 2 as never };
      await withCoordinator(
        [1, 2, 3],
        "taken-over-by",
        {},
        async (second) => {
          // Whether it still takes that or has stopped: nothing may come of it.
          const late = update("addReplica", newcomer(6)).catch(() => null);
          const { generation } = await second.update("addReplica", newcomer(5));
          await late;
          await second.settled(generation);
          await handle.result();
        },
        cluster,
      );
      assert.deepEqual(cluster.voters(), [1, 2, 3, 4, 5]);
      assert.deepEqual(
        cluster.members.members.map(({ id, name }) => [id, name]),
        [1, 2, 3, 4, 5].map((id) => [id, newcomer(id).name]),
      );
      assert.deepEqual(
        cluster.chain.map(({ epoch }) => epoch),
        cluster.chain.map((_, i) => i + 1),
      );
    }));

  test("a replica's URLs are changed without an epoch, and those of another are refused", () =>
    withCoordinator([1, 2, 3], "move", {}, async ({ cluster, update, settled }) => {
      const { generation } = await update("updateReplica", { id: 2, peerUrl: "http://10.0.1.2:7111" });
      await settled(generation);
      const [, moved] = cluster.members.members;
      assert.deepEqual([moved?.peerUrl, moved?.apiUrl], ["http://10.0.1.2:7111", newcomer(2).apiUrl]);
      assert.equal(cluster.chain.length, 1);
      assert.equal((await refusal(update("updateReplica", { id: 2, peerUrl: newcomer(3).peerUrl }))).code, "badRequest");
    }));
});
