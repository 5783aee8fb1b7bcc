/** What is legal and seldom seen on the wire, and what refusals say of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { Key } from "../../protocol/types.ts";
import { fakeApp } from "./fake-replica.ts";

async function serve(t: TestContext) {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as { port: number };
  /** One request as its bytes; all that is answered until the connection ends. */
  const say = async (...lines: string[]) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.write(lines.join("\r\n"));
    await once(socket, "close");
    return text;
  };
  return { app, replica, say };
}
const end = ["connection: close", "", ""];

test("a request line that names the server is about the same key", async (t) => {
  const { replica, say } = await serve(t);
  const written = await say("PUT http://other:1/v1/kv/a%FF HTTP/1.1", "host: x", "content-length: 1", "connection: close", "", "v");
  assert.match(written, /^HTTP\/1.1 200 /);
  assert.deepEqual([...replica.state.keys()], ["a\xff" as Key]);
  assert.match(await say("GET HTTPS://other/v1/kv/a%FF?read=local HTTP/1.1", "host: x", ...end), /^HTTP\/1.1 200 .*v$/s);
  assert.match(await say("GET http://other/v1/cluster HTTP/1.1", "host: x", ...end), /^HTTP\/1.1 200 .*"clusterId":"c1"/s);
});

test("no Host header, and an expectation nobody knows, are no reasons to refuse", async (t) => {
  const { say } = await serve(t);
  assert.match(await say("GET /healthz HTTP/1.1", ...end), /^HTTP\/1.1 200 /);
  assert.match(await say("GET /healthz HTTP/1.1", "host: x", "expect: tea", ...end), /^HTTP\/1.1 200 /);
});

test("a body that is not taken: what would have been", async (t) => {
  const { app } = await serve(t);
  const refused = async (method: "PUT" | "POST", url: string, headers: Record<string, string>, payload: string | Buffer) => {
    const answer = await app.inject({ method, url, headers, payload });
    return [answer.statusCode, answer.json().error.code, answer.json().error.message];
  };
  const json = { "content-type": "application/json" };
  assert.deepEqual(await refused("PUT", "/v1/kv/a", {}, Buffer.alloc(1024 * 1024 + 1)), [
    413,
    "tooLarge",
    "the body has more bytes than this path takes, which is 1048576",
  ]);
  assert.deepEqual(await refused("POST", "/v1/proposals", json, Buffer.alloc(4 * 1024 * 1024 + 1, " ")), [
    413,
    "tooLarge",
    "the body has more bytes than this path takes, which is 4194304",
  ]);
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.deepEqual(await refused("POST", "/v1/proposals", form, "{}"), [415, "unsupportedMediaType", "this path takes application/json"]);
});

test("the desired set may be written as /v1/cluster has it, as long as all of it vote", async (t) => {
  const { app, replica } = await serve(t);
  const entry = { id: 1, name: "dc-1", peerUrl: "http://p:1", apiUrl: "http://a:1" };
  const put = (status: string) =>
    app.inject({ method: "PUT", url: "/v1/cluster/replicas", payload: { replicas: [{ ...entry, status }], expectedGeneration: 4 } });
  assert.equal((await put("active")).statusCode, 202);
  assert.deepEqual(replica.asked, [{ name: "setReplicas", argument: { replicas: [entry], expectedGeneration: 4 } }]);
  const learner = await put("learning");
  assert.equal(learner.statusCode, 400);
  assert.match(learner.json().error.message, /^body\.replicas\[0\]\.status must be "active"$/);
});
