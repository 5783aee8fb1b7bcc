import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as messages from "../../workflows/messages.ts";
import { newcomer } from "./support/cluster.ts";
import { refusal, setUp, tearDown, temporal, until, withCoordinator } from "./support/coordinator.ts";

before(setUp);
after(tearDown);

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

  test("many at once go in one epoch", () =>
    withCoordinator([1, 2, 3, 4, 5, 6, 7], "remove-many", { batchMs: 10_000 }, async ({ cluster, update, settled }) => {
      cluster.consensusMs = 50;
      const { generation } = await update("setReplicas", { replicas: [1, 2, 3].map(newcomer) });
      await settled(generation);
      assert.deepEqual(
        cluster.chain.map(({ voters }) => voters),
        [
          [1, 2, 3, 4, 5, 6, 7],
          [1, 2, 3],
        ],
      );
      assert.deepEqual(cluster.members.removed, [4, 5, 6, 7]);
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
