/** The names that interface.md gives to what stands in Temporal, as somebody uses them who knows nothing else of the project. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, Connection, WorkflowUpdateFailedError } from "@temporalio/client";
import { type Answer, bodyOf, type ErrorAnswer, eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";

type Member = { readonly id: number; readonly name: string; readonly status: string; readonly peerUrl: string; readonly apiUrl: string };
type ClusterBody = {
  readonly epoch: number;
  readonly coordinator: number;
  readonly replicas: readonly Member[];
  readonly reconfiguration: { readonly generation: number; readonly phase: string; readonly workflowUrl: string | null } | null;
};
const json = { "content-type": "application/json" };
const patienceMs = 40_000;

describe("Temporal", () => {
  let cluster: TestCluster;
  let connection: Connection;
  let client: Client;
  let fourth: TestDatacenter | null = null;
  before(async () => {
    cluster = await startCluster();
    connection = await Connection.connect({ address: cluster.view.temporal.address });
    client = new Client({ connection, namespace: cluster.view.temporal.namespace });
  });
  after(async () => {
    await connection?.close();
    await fourth?.end();
    await cluster?.end();
  });
  const coordinator = () => client.workflow.getHandle("epoxy/default/coordinator");
  const details = async () =>
    (await coordinator().query<{ currentDetails?: string }, []>("__temporal_workflow_metadata")).currentDetails ?? "";
  const view = async (datacenter: number) => bodyOf<ClusterBody>(await cluster.api(datacenter).ask("GET", "/v1/cluster"), 200);
  const names = async () => (await view(2)).replicas.filter(({ status }) => status === "active").map(({ name }) => name);
  const asked = ({ id, name, peerUrl, apiUrl }: Member) => ({ id, name, peerUrl, apiUrl });
  const attributes = async () => {
    const { searchAttributes } = await coordinator().describe();
    return ["EpoxyPhase", "EpoxyDatacenter", "EpoxyEpoch", "EpoxyVoters"].map((name) => searchAttributes[name]);
  };

  test("the coordinator's workflow and one of each replica, on their datacenters' queues", async () => {
    const found = [];
    for (const id of ["coordinator", "replica/1", "replica/2", "replica/3"]) {
      const { type, taskQueue, status } = await client.workflow.getHandle(`epoxy/default/${id}`).describe();
      found.push([id, type, taskQueue, status.name]);
    }
    assert.deepEqual(found, [
      ["coordinator", "coordinator", "epoxy-default-dc-1", "RUNNING"],
      ["replica/1", "replica", "epoxy-default-dc-1", "RUNNING"],
      ["replica/2", "replica", "epoxy-default-dc-2", "RUNNING"],
      ["replica/3", "replica", "epoxy-default-dc-3", "RUNNING"],
    ]);
  });

  test("its queries, and the search attributes by which it is found", async () => {
    const { epoch, replicas } = await view(1);
    const config = await coordinator().query<{ epoch: number; coordinator: number; replicas: readonly Member[] }, []>("clusterConfig");
    assert.deepEqual([config.epoch, config.coordinator, config.replicas.map(({ id }) => id)], [epoch, 1, replicas.map(({ id }) => id)]);
    await eventually("it is settled", patienceMs, async () => (await view(1)).reconfiguration?.phase === "settled");
    const { phase, generation } = await coordinator().query<{ phase: string; generation: number }, []>("reconfiguration");
    assert.deepEqual([phase, generation], ["settled", (await view(3)).reconfiguration?.generation]);
    const history = await coordinator().query<readonly { text: string }[], []>("history");
    assert.ok(history.length > 0 && history.length <= 100);
    const progress = await client.workflow.getHandle("epoxy/default/replica/3").query<{ stage: string }, []>("progress");
    assert.equal(typeof progress.stage, "string");
    await eventually("its attributes follow", patienceMs, async () => {
      const [phases, datacenters, epochs, voters] = await attributes();
      return `${phases}|${datacenters?.length}|${epochs}|${voters?.length}` === `settled|1|${epoch}|3`;
    });
    const found: string[] = [];
    await eventually("a search finds it", patienceMs, async () => {
      for await (const { workflowId } of client.workflow.list({ query: `EpoxyPhase = "settled" AND EpoxyEpoch = ${epoch}` }))
        found.push(workflowId);
      return found.includes("epoxy/default/coordinator");
    });
  });

  test("a whole change by signals alone: refusals, progress and the end stand in the details", async () => {
    await coordinator().signal("addReplica", { nme: "dc-4" });
    await eventually("the refusal can be read", patienceMs, async () => /addReplica.*refused|refused.*addReplica/i.test(await details()));
    fourth = await startDatacenter(cluster, "dc-4");
    const { peerUrl, apiUrl } = fourth;
    await coordinator().signal("addReplica", { name: "dc-4", peerUrl, apiUrl });
    await eventually("dc-4 votes", patienceMs, async () => (await names()).includes("dc-4"));
    await eventually("it is settled", patienceMs, async () => /\*\*settled\*\*/.test(await details()));
    assert.match(await details(), /dc-4/);
    const { replicas } = await view(2);
    const id = replicas.find(({ name }) => name === "dc-4")?.id;
    assert.equal(id, 4);
    await eventually("four voters are found", patienceMs, async () => (await attributes())[3]?.length === 4);
    await coordinator().signal("removeReplica", { id });
    await eventually("dc-4 is gone", patienceMs, async () => (await view(1)).replicas.length === 3);
  });

  test("updates are validated, answered at once with the generation, and can be waited for", async () => {
    const refused = async (name: string, argument: object) => {
      await assert.rejects(coordinator().executeUpdate(name, { args: [argument] }), WorkflowUpdateFailedError);
    };
    await refused("addReplica", { name: "a b", peerUrl: "http://127.0.0.1:1", apiUrl: "http://127.0.0.1:2" });
    await refused("removeReplica", { id: 99 });
    await refused("setReplicas", { replicas: [] });
    await refused("cancelReconfiguration", { generation: 999 });
    const replicas = (await view(1)).replicas.map(asked);
    type Accepted = { readonly generation: number };
    const { generation } = await coordinator().executeUpdate<Accepted, [object]>("setReplicas", { args: [{ replicas }] });
    await refused("setReplicas", { replicas, expectedGeneration: generation + 5 });
    await coordinator().executeUpdate("awaitSettled", { args: [{ generation, ms: 10_000 }] });
    assert.equal((await view(1)).reconfiguration?.phase, "settled");
  });

  test("over HTTP any datacenter takes the same: 202, 400, 409", async () => {
    const ask = (datacenter: number, method: string, path: string, body?: object): Promise<Answer> =>
      cluster.api(datacenter).ask(method, `/v1/cluster${path}`, body === undefined ? {} : { body: JSON.stringify(body), headers: json });
    const { replicas } = await view(3);
    const { generation } = bodyOf<{ generation: number }>(await ask(3, "PUT", "/replicas", { replicas }), 202);
    const stale = await ask(2, "PUT", "/replicas", { replicas: replicas.map(asked), expectedGeneration: generation + 7 });
    assert.equal(bodyOf<ErrorAnswer>(stale, 409).error.code, "generationMismatch");
    for (const answer of [
      await ask(2, "DELETE", "/replicas/99"),
      await ask(3, "PATCH", "/replicas/99", { apiUrl: "http://127.0.0.1:9" }),
      await ask(3, "POST", "/replicas/99/replace", { name: "x", peerUrl: "http://127.0.0.1:8", apiUrl: "http://127.0.0.1:9" }),
      await ask(2, "POST", "/replicas", { name: "dc-1", peerUrl: "http://127.0.0.1:8", apiUrl: "http://127.0.0.1:9" }),
      await ask(2, "POST", "/cancel", { generation: 999 }),
      await ask(2, "POST", "/cancel"),
    ])
      assert.ok([400, 409].includes(answer.status), `${answer.status} ${answer.text}`);
    const third = replicas[2] as Member;
    bodyOf(await ask(2, "PATCH", "/replicas/3", { apiUrl: third.apiUrl.replace("127.0.0.1", "localhost") }), 202);
    await eventually("it is seen", patienceMs, async () => (await view(1)).replicas[2]?.apiUrl.includes("localhost") === true);
    bodyOf(await ask(2, "PATCH", "/replicas/3", { apiUrl: third.apiUrl }), 202);
  });

  test("while it hangs: changes are refused with 503, the rest goes on; afterwards all is as before", async () => {
    const pid = cluster.view.temporal.pid as number;
    process.kill(pid, "SIGSTOP");
    try {
      for (const datacenter of [1, 2]) {
        const answer = await cluster.api(datacenter).ask("DELETE", "/v1/cluster/replicas/99");
        const { error } = bodyOf<ErrorAnswer>(answer, 503);
        assert.equal(error.code, "coordinatorUnreachable");
        assert.ok(Number(answer.headers["retry-after"]) >= 1);
        assert.equal((await view(datacenter)).reconfiguration, null);
        bodyOf(await cluster.api(datacenter).put("while Temporal hangs", "written"), 200);
        assert.equal(await cluster.api(datacenter).isReady(), true);
      }
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await eventually("it answers again", patienceMs, async () => (await view(2)).reconfiguration?.phase === "settled");
  });
});
