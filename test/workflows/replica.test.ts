import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MockActivityEnvironment, type TestWorkflowEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createActivities } from "../../activities/index.ts";
import type { CopyResult } from "../../activities/learning.ts";
import type { Admitted } from "../../activities/membership.ts";
import type { ClusterView } from "../../activities/view.ts";
import type { Replica } from "../../proposals/api.ts";
import { PeerUnreachable } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { createTemporal } from "../../server/temporal.ts";
import { startWorker } from "../../server/worker.ts";
import * as messages from "../../workflows/messages.ts";
import { createFakeCluster, fakeReplica, newcomer } from "./support/cluster.ts";
import { recordHistory, startTemporal } from "./support/temporal.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const WAIT_MS = 10_000;

let temporal: TestWorkflowEnvironment;
before(async () => {
  temporal = await startTemporal();
});
after(() => temporal.teardown());

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `still not: ${what}`);
    await sleep(20);
  }
}

/** A learner whose sources hold `pages` pages each; those in `down` do not answer. */
function learner(pages: number) {
  const seen = { down: new Set<number>(), calls: [] as string[], reports: [] as string[], pageMs: 0 };
  const offered: Partial<Replica> = {
    report: () => ({ self: 4 }) as ReturnType<Replica["report"]>,
    async learnPage({ source, cursor }) {
      if (seen.down.has(source)) throw new PeerUnreachable(`replica ${source} is gone`);
      await sleep(seen.pageMs);
      seen.calls.push(`${source}:${cursor}`);
      const next = Number(cursor) + 1;
      return { cursor: String(next), copied: 100, done: next >= pages };
    },
    lag: async () => 3,
    async reportStatus({ learnId }) {
      seen.reports.push(learnId);
    },
  };
  return { seen, replica: offered as Replica };
}

describe("replica workflow, through this datacenter's server and worker", () => {
  async function withDatacenter(
    name: string,
    replica: Replica,
    body: (dc: { start(): Promise<void>; stop(): Promise<void>; temporal: ReturnType<typeof createTemporal> }) => Promise<void>,
  ) {
    const settings = { cluster: name, address: temporal.address, namespace: temporal.namespace ?? "default" };
    const self = () => replica.report().self;
    const hasCoordinator = async () => (await replica.changeMembers(() => null, WAIT_MS)).coordinator === self();
    const server = createTemporal({ settings, self, hasCoordinator, log });
    let running: { readonly ends: AbortController; readonly done: Promise<void> } | null = null;
    const start = async () => {
      const ends = new AbortController();
      running = { ends, done: startWorker({ settings, replica, log, signal: ends.signal, shutdownGraceMs: 100 }) };
    };
    const stop = async () => {
      running?.ends.abort();
      await running?.done;
    };
    try {
      await start();
      await body({ start, stop, temporal: server });
      await recordHistory(temporal, `replica-${name}`, messages.replicaWorkflowId(name, self() ?? 0));
    } finally {
      await stop();
      await server.close();
    }
  }

  test("copies, catches up, reports; the same learnId only reports again", async () => {
    const { seen, replica } = learner(3);
    await withDatacenter("learn", replica, async ({ temporal: server }) => {
      await server.workflows.beginLearning({ learnId: "a", sources: [1, 2] as never });
      await until("reported", () => seen.reports.length === 1);
      assert.deepEqual(seen.calls, ["1:", "1:1", "1:2"]);
      await server.workflows.beginLearning({ learnId: "a", sources: [1, 2] as never });
      await until("reported again", () => seen.reports.length === 2);
      assert.equal(seen.calls.length, 3);
      await server.workflows.beginLearning({ learnId: "b", sources: [2] as never });
      await until("learned anew", () => seen.reports.length === 3);
      assert.deepEqual(seen.calls.slice(3), ["2:", "2:1", "2:2"]);
      const progress = await temporal.client.workflow.getHandle(messages.replicaWorkflowId("learn", 4)).query(messages.progress);
      assert.deepEqual([progress.stage, progress.copied, progress.lag, progress.source], ["joined", 300, 3, 2]);
    });
  });

  test("goes on in another worker from the last heartbeat", async () => {
    const { seen, replica } = learner(60);
    seen.pageMs = 25;
    await withDatacenter("worker-restart", replica, async ({ start, stop, temporal: server }) => {
      await server.workflows.beginLearning({ learnId: "a", sources: [1] as never });
      await until("in the middle", () => seen.calls.length > 10);
      await stop();
      const before = seen.calls.length;
      await start();
      await until("reported", () => seen.reports.length === 1);
      assert.ok(seen.calls.length - before < 60, `${seen.calls.length - before} pages were copied by the second worker`);
    });
  });

  test("stops when told, and an unknown learnId stops nothing", async () => {
    const { seen, replica } = learner(10_000);
    seen.pageMs = 5;
    await withDatacenter("abort", replica, async ({ temporal: server }) => {
      await server.workflows.abortLearning({ learnId: "never begun" });
      await server.workflows.beginLearning({ learnId: "a", sources: [1] as never });
      await until("it copies", () => seen.calls.length > 3);
      await server.workflows.abortLearning({ learnId: "b" });
      await server.workflows.abortLearning({ learnId: "a" });
      const handle = temporal.client.workflow.getHandle(messages.replicaWorkflowId("abort", 4));
      await until("idle", async () => (await handle.query(messages.progress)).stage === "idle");
      let before = -1;
      await until("no more pages", async () => {
        const now = seen.calls.length;
        await sleep(50);
        [before] = [now];
        return seen.calls.length === before;
      });
      assert.deepEqual(seen.reports, []);
    });
  });

  test("the coordinator through the server: updates, refusals, what /v1/cluster shows", async () => {
    const cluster = createFakeCluster([1]);
    await withDatacenter("idle", fakeReplica(cluster, 1), async ({ temporal: server }) => {
      cluster.onLearn = (id, learnId) =>
        void server.workflows.replicaStatusChanged({ id: id as never, status: "learning", epoch: 1, learnId });
      assert.equal(await server.reconfiguration(), null);
      await server.ensureWorkflows({ self: 1 as never, members: { coordinator: 1 as never } });
      const { generation } = await server.workflows.coordinatorUpdate("addReplica", newcomer(2));
      assert.equal(generation, 1);
      const code = (error: unknown) => (error instanceof EpoxyError ? error.code : error);
      assert.equal(await server.workflows.coordinatorUpdate("removeReplica", { id: 9 }).catch(code), "badRequest");
      assert.equal(
        await server.workflows.coordinatorUpdate("setReplicas", { replicas: [], expectedGeneration: 7 }).catch(code),
        "generationMismatch",
      );
      assert.equal(await server.workflows.coordinatorUpdate("noSuchUpdate", {}).catch(code), "badRequest");
      await until("settled", async () => (await server.reconfiguration())?.phase === "settled" && cluster.voters().length === 2);
    });
  });

  test("in a shared Temporal the run of the datacenter that had the coordinator gives way, once the members say so", async () => {
    const name = "shared";
    const cluster = createFakeCluster([1, 2]);
    const workflowId = messages.coordinatorWorkflowId(name);
    const taskQueue = async () => (await temporal.client.workflow.getHandle(workflowId).describe()).taskQueue;
    // Datacenter 1 is lost with its worker: its run never ends by itself.
    await temporal.client.workflow.start("coordinator", {
      workflowId,
      taskQueue: messages.taskQueueName(name, 1),
      args: [{ cluster: name, datacenter: 1 }],
    });
    await withDatacenter(name, fakeReplica(cluster, 2), async ({ temporal: server }) => {
      const believed = { self: 2 as never, members: { coordinator: 2 as never } };
      await server.ensureWorkflows(believed);
      assert.equal(await taskQueue(), messages.taskQueueName(name, 1), "what one datacenter believes ends nobody's run");
      cluster.members = { ...cluster.members, coordinator: 2 as never };
      await server.ensureWorkflows(believed);
      assert.equal(await taskQueue(), messages.taskQueueName(name, 2));
      await server.workflows.coordinatorUpdate("removeReplica", { id: 1 });
      await until("1 is removed", async () => cluster.voters().join() === "2" && cluster.members.removed.join() === "1");
    });
  });
});

/** Silent: that an activity fails is what some tests are about. */
function environment(info: ConstructorParameters<typeof MockActivityEnvironment>[0] = {}): MockActivityEnvironment {
  return new MockActivityEnvironment(info, { logger: new DefaultLogger("ERROR", () => undefined) });
}

describe("activities", () => {
  test("learn resumes where the heartbeat says", async () => {
    const { seen, replica } = learner(5);
    const { learn } = createActivities({ replica, log });
    const context = environment({ heartbeatDetails: { source: 2, cursor: "3", copied: 300 } });
    const result = (await context.run(learn, { learnId: "a", sources: [1, 2], from: null, chunkMs: 60_000 })) as CopyResult;
    assert.deepEqual(seen.calls, ["2:3", "2:4"]);
    assert.deepEqual([result.done, result.copied], [true, 500]);
  });

  test("learn turns to the next source, whose copy begins anew", { timeout: 10_000 }, async () => {
    const { seen, replica } = learner(2);
    seen.down.add(1);
    const { learn } = createActivities({ replica, log });
    const result = (await environment().run(learn, {
      learnId: "a",
      sources: [1, 2],
      from: { source: 1, cursor: "1", copied: 100 },
      chunkMs: 60_000,
    })) as CopyResult;
    assert.deepEqual(seen.calls, ["2:", "2:1"]);
    assert.equal(result.source, 2);
  });

  test("an activity beats as long as it lasts, with what it told last", async () => {
    const { learn } = createActivities({
      replica: {
        async learnPage() {
          await sleep(1_200);
          return { cursor: "1", copied: 7, done: true };
        },
      } as unknown as Replica,
      log,
    });
    const context = environment();
    const beats: unknown[] = [];
    context.on("heartbeat", (details) => beats.push(details));
    await context.run(learn, { learnId: "a", sources: [1], from: null, chunkMs: 60_000 });
    const begun = { source: 1, cursor: "", copied: 0 };
    assert.deepEqual(beats, [begun, begun, { source: 1, cursor: "1", copied: 7 }]);
  });

  test("an admission that is run twice gives one id", async () => {
    const cluster = createFakeCluster([1]);
    const { admitMember } = createActivities({ replica: fakeReplica(cluster, 1), log });
    const input = { member: { ...newcomer(2), voter: true }, incarnation: "x" };
    const first = (await environment().run(admitMember, input)) as Admitted;
    const second = (await environment().run(admitMember, input)) as Admitted;
    assert.deepEqual([first.id, second.id, cluster.members.nextId], [2, 2, 3]);
  });

  test("only the coordinator's datacenter changes members", async () => {
    const cluster = createFakeCluster([1, 2]);
    const { dropMember } = createActivities({ replica: fakeReplica(cluster, 2), log });
    await assert.rejects(() => environment().run(dropMember, { id: 5 }), { type: "notCoordinator", nonRetryable: true });
  });

  test("a change of voters decided upon an outdated epoch does nothing", async () => {
    const cluster = createFakeCluster([1, 2, 3]);
    cluster.chain.push({ epoch: 2, voters: [1, 2] });
    const { changeVoters } = createActivities({ replica: fakeReplica(cluster, 1), log });
    const view = (await environment().run(changeVoters, { epoch: 1, voters: [1, 2, 3, 4] })) as ClusterView;
    assert.deepEqual([view.epoch, view.voters], [2, [1, 2]]);
  });
});
