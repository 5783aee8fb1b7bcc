/** Bad input on the real ports: the documented answer, nothing proposed, and the process stays up. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { instanceId } from "../../protocol/ids.ts";
import type { PeerRequest, ReplyEnvelope, RequestHeader } from "../../protocol/messages.ts";
import type { Epoch, ReplicaId, Slot } from "../../protocol/types.ts";
import { decodeReply, encodeRequest } from "../../protocol/wire/versioned.ts";
import { type Answer, apiAt, bodyOf } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { newcomerHeader } from "../support/wire-examples.ts";

const json = { "content-type": "application/json" };
const set = (key: string, value: unknown) => ({ kind: "set", key, value });
const commands = (...list: unknown[]) => JSON.stringify({ commands: list });

describe("bad input", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({});
  });
  after(() => cluster.end());

  const proposals: readonly {
    readonly name: string;
    readonly body: string;
    readonly headers?: Record<string, string>;
    readonly status: number;
    readonly code: string;
  }[] = [
    { name: "malformed JSON", body: '{"commands":[', status: 400, code: "badRequest" },
    { name: "not an object", body: "[]", status: 400, code: "badRequest" },
    { name: "an unknown kind", body: commands({ kind: "increment", key: "bad" }), status: 400, code: "badRequest" },
    { name: "an unknown field", body: commands({ kind: "get", key: "bad", lock: true }), status: 400, code: "badRequest" },
    { name: "an empty key", body: commands(set("", "x")), status: 400, code: "badRequest" },
    { name: "a key of 1,025 bytes", body: commands(set("k".repeat(1025), "x")), status: 400, code: "badRequest" },
    { name: "a value over 1 MiB", body: commands(set("bad", "v".repeat(1024 * 1024 + 1))), status: 413, code: "tooLarge" },
    {
      name: "a request over 4 MiB",
      body: commands(...Array.from({ length: 5 }, () => set("bad", "v".repeat(1000 * 1000)))),
      status: 413,
      code: "tooLarge",
    },
    {
      name: "513 commands",
      body: commands(...Array.from({ length: 513 }, (_, i) => set(`bad/${i}`, "x"))),
      status: 400,
      code: "badRequest",
    },
    { name: "no commands", body: commands(), status: 400, code: "badRequest" },
    { name: "bad base64", body: commands(set("bad", { base64: "***" })), status: 400, code: "badRequest" },
    { name: "a value of the wrong type", body: commands(set("bad", 7)), status: 400, code: "badRequest" },
    { name: "a delta that is no integer", body: commands({ kind: "add", key: "bad", delta: 1.5 }), status: 400, code: "badRequest" },
    {
      name: "an empty expectOneOf",
      body: commands({ kind: "checkAndSet", key: "bad", expectOneOf: [], newValue: "x" }),
      status: 400,
      code: "badRequest",
    },
    {
      name: "a nested txn",
      body: commands({ kind: "txn", checks: [], commands: [{ kind: "txn", checks: [], commands: [] }] }),
      status: 400,
      code: "badRequest",
    },
    {
      name: "the wrong content type",
      body: commands(set("bad", "x")),
      headers: { "content-type": "text/plain" },
      status: 415,
      code: "unsupportedMediaType",
    },
    {
      name: "a timeout that is none",
      body: commands(set("bad", "x")),
      headers: { ...json, "epoxy-timeout-ms": "soon" },
      status: 400,
      code: "badRequest",
    },
  ];
  for (const { name, body, headers, status, code } of proposals) {
    test(`${name}: ${status} ${code}`, async () => {
      refusedWith(await cluster.api(1).ask("POST", "/v1/proposals", { body, headers: headers ?? json }), status, code);
    });
  }

  test("other paths and methods", async () => {
    const api = cluster.api(2);
    refusedWith(await api.ask("GET", "/v1/nothing"), 404, "notFound");
    refusedWith(await api.ask("GET", "/v1/proposals"), 405, "methodNotAllowed");
    refusedWith(await api.ask("GET", "/v1/kv/bad?read=eventual"), 400, "badRequest");
    refusedWith(await api.ask("GET", "/v1/instances/nonsense"), 400, "badRequest");
    refusedWith(await api.ask("PUT", `/v1/kv/${"k".repeat(1025)}`, { body: "x" }), 400, "badRequest");
    refusedWith(await api.ask("PUT", "/v1/kv/bad", { body: Buffer.alloc(1024 * 1024 + 1) }), 413, "tooLarge");
  });

  test("garbage, another version and another content type on the peer port", async () => {
    const peer = apiAt(cluster.view.datacenters[0]?.peer ?? "");
    const bare = { "content-type": "application/octet-stream" };
    const path = "/v1/epoxy/message";
    for (const body of [Buffer.alloc(0), Buffer.from("garbage"), Buffer.alloc(64, 0xff), Buffer.alloc(100_000, 7)]) {
      refusedWith(await peer.ask("POST", path, { body, headers: bare }), 400, "badRequest");
    }
    const unknown = await peer.ask("POST", "/v9/epoxy/message", { body: Buffer.from("x"), headers: bare });
    refusedWith(unknown, 404, "unsupportedVersion");
    assert.deepEqual((JSON.parse(unknown.text) as { versions: number[] }).versions, [1]);
    refusedWith(await peer.ask("POST", path, { body: "{}", headers: json }), 415, "unsupportedMediaType");
  });

  test("a member that lies about what is decided, and one that asks the coordinator in no JSON", async () => {
    const answer = bodyOf<{ instance: string }>(
      await cluster.api(1).ask("POST", "/v1/proposals", { body: commands({ kind: "get", key: "bad" }), headers: json }),
      200,
    );
    const [column = 0, slot = 0] = answer.instance.split(".").map(Number);
    const commit = {
      kind: "commit",
      id: instanceId(column as ReplicaId, slot as Slot),
      value: "nop",
      deps: { floor: [], explicit: [] },
    } as const;
    const { header } = await say(1, newcomerHeader, [{ kind: "healthCheck" }]);
    const { replies: hello } = await say(2, newcomerHeader, [{ kind: "healthCheck" }]);
    const [told] = hello;
    assert.ok(told?.kind === "healthOk");
    const liar: RequestHeader = {
      ...newcomerHeader,
      clusterId: told.clusterId,
      from: 2 as ReplicaId,
      to: 1 as ReplicaId,
      incarnation: told.incarnation,
      epoch: header.epoch as Epoch,
    };
    const { replies } = await say(1, liar, [
      { ...commit, epoch: liar.epoch },
      { kind: "coordinatorRequest", name: "addReplica", argument: "{" },
    ]);
    assert.deepEqual(
      replies.map((reply) => (reply.kind === "refused" ? reply.code : reply.kind)),
      ["contradiction", "badRequest"],
    );
    assert.match((await cluster.api(1).ask("GET", "/metrics")).text, /^epoxy_contradictions_total 1$/m);
  });

  /** As the member, or the newcomerHeader, that the header names; the cluster of this test has no secrets. */
  async function say(datacenter: number, header: RequestHeader, requests: readonly PeerRequest[]): Promise<ReplyEnvelope> {
    const response = await fetch(`${cluster.view.datacenters[datacenter - 1]?.peer}/v1/epoxy/message`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: encodeRequest(1, { header, requests }),
    });
    return decodeReply(1, new Uint8Array(await response.arrayBuffer()));
  }

  test("nothing of it was proposed, and nobody was restarted", async () => {
    for (const i of [1, 2, 3]) assert.equal(await cluster.api(i).value("bad"), null);
    const { entries } = bodyOf<{ entries: readonly unknown[] }>(await cluster.api(1).ask("GET", "/v1/kv"), 200);
    assert.deepEqual(entries, []);
    assert.deepEqual(cluster.restarted, []);
    bodyOf(await cluster.api(1).put("good", "yes"), 200);
  });
});

function refusedWith(answer: Answer, status: number, code: string): void {
  const { error } = bodyOf<{ error: { code: string; message: string } }>(answer, status);
  assert.equal(error.code, code);
  assert.ok(error.message.length > 10, `"${error.message}" does not say what is wrong`);
}
