/** One coordinator after the other. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createTemporal } from "../../server/temporal.ts";
import { startWorker } from "../../server/worker.ts";
import * as messages from "../../workflows/messages.ts";
import { createFakeCluster, fakeReplica, newcomer } from "./support/cluster.ts";
import { log, type Run, setUp, tearDown, temporal, until, withCoordinator } from "./support/coordinator.ts";

before(setUp);
after(tearDown);

describe("the next coordinator", { concurrency: 4 }, () => {
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

  test("one that takes over in the same Temporal is told what still waits, though the old one has no worker any more", async () => {
    const cluster = createFakeCluster([1, 2, 3]);
    cluster.down.add(newcomer(9).peerUrl);
    let name = "";
    const lost = withCoordinator(
      [1, 2, 3],
      "taken-over-waiting",
      {},
      async (run) => {
        name = run.name;
        await run.update("addReplica", newcomer(9));
        await until("it stands in the memo", async () => {
          const { memo } = await run.handle.describe();
          return JSON.stringify(memo?.[messages.waitingMemo] ?? null).includes(newcomer(9).peerUrl);
        });
        // Its worker ends with this; the run would stay.
        throw new Error("datacenter 1 is lost");
      },
      cluster,
      { ends: false },
    );
    await assert.rejects(lost, /datacenter 1 is lost/);
    cluster.members = { ...cluster.members, coordinator: 2 as never };
    const replica = fakeReplica(cluster, 2);
    const settings = { cluster: name, address: temporal.address, namespace: temporal.namespace ?? "default" };
    const server = createTemporal({ settings, self: () => 2 as never, hasCoordinator: async () => true, log });
    const ends = new AbortController();
    const worker = startWorker({ settings, replica, log, signal: ends.signal, shutdownGraceMs: 100 });
    try {
      cluster.onLearn = (id, learnId) => void server.workflows.replicaStatusChanged({ id, status: "learning", epoch: 1, learnId } as never);
      await server.ensureWorkflows({ self: 2 as never, members: { coordinator: 2 as never } });
      cluster.down.clear();
      await until("9 votes", () => cluster.voters().length === 4);
    } finally {
      await temporal.client.workflow.getHandle(messages.coordinatorWorkflowId(name)).terminate("the test is over");
      ends.abort();
      await worker;
      await server.close();
    }
  });

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
});
