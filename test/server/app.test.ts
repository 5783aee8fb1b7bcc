/** Everything of the public API that is not about keys: cluster, instances, health, tokens, and what is refused everywhere. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { EpoxyError } from "../../protocol/errors.ts";
import type { InstanceRecord, Key } from "../../protocol/types.ts";
import { createMetrics } from "../../server/metrics.ts";
import { Secret } from "../../server/security.ts";
import { anInstance, fakeApp, fakeReplica, fakeReport } from "./fake-replica.ts";

async function portOf(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as { port: number }).port;
}

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

describe("/v1/cluster", () => {
  test("shows the members, and who votes", async (t) => {
    const view = { generation: 2, phase: "learning", since: 5, detail: "copying", workflowUrl: null };
    const { app } = fakeApp({ reconfiguration: async () => ({ ...view, replicas: [] }) });
    t.after(() => app.close());
    const body = (await app.inject({ url: "/v1/cluster" })).json();
    assert.deepEqual(
      { ...body, replicas: body.replicas.map(({ id, status }: { id: number; status: string }) => [id, status]) },
      {
        clusterId: "c1",
        name: "default",
        epoch: 2,
        coordinator: 1,
        replica: { id: 1, status: "active" },
        replicas: [
          [1, "active"],
          [2, "active"],
          [3, "learning"],
          [4, "leaving"],
          [5, "joining"],
        ],
        reconfiguration: view,
      },
    );
    assert.deepEqual(body.replicas[1], {
      id: 2,
      name: "dc-2",
      status: "active",
      peerUrl: "http://127.0.0.1:7121",
      apiUrl: "http://127.0.0.1:7120",
    });
  });

  test("is there before the replica has an identity, and without the coordinator", async (t) => {
    const report = fakeReport({
      status: "joining",
      clusterId: null,
      clusterName: null,
      self: null,
      epoch: 0,
      voters: [],
      members: null,
      quorum: false,
    });
    const { app } = fakeApp({
      replica: fakeReplica({ report: () => report }),
      reconfiguration: () => Promise.reject(new Error("Temporal is down")),
    });
    t.after(() => app.close());
    const response = await app.inject({ url: "/v1/cluster" });
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), {
      clusterId: null,
      name: null,
      epoch: 0,
      coordinator: null,
      replica: { id: null, status: "joining" },
      replicas: [],
      reconfiguration: null,
    });
  });

  const four = { name: "dc-4", peerUrl: "http://h:1", apiUrl: "http://h:2" };
  const changes: {
    method: "POST" | "PUT" | "PATCH" | "DELETE";
    url: string;
    payload?: object;
    asked: { name: string; argument: unknown };
    answer?: object;
  }[] = [
    {
      method: "POST",
      url: "/v1/cluster/replicas",
      payload: four,
      asked: { name: "addReplica", argument: four },
      answer: { generation: 3, id: 6 },
    },
    {
      method: "POST",
      url: "/v1/cluster/replicas",
      payload: { ...four, voter: false },
      asked: { name: "addReplica", argument: { ...four, voter: false } },
      answer: { generation: 3, id: 6 },
    },
    { method: "DELETE", url: "/v1/cluster/replicas/3", asked: { name: "removeReplica", argument: { id: 3 } } },
    {
      method: "POST",
      url: "/v1/cluster/replicas/3/replace",
      payload: four,
      asked: { name: "replaceReplica", argument: { id: 3, by: four } },
    },
    {
      method: "PATCH",
      url: "/v1/cluster/replicas/3",
      payload: { apiUrl: "http://h:9" },
      asked: { name: "updateReplica", argument: { id: 3, apiUrl: "http://h:9" } },
    },
    {
      method: "PUT",
      url: "/v1/cluster/replicas",
      payload: { replicas: [four], expectedGeneration: 2 },
      asked: { name: "setReplicas", argument: { replicas: [four], expectedGeneration: 2 } },
    },
    {
      method: "POST",
      url: "/v1/cluster/cancel",
      payload: { generation: 2 },
      asked: { name: "cancelReconfiguration", argument: { generation: 2 } },
    },
    { method: "POST", url: "/v1/cluster/cancel", asked: { name: "cancelReconfiguration", argument: { generation: 8 } } },
  ];
  for (const { method, url, payload, asked, answer = { generation: 3 } } of changes) {
    test(`${method} ${url} ${JSON.stringify(payload ?? "")} goes to the coordinator`, async (t) => {
      const { app, replica } = fakeApp({
        reconfiguration: async () => ({ generation: 8, phase: "learning", since: 1, detail: "", workflowUrl: null, replicas: [] }),
      });
      t.after(() => app.close());
      const response = await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
      assert.equal(response.statusCode, 202, response.body);
      assert.deepEqual(response.json(), answer);
      assert.deepEqual(replica.asked, [asked]);
    });
  }

  const wrong: { method: "POST" | "PUT" | "PATCH" | "DELETE"; url: string; payload?: object; says: RegExp }[] = [
    { method: "POST", url: "/v1/cluster/replicas", says: /body/ },
    { method: "POST", url: "/v1/cluster/replicas", payload: { name: "dc-4", peerUrl: "http://h:1" }, says: /apiUrl/ },
    { method: "POST", url: "/v1/cluster/replicas", payload: { ...four, voter: "yes" }, says: /body\.voter must be boolean/ },
    { method: "POST", url: "/v1/cluster/replicas", payload: { ...four, x: 1 }, says: /not known: "x"/ },
    { method: "POST", url: "/v1/cluster/replicas", payload: { ...four, name: "a/b" }, says: /body\.name/ },
    { method: "POST", url: "/v1/cluster/replicas", payload: { ...four, peerUrl: "http://" }, says: /body\.peerUrl must be a URL/ },
    { method: "PUT", url: "/v1/cluster/replicas", payload: { replicas: [] }, says: /body\.replicas/ },
    {
      method: "PUT",
      url: "/v1/cluster/replicas",
      payload: { replicas: [four, { ...four, apiUrl: 7 }] },
      says: /body\.replicas\[1\]\.apiUrl must be string/,
    },
    {
      method: "PUT",
      url: "/v1/cluster/replicas",
      payload: { replicas: [four], expectedGeneration: "2" },
      says: /expectedGeneration must be integer/,
    },
    { method: "PATCH", url: "/v1/cluster/replicas/3", payload: {}, says: /body/ },
    { method: "DELETE", url: "/v1/cluster/replicas/0", says: /an integer from 1/ },
    { method: "DELETE", url: "/v1/cluster/replicas/dc-3", says: /an integer from 1/ },
    { method: "POST", url: "/v1/cluster/cancel", payload: { generation: "2" }, says: /body\.generation/ },
    { method: "POST", url: "/v1/cluster/cancel", says: /name the one to cancel/ },
  ];
  for (const { method, url, payload, says } of wrong) {
    test(`${method} ${url} ${JSON.stringify(payload ?? "")} is refused`, async (t) => {
      const { app, replica } = fakeApp();
      t.after(() => app.close());
      const response = await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
      assert.equal(response.statusCode, 400, response.body);
      assert.match(response.json().error.message, says);
      assert.deepEqual(replica.asked, []);
    });
  }

  test("what the coordinator says comes through", async (t) => {
    const replica = fakeReplica({
      coordinatorRequest: () => Promise.reject(new EpoxyError("generationMismatch", "it is 4", { generation: 4 })),
    });
    const { app } = fakeApp({ replica });
    t.after(() => app.close());
    const response = await app.inject({ method: "DELETE", url: "/v1/cluster/replicas/3" });
    assert.equal(response.statusCode, 409);
    assert.deepEqual(response.json().error, { code: "generationMismatch", message: "it is 4", generation: 4 });
  });
});

const record: InstanceRecord = {
  id: anInstance,
  epoch: 1 as InstanceRecord["epoch"],
  phase: "committed",
  ballot: { epoch: 1 as InstanceRecord["epoch"], counter: 2, replica: 3 as InstanceRecord["ballot"]["replica"] },
  acceptedBallot: { epoch: 1 as InstanceRecord["epoch"], counter: 2, replica: 3 as InstanceRecord["ballot"]["replica"] },
  value: { seq: 5, entries: [{ commands: [{ kind: "add", key: "\xff" as Key, delta: 7n }], idempotency: null }] },
  deps: { floor: [[2 as never, 9 as never]], explicit: [anInstance] },
  initPayload: null,
  initDeps: null,
  executed: true,
  waitingCount: 0,
  path: "slow",
  outcomes: null,
  resubmittedAs: null,
};

describe("/v1/instances", () => {
  test("shows one instance, and what a recovery decided", async (t) => {
    const { app } = fakeApp({
      replica: fakeReplica({
        instance: async () => record,
        recover: async () => ({ ...record, value: "nop", executed: false, resubmittedAs: anInstance }),
      }),
    });
    t.after(() => app.close());
    assert.deepEqual((await app.inject({ url: "/v1/instances/1.7" })).json(), {
      instance: "1.7",
      status: "executed",
      epoch: 1,
      ballot: { epoch: 1, counter: 2, replica: 3 },
      commands: [{ kind: "add", key: { base64: "/w==" }, delta: "7" }],
      nop: false,
      deps: { floor: ["2.9"], explicit: ["1.7"] },
      seq: 5,
      path: "slow",
    });
    const recovered = (await app.inject({ method: "POST", url: "/v1/instances/1.7/recover" })).json();
    assert.deepEqual([recovered.status, recovered.nop, recovered.commands, recovered.resubmittedAs], ["committed", true, [], "1.7"]);
  });

  test("is 404 for one that is not there and 400 for what is none", async (t) => {
    const { app } = fakeApp();
    t.after(() => app.close());
    assert.equal((await app.inject({ url: "/v1/instances/1.8" })).statusCode, 404);
    for (const name of ["1", "0.1", "1.0", "a.b", "1.2.3"])
      assert.equal((await app.inject({ url: `/v1/instances/${name}` })).statusCode, 400, name);
  });
});

describe("health", () => {
  test("ready, and the reasons where not", async (t) => {
    const { app } = fakeApp();
    t.after(() => app.close());
    assert.equal((await app.inject({ url: "/healthz" })).statusCode, 200);
    assert.deepEqual((await app.inject({ url: "/readyz" })).json(), { ready: true, status: "active", epoch: 2 });
  });

  const rows = [
    { name: "the replica's problems", report: fakeReport({ problems: ["no quorum"], quorum: false }), outside: [], reasons: ["no quorum"] },
    { name: "the store's", report: fakeReport(), outside: ["Redis: appendfsync is everysec"], reasons: ["Redis: appendfsync is everysec"] },
    { name: "learning", report: fakeReport({ status: "learning" }), outside: [], reasons: ["this replica is learning"] },
  ];
  for (const { name, report, outside, reasons } of rows) {
    test(name, async (t) => {
      const { app } = fakeApp({ replica: fakeReplica({ report: () => report }), readyProblems: async () => outside });
      t.after(() => app.close());
      const response = await app.inject({ url: "/readyz" });
      assert.equal(response.statusCode, 503);
      assert.equal(response.headers["retry-after"], "1");
      assert.deepEqual(response.json(), { error: { code: "notReady", message: reasons.join("; "), reasons }, ready: false, reasons });
    });
  }

  test("metrics are those of the table, and a wrong name or label breaks nothing", async (t) => {
    const { meter, registry } = createMetrics(() => fakeReport());
    const { app } = fakeApp({ meter, metrics: registry });
    t.after(() => app.close());
    meter.count("epoxy_no_such_thing");
    meter.count("epoxy_commits_total", { colour: "red" });
    meter.observe("epoxy_proposal_seconds", 0.06, { path: "fast" });
    await app.inject({ url: "/healthz" });
    const text = (await app.inject({ url: "/metrics" })).body;
    assert.match(text, /epoxy_http_requests_total\{method="GET",route="\/healthz",status="200"\} 1/);
    assert.match(text, /epoxy_proposal_seconds_count\{path="fast"\} 1/);
    assert.match(text, /epoxy_meter_unknown_total\{name="epoxy_no_such_thing"\} 1/);
    assert.match(text, /epoxy_meter_unknown_total\{name="epoxy_commits_total"\} 1/);
    assert.match(text, /epoxy_voters 3/);
    assert.match(text, /epoxy_peer_lag_instances\{peer="3"\} 5/);
  });
});

test("the OpenAPI document has every route, and a page", async (t) => {
  const { app } = fakeApp();
  t.after(() => app.close());
  const { paths } = (await app.inject({ url: "/openapi.json" })).json() as { paths: Record<string, unknown> };
  const wanted = [
    "/v1/proposals",
    "/v1/kv",
    "/v1/kv/{*}",
    "/v1/watch",
    "/v1/backup",
    "/v1/cluster",
    "/v1/cluster/replicas",
    "/v1/cluster/replicas/{id}",
    "/v1/cluster/replicas/{id}/replace",
    "/v1/cluster/cancel",
    "/v1/cluster/takeover",
    "/v1/instances/{name}",
    "/v1/instances/{name}/recover",
    "/healthz",
    "/readyz",
    "/metrics",
  ];
  assert.deepEqual(Object.keys(paths).sort(), wanted.sort());
  assert.equal((await app.inject({ url: "/docs" })).statusCode, 200);
});

describe("refused everywhere", () => {
  const rows: {
    name: string;
    method: "GET" | "POST" | "PUT" | "OPTIONS" | "DELETE";
    url: string;
    status: number;
    code: string;
    allow?: string;
  }[] = [
    { name: "an unknown path", method: "GET", url: "/v2/kv/a", status: 404, code: "notFound" },
    { name: "an unknown path, POST", method: "POST", url: "/v1/nothing", status: 404, code: "notFound" },
    { name: "a method a path does not take", method: "GET", url: "/v1/proposals", status: 405, code: "methodNotAllowed", allow: "POST" },
    { name: "POST to a key", method: "POST", url: "/v1/kv/%FF", status: 405, code: "methodNotAllowed", allow: "DELETE, GET, HEAD, PUT" },
    { name: "OPTIONS", method: "OPTIONS", url: "/v1/cluster/replicas/3", status: 405, code: "methodNotAllowed", allow: "DELETE, PATCH" },
    { name: "the peers' path", method: "POST", url: "/v1/epoxy/message", status: 404, code: "notFound" },
    { name: "a path that cannot be decoded", method: "GET", url: "/v1/%FF", status: 400, code: "badRequest" },
  ];
  for (const { name, method, url, status, code, allow } of rows) {
    test(name, async (t) => {
      const { app } = fakeApp();
      t.after(() => app.close());
      const response = await app.inject({ method, url });
      assert.equal(response.statusCode, status, response.body);
      assert.equal(response.json().error.code, code);
      assert.equal(response.headers.allow, allow);
    });
  }

  test("what is not HTTP, too slow, or has endless headers", async (t) => {
    const { app } = fakeApp({ requestTimeoutMs: 300 });
    t.after(() => app.close());
    const port = await portOf(app);
    const garbage = await raw(port, "\x00\xff garbage\r\n\r\n");
    assert.match(garbage, /^HTTP\/1\.1 400 [\s\S]*"code":"badRequest"/);
    assert.match(
      await raw(port, "GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"),
      /^HTTP\/1\.1 400 /,
    );
    assert.match(
      await raw(port, `GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`),
      /^HTTP\/1\.1 413 [\s\S]*"code":"tooLarge"/,
    );
    assert.match(
      await raw(port, "PUT /v1/kv/a HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nslow"),
      /^HTTP\/1\.1 408 [\s\S]*"code":"requestTimeout"/,
    );
    const pipelined = await raw(
      port,
      "PUT /v1/kv/%FF HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nvGET /v1/kv/%FF HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert.equal(pipelined.match(/HTTP\/1\.1 200 OK/g)?.length, 2, pipelined);
    assert.match(pipelined, /\r\n\r\nv$/);
  });
});

describe("tokens", () => {
  const [read, write, admin] = ["read-token-0123456789", "write-token-0123456789", "admin-token-0123456789"];
  const tokens = [
    { scope: "read", token: new Secret(read as string) },
    { scope: "write", token: new Secret(write as string) },
    { scope: "admin", token: new Secret(admin as string) },
  ] as const;
  const rows: { method: "GET" | "PUT" | "DELETE"; url: string; token: string | undefined; status: number }[] = [
    { method: "GET", url: "/healthz", token: undefined, status: 200 },
    { method: "GET", url: "/v1/cluster", token: undefined, status: 401 },
    { method: "GET", url: "/v1/cluster", token: "guess", status: 401 },
    { method: "GET", url: "/v1/cluster", token: read, status: 200 },
    { method: "PUT", url: "/v1/kv/a", token: read, status: 403 },
    { method: "PUT", url: "/v1/kv/a", token: write, status: 200 },
    { method: "DELETE", url: "/v1/cluster/replicas/3", token: write, status: 403 },
    { method: "DELETE", url: "/v1/cluster/replicas/3", token: admin, status: 202 },
  ];
  for (const { method, url, token, status } of rows) {
    test(`${method} ${url} with ${token ?? "none"}: ${status}`, async (t) => {
      const { app } = fakeApp({ tokens });
      t.after(() => app.close());
      const response = await app.inject({ method, url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
      assert.equal(response.statusCode, status, response.body);
    });
  }
});
