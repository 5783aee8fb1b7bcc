/** /v1/kv: keys are bytes, bodies are bytes, conditions are headers. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Replica } from "../../proposals/api.ts";
import { limits } from "../../protocol/limits.ts";
import type { Key } from "../../protocol/types.ts";
import { fakeApp, fakeReplica } from "./fake-replica.ts";

const keys: { url: string; bytes: string }[] = [
  { url: "a", bytes: "a" },
  { url: "a/b/c", bytes: "a/b/c" },
  { url: "a%2Fb", bytes: "a/b" },
  { url: "%FF", bytes: "\xff" },
  { url: "%ff%00%25", bytes: "\xff\x00%" },
  { url: "%C3%A9", bytes: "\xc3\xa9" },
  { url: "a+b", bytes: "a+b" },
  { url: "%3F%23", bytes: "?#" },
  { url: "/", bytes: "/" },
  { url: ":id/*", bytes: ":id/*" },
  { url: `${"k".repeat(1024)}`, bytes: "k".repeat(1024) },
  { url: `${"%41".repeat(1024)}`, bytes: "A".repeat(1024) },
];

describe("the key is all that follows /v1/kv/", () => {
  for (const { url, bytes } of keys) {
    test(`${url.slice(0, 20)} (${bytes.length} bytes)`, async (t) => {
      const { app, replica } = fakeApp();
      t.after(() => app.close());
      const put = await app.inject({ method: "PUT", url: `/v1/kv/${url}`, payload: "v" });
      assert.equal(put.statusCode, 200, put.body);
      assert.deepEqual(put.json(), { version: 1, instance: "1.7" });
      assert.deepEqual([...replica.state.keys()], [bytes]);
      const get = await app.inject({ url: `/v1/kv/${url}?read=local` });
      assert.equal(get.body, "v");
      assert.equal((await app.inject({ method: "DELETE", url: `/v1/kv/${url}` })).statusCode, 200);
      assert.equal((await app.inject({ url: `/v1/kv/${url}` })).statusCode, 404);
    });
  }
});

describe("the value is the body, of any content type", () => {
  const bodies: { name: string; headers: Record<string, string>; payload: Buffer | string }[] = [
    { name: "JSON", headers: { "content-type": "application/json" }, payload: '{"a": 1}' },
    { name: "broken JSON", headers: { "content-type": "application/json" }, payload: "{" },
    { name: "text", headers: { "content-type": "text/plain; charset=latin1" }, payload: "é" },
    { name: "a form", headers: { "content-type": "application/x-www-form-urlencoded" }, payload: "a=1&b" },
    { name: "none", headers: {}, payload: Buffer.from([0, 255, 1]) },
    { name: "nonsense", headers: { "content-type": "nonsense" }, payload: "v" },
    { name: "nothing at all", headers: {}, payload: "" },
    { name: "nothing, called JSON", headers: { "content-type": "application/json" }, payload: "" },
    { name: "the largest", headers: {}, payload: Buffer.alloc(limits.valueBytesMax, 7) },
  ];
  for (const { name, headers, payload } of bodies) {
    test(name, async (t) => {
      const { app } = fakeApp();
      t.after(() => app.close());
      assert.equal((await app.inject({ method: "PUT", url: "/v1/kv/a", headers, payload })).statusCode, 200);
      const get = await app.inject({ url: "/v1/kv/a" });
      assert.deepEqual(get.rawPayload, Buffer.from(payload));
      assert.equal(get.headers["content-type"], "application/octet-stream");
      assert.equal(get.headers.etag, '"1"');
    });
  }
});

test("a GET is JSON where JSON is asked for", async (t) => {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  replica.state.set("\xff" as Key, { value: Buffer.from("é"), version: 4 });
  const json = await app.inject({ url: "/v1/kv/%FF", headers: { accept: "application/json" } });
  assert.deepEqual(json.json(), { key: { base64: "/w==" }, value: "é", version: 4 });
  assert.equal(json.headers.etag, '"4"');
  for (const accept of ["*/*", "application/octet-stream", "application/json;q=0.5, application/octet-stream", "application/json;q=0"]) {
    assert.equal(
      (await app.inject({ url: "/v1/kv/%FF", headers: { accept } })).headers["content-type"],
      "application/octet-stream",
      accept,
    );
  }
  const head = await app.inject({ method: "HEAD", url: "/v1/kv/%FF" });
  assert.equal(head.statusCode, 200);
  assert.equal(head.headers.etag, '"4"');
  assert.equal(head.body, "");
});

test("the read mode and the timeout reach the replica", async (t) => {
  const asked: unknown[] = [];
  const read: Replica["read"] = async (...all) => {
    asked.push(all);
    return { value: null, version: 0 };
  };
  const { app } = fakeApp({ replica: fakeReplica({ read }) });
  t.after(() => app.close());
  await app.inject({ url: "/v1/kv/a" });
  await app.inject({ url: "/v1/kv/a?read=optimistic", headers: { "epoxy-timeout-ms": "5" } });
  assert.deepEqual(asked, [
    ["a", "linearizable", 10_000],
    ["a", "optimistic", 5],
  ]);
});

describe("conditions", () => {
  const rows: { name: string; method: "PUT" | "DELETE"; headers: Record<string, string>; key: string; status: number; body: object }[] = [
    {
      name: "only where absent, and it is",
      method: "PUT",
      headers: { "if-none-match": "*" },
      key: "new",
      status: 200,
      body: { version: 1, instance: "1.7" },
    },
    {
      name: "only that version, and it is",
      method: "PUT",
      headers: { "if-match": '"3"' },
      key: "old",
      status: 200,
      body: { version: 4, instance: "1.7" },
    },
    {
      name: "delete only that version",
      method: "DELETE",
      headers: { "if-match": '"3"' },
      key: "old",
      status: 200,
      body: { version: 4, instance: "1.7" },
    },
    {
      name: "only where absent, and it is not",
      method: "PUT",
      headers: { "if-none-match": "*" },
      key: "old",
      status: 412,
      body: { current: "v", version: 3 },
    },
    { name: "another version", method: "PUT", headers: { "if-match": '"2"' }, key: "old", status: 412, body: { current: "v", version: 3 } },
    {
      name: "delete another version",
      method: "DELETE",
      headers: { "if-match": '"2"' },
      key: "old",
      status: 412,
      body: { current: "v", version: 3 },
    },
    {
      name: "a version of nothing",
      method: "PUT",
      headers: { "if-match": '"2"' },
      key: "new",
      status: 412,
      body: { current: null, version: 0 },
    },
  ];
  for (const { name, method, headers, key, status, body } of rows) {
    test(name, async (t) => {
      const { app, replica } = fakeApp();
      t.after(() => app.close());
      replica.state.set("old" as Key, { value: Buffer.from("v"), version: 3 });
      const response = await app.inject({ method, url: `/v1/kv/${key}`, headers, ...(method === "PUT" ? { payload: "w" } : {}) });
      assert.equal(response.statusCode, status, response.body);
      const { error, ...rest } = response.json() as { error?: { code: string } };
      assert.deepEqual(rest, body);
      assert.equal(error?.code, status === 412 ? "preconditionFailed" : undefined);
    });
  }
});

describe("refused, and nothing proposed", () => {
  const rows: {
    name: string;
    method?: "GET" | "PUT" | "DELETE";
    url: string;
    headers?: Record<string, string>;
    payload?: string | Buffer;
    status?: number;
    says: RegExp;
  }[] = [
    { name: "no key", method: "PUT", url: "/v1/kv/", payload: "v", says: /the key must be 1 to 1024 bytes/ },
    { name: "no key, a query", url: "/v1/kv/?read=local", says: /the key must be 1 to 1024 bytes/ },
    { name: "a long key", url: `/v1/kv/${"k".repeat(1025)}`, says: /it has 1025/ },
    { name: "a broken escape", url: "/v1/kv/a%2", says: /two hex digits/ },
    { name: "a broken escape of letters", url: "/v1/kv/%zz", says: /two hex digits/ },
    { name: "an unknown read", url: "/v1/kv/a?read=dirty", says: /query\.read must be one of linearizable, local, optimistic/ },
    { name: "read twice", url: "/v1/kv/a?read=local&read=local", says: /given once/ },
    { name: "an unknown parameter", url: "/v1/kv/a?raed=local", says: /not known here; known: read/ },
    { name: "a parameter on PUT", method: "PUT", url: "/v1/kv/a?cas=1", payload: "v", says: /known: none/ },
    { name: "a large value", method: "PUT", url: "/v1/kv/a", payload: Buffer.alloc(limits.valueBytesMax + 1), status: 413, says: /./ },
    {
      name: "If-Match without quotes",
      method: "PUT",
      url: "/v1/kv/a",
      headers: { "if-match": "3" },
      payload: "v",
      says: /If-Match must be one version in quotes/,
    },
    { name: "If-Match: *", method: "PUT", url: "/v1/kv/a", headers: { "if-match": "*" }, payload: "v", says: /If-Match/ },
    {
      name: "If-None-Match of a version",
      method: "PUT",
      url: "/v1/kv/a",
      headers: { "if-none-match": '"3"' },
      payload: "v",
      says: /If-None-Match must be \*/,
    },
    { name: "both", method: "DELETE", url: "/v1/kv/a", headers: { "if-none-match": "*", "if-match": '"3"' }, says: /together/ },
    { name: "a wrong timeout", method: "DELETE", url: "/v1/kv/a", headers: { "epoxy-timeout-ms": "-1" }, says: /Epoxy-Timeout-Ms/ },
    { name: "a limit of 0", url: "/v1/kv?limit=0", says: /query\.limit must be an integer from 1 to 1000/ },
    { name: "a limit too high", url: "/v1/kv?limit=1001", says: /query\.limit/ },
    { name: "a limit in words", url: "/v1/kv?limit=ten", says: /query\.limit/ },
    { name: "a cursor of one's own", url: "/v1/kv?cursor=!!", says: /query\.cursor/ },
  ];
  for (const { name, method = "GET", url, headers = {}, payload, status = 400, says } of rows) {
    test(name, async (t) => {
      const { app, replica } = fakeApp();
      t.after(() => app.close());
      const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
      assert.equal(response.statusCode, status, response.body);
      assert.match((response.json() as { error: { message: string } }).error.message, says);
      assert.equal(replica.proposed.length, 0);
    });
  }
});

test("an absent key is 404 with an error, its version beside", async (t) => {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  replica.state.set("gone" as Key, { value: null, version: 9 });
  const response = await app.inject({ url: "/v1/kv/gone" });
  assert.equal(response.statusCode, 404);
  assert.deepEqual(response.json(), { error: { code: "notFound", message: "there is no such key", version: 9 } });
});

test("the list is in byte order, page by page, for any bytes", async (t) => {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  for (const key of ["b", "a\xff", "a", "a/2", "a b"]) replica.state.set(key as Key, { value: Buffer.from("v"), version: 1 });
  const seen: unknown[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const response: { statusCode: number; body: string; json(): unknown } = await app.inject({
      url: `/v1/kv?prefix=a&limit=2&cursor=${cursor}`,
    });
    assert.equal(response.statusCode, 200, response.body);
    const page = response.json() as { entries: { key: unknown }[]; cursor: string | null };
    seen.push(...page.entries.map(({ key }) => key));
    cursor = page.cursor;
  }
  assert.deepEqual(seen, ["a", "a b", "a/2", { base64: "Yf8=" }]);
  assert.equal((await app.inject({ url: "/v1/kv?prefix=a%FF" })).json().entries.length, 1);
  assert.equal((await app.inject({ url: "/v1/kv?prefix=a+b" })).json().entries.length, 1);
});
