/** A coordinator that goes on as new again and again while it is asked for more. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Worker } from "@temporalio/worker";
import { createTemporal } from "../../server/temporal.ts";
import { workflowBundle } from "../../server/workflow-bundle.ts";
import * as messages from "../../workflows/messages.ts";
import { newcomer } from "./support/cluster.ts";
import { log, setUp, tearDown, temporal, until, withCoordinator } from "./support/coordinator.ts";

before(setUp);
after(tearDown);

const changesEach = 40;
/** The ids whose addresses are changed: by updates, as the servers send them, and by signals. */
const byUpdate = [2, 3, 4];
const bySignal = [5, 6];

const moved = (id: number, n: number) => `http://10.${id}.0.${n}:7111`;

// Every message changes the desired set, and every change counts the generation up by one: what was lost would be missing there, and
// what was taken twice is no change.
test("no update and no signal is lost while it goes on as new under load", () =>
  withCoordinator([1, 2, 3, 4, 5, 6], "continue-as-new-under-load", { historyEventsMax: 30 }, async (run) => {
    const settings = { cluster: run.name, address: temporal.address, namespace: temporal.namespace ?? "default" };
    const server = createTemporal({ settings, self: () => 1 as never, hasCoordinator: async () => true, log });
    await until("the cluster is read", async () => (await run.handle.query(messages.clusterConfig)) !== null);
    const first = (await run.now()).generation;
    const updates = byUpdate.map(async (id) => {
      let last = 0;
      for (let n = 1; n <= changesEach; n++) {
        const { generation } = (await server.workflows.coordinatorUpdate("updateReplica", {
          id,
          peerUrl: moved(id, n),
        })) as messages.Accepted;
        assert.ok(generation > last, `generation ${generation} after ${last}`);
        last = generation;
      }
    });
    const signals = bySignal.map(async (id) => {
      for (let n = 1; n <= changesEach; n++) await run.handle.signal(messages.changeSignal("updateReplica"), { id, peerUrl: moved(id, n) });
    });
    try {
      await Promise.all([...updates, ...signals]);
    } finally {
      await server.close();
    }
    const last = first + changesEach * (byUpdate.length + bySignal.length);
    await until("every change was taken", async () => (await run.now()).generation >= last);
    assert.equal((await run.now()).generation, last);
    await run.settled(last);
    const urls = run.cluster.members.members.map(({ peerUrl }) => peerUrl);
    assert.deepEqual(urls, [newcomer(1).peerUrl, ...[...byUpdate, ...bySignal].map((id) => moved(id, changesEach))]);
    await replaysWhole(run.name);
  }));

/** Every run that went on as another, of which there must be some. The last one may not have had its first task: of that there is nothing to replay, and the replayer would wait for ever. */
async function replaysWhole(name: string): Promise<void> {
  const workflowId = messages.coordinatorWorkflowId(name);
  let runs = 0;
  const bundle = await workflowBundle();
  for await (const { runId, status } of temporal.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    if (status.name !== "CONTINUED_AS_NEW") continue;
    const history = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: bundle }, history, workflowId);
    runs++;
  }
  assert.ok(runs >= 5, `it went on as new ${runs} times`);
}
