/** POST /v1/proposals: every command and result of interface.md, and one row for each thing that is refused. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Check } from "typebox/value";
import { EpoxyError, ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { instanceId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { EntryOutcome, ReplicaId, Slot } from "../../protocol/types.ts";
import { commandToJson, parseProposal } from "../../server/routes/commands.ts";
import type { AppDeps } from "../../server/routes/deps.ts";
import { ProposalBody } from "../../server/routes/schemas.ts";
import { anyCommandList } from "./arbitrary-commands.ts";
import { anInstance, fakeApp, fakeChanges, fakeReplica } from "./fake-replica.ts";

const post = (payload: unknown, headers: Record<string, string> = {}) =>
  ({
    method: "POST",
    url: "/v1/proposals",
    headers: { "content-type": "application/json", ...headers },
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
  }) as const;

test("each command has its result, ordered at one instance", async (t) => {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  const commands = [
    { kind: "set", key: "a", value: "1" },
    { kind: "get", key: "a" },
    { kind: "set", key: { base64: "/w==" }, value: { base64: "/wA=" } },
    { kind: "get", key: { base64: "/w==" } },
    { kind: "set", key: "gone", value: null },
    { kind: "get", key: "gone" },
    { kind: "checkAndSet", key: "a", expectOneOf: ["0", null], newValue: "2" },
    { kind: "checkAndSet", key: "a", expectVersion: 1, newValue: null },
    { kind: "delete", key: "b" },
    { kind: "add", key: "n", delta: -5 },
    { kind: "add", key: "n", delta: "9223372036854775807" },
    { kind: "set", key: "x", value: "x" },
    { kind: "add", key: "x", delta: 1 },
    { kind: "txn", checks: [{ key: "a", expectOneOf: [null] }], commands: [{ kind: "set", key: "t", value: "é" }] },
    {
      kind: "txn",
      checks: [
        { key: "t", expectVersion: 1 },
        { key: "t", expectOneOf: ["e"] },
      ],
      commands: [],
    },
  ];
  const response = await app.inject(post({ commands }));
  assert.equal(response.statusCode, 200, response.body);
  assert.deepEqual(response.json(), {
    instance: "1.7",
    path: "fast",
    results: [
      { ok: true, version: 1 },
      { ok: true, value: "1", version: 1 },
      { ok: true, version: 1 },
      { ok: true, value: { base64: "/wA=" }, version: 1 },
      { ok: true, version: 1 },
      { ok: true, value: null, version: 1 },
      { ok: false, error: "expectedValueDoesNotMatch", current: "1", version: 1 },
      { ok: true, version: 2 },
      { ok: true, version: 1 },
      { ok: true },
      { ok: true },
      { ok: true, version: 1 },
      { ok: false, error: "notACounter" },
      { ok: true, results: [{ ok: true, version: 1 }] },
      { ok: false, error: "checkFailed", failed: 1, current: "é", version: 1 },
    ],
  });
  assert.equal(replica.proposed.length, 1);
});

test("the timeout and the idempotency key reach the replica", async (t) => {
  const { app, replica } = fakeApp();
  t.after(() => app.close());
  const body = { commands: [{ kind: "get", key: "a" }] };
  await app.inject(post(body));
  await app.inject(post(body, { "epoxy-timeout-ms": "60000", "idempotency-key": "order 7" }));
  assert.deepEqual(
    replica.proposed.map(({ timeoutMs, idempotencyKey }) => ({ timeoutMs, idempotencyKey })),
    [
      { timeoutMs: 10_000, idempotencyKey: null },
      { timeoutMs: 60_000, idempotencyKey: "order 7" },
    ],
  );
});

test("a repetition is answered with the first one's instance, and a store that goes away costs nobody his answer", async (t) => {
  const first = {
    fingerprint: "f",
    stampMs: 1,
    instance: instanceId(2 as ReplicaId, 3 as Slot),
    outcome: { kind: "results", results: [] },
  };
  let isAway = false;
  const read = (kind: string, [id]: readonly string[]) =>
    isAway ? Promise.reject(new Error("away")) : Promise.resolve([kind === "row" && id === "again" ? first : null]);
  const { app } = fakeApp({ store: { ...fakeChanges(), read: read as unknown as AppDeps["store"]["read"] } });
  t.after(() => app.close());
  const instance = async (key: string | null) => {
    const headers: Record<string, string> = key === null ? {} : { "idempotency-key": key };
    const proposed = await app.inject(post(one(get), headers));
    const written = await app.inject({ method: "PUT", url: "/v1/kv/a", payload: "v", headers });
    assert.equal(written.json().instance, proposed.json().instance);
    return proposed.json().instance;
  };
  assert.deepEqual([await instance(null), await instance("new"), await instance("again")], ["1.7", "1.7", "2.3"]);
  isAway = true;
  assert.equal(await instance("again"), "1.7");
});

const one = (command: unknown) => ({ commands: [command] });
const get = { kind: "get", key: "a" };
const many = (count: number) => Array.from({ length: count }, () => get);
const refused: { name: string; body: unknown; headers?: Record<string, string>; code?: ErrorCode; says: RegExp }[] = [
  { name: "JSON that is none", body: '{"commands":', says: /must be JSON/ },
  { name: "no body", body: "", says: /the body must be an object/ },
  { name: "a list as body", body: [], says: /the body must be an object/ },
  { name: "bytes that are not UTF-8", body: "\u0000", says: /must be JSON/ },
  { name: "__proto__", body: '{"commands":[{"kind":"get","key":"a","__proto__":{}}]}', says: /must be JSON/ },
  { name: "deep nesting", body: `${"[".repeat(10_000)}${"]".repeat(10_000)}`, says: /must be an object/ },
  { name: "an unknown field of the body", body: { commands: [get], more: 1 }, says: /the body has a field/ },
  { name: "no commands", body: {}, says: /commands must be a list/ },
  { name: "an empty list", body: { commands: [] }, says: /at least one/ },
  { name: "too many commands", body: { commands: many(513) }, says: /at most 512 commands.*513/ },
  {
    name: "too many with those inside txn",
    body: { commands: [...many(400), { kind: "txn", checks: [], commands: many(112) }] },
    says: /there are 513/,
  },
  { name: "an unknown kind", body: one({ kind: "put", key: "a" }), says: /commands\[0\]\.kind must be one of set, / },
  { name: "a kind of Object", body: one({ kind: "constructor", key: "a" }), says: /kind must be one of/ },
  { name: "an unknown field", body: one({ ...get, value: "x" }), says: /commands\[0\] has a field/ },
  { name: "no key", body: one({ kind: "get" }), says: /commands\[0\]\.key must be a string/ },
  { name: "an empty key", body: one({ kind: "get", key: "" }), says: /1 to 1024 bytes/ },
  { name: "a long key", body: one({ kind: "get", key: "é".repeat(513) }), says: /1 to 1024 bytes, it has 1026/ },
  { name: "a key that is a number", body: one({ kind: "get", key: 7 }), says: /key must be a string/ },
  { name: "half a character", body: '{"commands":[{"kind":"get","key":"\\ud800"}]}', says: /UTF-8 form/ },
  { name: "base64 without padding", body: one({ kind: "get", key: { base64: "/w" } }), says: /key\.base64 must be canonical/ },
  { name: "base64url", body: one({ kind: "get", key: { base64: "_w==" } }), says: /canonical/ },
  { name: "base64 with bits left over", body: one({ kind: "get", key: { base64: "/x==" } }), says: /canonical/ },
  { name: "base64 and more", body: one({ kind: "get", key: { base64: "/w==", x: 1 } }), says: /key must be a string/ },
  { name: "no value", body: one({ kind: "set", key: "a" }), says: /value must be .* must be given/ },
  { name: "a value that is a number", body: one({ kind: "set", key: "a", value: 1 }), says: /value must be a string/ },
  {
    name: "a large value",
    body: one({ kind: "set", key: "a", value: "v".repeat(limits.valueBytesMax + 1) }),
    code: "tooLarge",
    says: /at most 1048576/,
  },
  { name: "a large body", body: one({ kind: "set", key: "a", value: "v".repeat(limits.requestBytesMax) }), code: "tooLarge", says: /./ },
  {
    name: "an empty expectOneOf",
    body: one({ kind: "checkAndSet", key: "a", expectOneOf: [], newValue: "1" }),
    says: /expectOneOf must be a list of 1 to/,
  },
  {
    name: "both expectations",
    body: one({ kind: "checkAndSet", key: "a", expectOneOf: [null], expectVersion: 1, newValue: "1" }),
    says: /either expectOneOf or expectVersion/,
  },
  { name: "no expectation", body: one({ kind: "checkAndSet", key: "a", newValue: "1" }), says: /either/ },
  { name: "no newValue", body: one({ kind: "checkAndSet", key: "a", expectVersion: 1 }), says: /newValue/ },
  {
    name: "a version that is text",
    body: one({ kind: "checkAndSet", key: "a", expectVersion: "1", newValue: "1" }),
    says: /expectVersion must be an integer/,
  },
  { name: "a delta with a fraction", body: one({ kind: "add", key: "a", delta: 0.5 }), says: /delta must be a safe integer/ },
  { name: "an unsafe delta", body: one({ kind: "add", key: "a", delta: 2 ** 53 }), says: /delta must be a safe integer/ },
  { name: "a delta beyond 64 bits", body: one({ kind: "add", key: "a", delta: "9223372036854775808" }), says: /64-bit/ },
  { name: "a delta with a leading zero", body: one({ kind: "add", key: "a", delta: "01" }), says: /canonical/ },
  { name: "minus zero", body: one({ kind: "add", key: "a", delta: "-0" }), says: /canonical/ },
  {
    name: "a txn inside a txn",
    body: one({ kind: "txn", checks: [], commands: [{ kind: "txn", checks: [], commands: [] }] }),
    says: /commands\[0\]\.commands\[0\]: a txn cannot stand inside/,
  },
  { name: "a wrong check", body: one({ kind: "txn", checks: [{ key: "a" }], commands: [get] }), says: /checks\[0\] must have either/ },
  { name: "an internal command", body: one({ kind: "closeBucket", hour: 1, bucket: 1 }), says: /kind must be one of/ },
  { name: "text as content type", body: "x", headers: { "content-type": "text/plain" }, code: "unsupportedMediaType", says: /./ },
  {
    name: "a timeout of 0",
    body: one(get),
    headers: { "epoxy-timeout-ms": "0" },
    says: /Epoxy-Timeout-Ms must be an integer from 1 to 60000/,
  },
  { name: "a timeout too long", body: one(get), headers: { "epoxy-timeout-ms": "60001" }, says: /Epoxy-Timeout-Ms/ },
  { name: "a timeout in words", body: one(get), headers: { "epoxy-timeout-ms": "1e3" }, says: /Epoxy-Timeout-Ms/ },
  { name: "an empty idempotency key", body: one(get), headers: { "idempotency-key": "" }, says: /Idempotency-Key/ },
  { name: "a long idempotency key", body: one(get), headers: { "idempotency-key": "k".repeat(257) }, says: /Idempotency-Key/ },
];

describe("refused, and nothing proposed", () => {
  for (const { name, body, headers, code = "badRequest", says } of refused) {
    test(name, async (t) => {
      const { app, replica } = fakeApp();
      t.after(() => app.close());
      const response = await app.inject(post(body, headers));
      assert.equal(response.statusCode, ERRORS[code].status, response.body.slice(0, 300));
      const { error } = response.json() as { error: { code: string; message: string } };
      assert.equal(error.code, code);
      assert.match(error.message, says);
      assert.equal(replica.proposed.length, 0);
    });
  }

  test("a body that is not UTF-8", async (t) => {
    const { app, replica } = fakeApp();
    t.after(() => app.close());
    const payload = Buffer.from([...Buffer.from('{"commands":[{"kind":"get","key":"'), 0xff, ...Buffer.from('"}]}')]);
    const response = await app.inject({ method: "POST", url: "/v1/proposals", headers: { "content-type": "application/json" }, payload });
    assert.equal(response.statusCode, 400);
    assert.equal(replica.proposed.length, 0);
  });
});

describe("what the replica throws", () => {
  const rows: { error: Error; status: number; body: object; retryAfter?: string }[] = [
    { error: new EpoxyError("noQuorum", "no quorum"), status: 503, body: { code: "noQuorum", message: "no quorum" }, retryAfter: "1" },
    { error: new EpoxyError("notReady", "learning"), status: 503, body: { code: "notReady", message: "learning" }, retryAfter: "1" },
    { error: new EpoxyError("reconfiguring", "wait"), status: 503, body: { code: "reconfiguring", message: "wait" }, retryAfter: "1" },
    { error: new EpoxyError("overloaded", "busy"), status: 429, body: { code: "overloaded", message: "busy" }, retryAfter: "1" },
    {
      error: new EpoxyError("outcomeUnknown", "who knows", { instance: anInstance }),
      status: 504,
      body: { code: "outcomeUnknown", message: "who knows", instance: "1.7" },
    },
    {
      error: new EpoxyError("outcomeUnknown", "who knows", { instance: "2.9" }),
      status: 504,
      body: { code: "outcomeUnknown", message: "who knows", instance: "2.9" },
    },
    { error: new EpoxyError("storageFull", "full"), status: 507, body: { code: "storageFull", message: "full" } },
  ];
  for (const { error, status, body, retryAfter } of rows) {
    test(`${(error as EpoxyError).code} is ${status}`, async (t) => {
      const { app } = fakeApp({ replica: fakeReplica({ propose: () => Promise.reject(error) }) });
      t.after(() => app.close());
      const response = await app.inject(post(one(get)));
      assert.equal(response.statusCode, status);
      assert.deepEqual(response.json(), { error: body });
      assert.equal(response.headers["retry-after"], retryAfter);
    });
  }

  test("anything else is 500 with an id and nothing more", async (t) => {
    const { app } = fakeApp({ replica: fakeReplica({ propose: () => Promise.reject(new Error("the secret canary")) }) });
    t.after(() => app.close());
    const response = await app.inject(post(one(get)));
    assert.equal(response.statusCode, 500);
    const { error } = response.json() as { error: { code: string; id: string } };
    assert.equal(error.code, "internal");
    assert.match(error.id, /^[0-9a-f]{32}$/);
    assert.doesNotMatch(response.body, /canary|at /);
  });

  for (const kind of ["idempotencyKeyReused", "idempotencyKeyExpired"] as const) {
    test(`${kind} is 409`, async (t) => {
      const outcome: EntryOutcome = { kind };
      const { app } = fakeApp({ replica: fakeReplica({ propose: async () => ({ instance: anInstance, path: "fast", outcome }) }) });
      t.after(() => app.close());
      const response = await app.inject(post(one(get)));
      assert.equal(response.statusCode, 409);
      assert.equal(response.json().error.code, kind);
    });
  }

  test("beyond inFlightMax: 429 at once", async (t) => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const replica = fakeReplica();
    const { app } = fakeApp({ replica: { ...replica, propose: (input) => held.then(() => replica.propose(input)) }, inFlightMax: 1 });
    t.after(() => app.close());
    const first = app.inject(post(one(get)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await app.inject(post(one(get)));
    assert.equal(second.statusCode, 429);
    assert.equal(second.headers["retry-after"], "1");
    // Nothing of it is looked at: refusing must cost next to nothing.
    const bad = await app.inject({ ...post(one(get)), payload: "no JSON" });
    assert.equal(bad.statusCode, 429);
    release();
    assert.equal((await first).statusCode, 200);
  });
});

test("the published schema takes whatever the parser takes, and commands survive the way there and back", () => {
  fc.assert(
    fc.property(anyCommandList, (commands) => {
      const json = JSON.parse(JSON.stringify({ commands: commands.map(commandToJson) })) as unknown;
      assert.ok(Check(ProposalBody, json), JSON.stringify(json));
      assert.deepEqual(parseProposal(json).map(commandToJson), commands.map(commandToJson));
    }),
    { numRuns: 300 },
  );
});
