import assert from "node:assert/strict";
import { test } from "node:test";
import { fromWire, keyPath, toWire } from "../../client/bytes.ts";
import { type Client, createClient } from "../../client/client.ts";
import { NothingHappened, OutcomeUnknown } from "../../client/errors.ts";
import { parseEvents } from "../../client/events.ts";
import { freeUrl, type Reply, type Seen, startStub } from "../cli/api-stub.ts";

const done: Reply = { status: 200, body: { instance: "1.7", path: "fast", results: [{ ok: true, version: 1 }] } };
const error = (status: number, code: string, details: object = {}): Reply => ({
  status,
  body: { error: { code, message: code, ...details } },
});

type Ending = { after(run: () => unknown): void };

async function connect(
  t: Ending,
  answer: (seen: Seen, count: number) => Reply,
  more: { before?: readonly string[]; timeoutMs?: number } = {},
): Promise<{ client: Client; seen: Seen[]; url: string }> {
  let count = 0;
  const stub = await startStub((seen) => answer(seen, count++));
  const client = createClient({ endpoints: [...(more.before ?? []), stub.url], timeoutMs: more.timeoutMs ?? 2_000 });
  t.after(async () => {
    await client.close();
    await stub.close();
  });
  return { client, seen: stub.seen, url: stub.url };
}

test("what was refused is asked again, under the same idempotency key", async (t) => {
  const { client, seen } = await connect(t, (_, count) => (count < 2 ? error(503, "noQuorum") : done));
  await client.propose([{ kind: "set", key: "k", value: "v" }]);
  const [key, ...others] = seen.map((each) => each.headers["idempotency-key"]);
  assert.match(String(key), /^[0-9a-f-]{36}$/);
  assert.deepEqual(others, [key, key]);
});

test("an unknown outcome is asked again under its key, and settled by the answer", async (t) => {
  const { client, seen } = await connect(t, (_, count) => (count === 0 ? "reset" : done));
  assert.equal((await client.propose([{ kind: "set", key: "k", value: "v" }])).instance, "1.7");
  assert.equal(seen.length, 2);
});

test("an outcome once unknown stays unknown when every later try is refused", async (t) => {
  const { client } = await connect(t, (_, count) =>
    count === 0 ? error(504, "outcomeUnknown", { instance: "1.9" }) : error(503, "noQuorum"),
  );
  await assert.rejects(client.put("k", "v"), (thrown) => thrown instanceof OutcomeUnknown && thrown.details["instance"] === "1.9");
});

test("a condition that is not met is an answer, not a reason to ask again", async (t) => {
  const { client, seen } = await connect(t, () => error(412, "preconditionFailed"));
  await assert.rejects(client.put("k", "v", { ifAbsent: true }), (thrown) => thrown instanceof NothingHappened && thrown.status === 412);
  assert.equal(seen.length, 1);
});

test("a bad request is not asked again", async (t) => {
  const { client, seen } = await connect(t, () => error(400, "badRequest"));
  await assert.rejects(client.put("k", "v"), NothingHappened);
  assert.equal(seen.length, 1);
});

test("a change of the cluster is never sent twice when its outcome is unknown", async (t) => {
  const { client, seen } = await connect(t, () => "reset");
  await assert.rejects(client.removeReplica(3), OutcomeUnknown);
  assert.equal(seen.length, 1);
});

test("a change is not asked again where the coordinator cannot be: nothing happened", async (t) => {
  const { client, seen } = await connect(t, () => error(503, "coordinatorUnreachable"));
  await assert.rejects(client.removeReplica(3), NothingHappened);
  assert.equal(seen.length, 1);
});

test("the next endpoint is asked at once where one cannot be reached", async (t) => {
  const { client } = await connect(t, () => done, { before: [await freeUrl()] });
  assert.equal((await client.add("k", 1)).instance, "1.7");
});

test("nobody reachable: nothing happened, and it ends", async () => {
  const client = createClient({ endpoints: [await freeUrl()], timeoutMs: 1_000 });
  await assert.rejects(client.put("k", "v"), (thrown) => thrown instanceof NothingHappened && thrown.code === "unreachable");
  await client.close();
});

test("a 404 that does not speak of the key is an error, not an absent key", async (t) => {
  const { client } = await connect(t, () => ({ status: 404, body: "not here" }));
  await assert.rejects(client.get("k"), NothingHappened);
});

test("an absent key is null", async (t) => {
  const { client } = await connect(t, () => error(404, "notFound"));
  assert.equal(await client.get("k"), null);
});

test("keys that are folders in a URL are read and written by proposals", async (t) => {
  const { client, seen } = await connect(t, ({ body }) =>
    body.includes('"get"')
      ? { status: 200, body: { instance: "1.7", path: "fast", results: [{ ok: true, value: "v", version: 2 }] } }
      : done,
  );
  await client.put("..", "v");
  assert.deepEqual(await client.get(".."), { key: "..", value: "v", version: 2 });
  assert.ok(seen.every((each) => each.url === "/v1/proposals"));
});

test("bytes that are no UTF-8 travel as base64, and a byte order mark is kept", () => {
  for (const bytes of [[0xff, 0], [0xef, 0xbb, 0xbf, 0x61], [], [0xe2, 0x82, 0xac]]) {
    assert.deepEqual([...fromWire(toWire(new Uint8Array(bytes)))], bytes);
  }
  assert.deepEqual(toWire(new Uint8Array([0xff])), { base64: "/w==" });
  assert.equal(keyPath(new Uint8Array([0x2f, 0xff, 0x61])), "%2F%FFa");
});

test("events are put together from chunks cut anywhere", async () => {
  const text =
    ': hi\n\nevent: put\nid: 1-0\ndata: {"key":"ä","value":"v","version":1,"instance":"1.1"}\n\nevent: gap\nid: 2-0\ndata: {}\n\n';
  const bytes = Buffer.from(text);
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5);
  };
  const events = [];
  for await (const event of parseEvents(chunks())) events.push(event);
  assert.deepEqual(
    events.map((each) => [each.event, each.id]),
    [
      ["put", "1-0"],
      ["gap", "2-0"],
    ],
  );
  assert.equal(events[0]?.data?.key, "ä");
});

test("every proposal carries an idempotency key of its own, a caller's one is kept", async (t) => {
  const { client, seen } = await connect(t, ({ method }) =>
    method === "POST" ? done : { status: 200, body: { version: 1, instance: "1.7" } },
  );
  await client.put("k", "v");
  await client.delete("k");
  await client.checkAndSet("k", { expectOneOf: [null] }, "v");
  await client.add("k", 1);
  await client.txn({ checks: [], commands: [] });
  await client.get("..");
  await client.put("k", "v", { idempotencyKey: "mine" });
  const keys = seen.map((each) => each.headers["idempotency-key"]);
  assert.equal(keys.pop(), "mine");
  assert.equal(new Set(keys).size, 6);
  for (const key of keys) assert.match(String(key), /^[0-9a-f-]{36}$/);
});

test("a prefix may be any bytes", async (t) => {
  const { client, seen } = await connect(t, () => ({ status: 200, body: { entries: [], cursor: null } }));
  await client.list({ prefix: new Uint8Array([0xff, 0x26, 0x61]), limit: 5 });
  await client.list({ prefix: "a b+c" });
  assert.deepEqual(
    seen.map(({ url }) => url),
    ["/v1/kv?prefix=%FF%26a&limit=5", "/v1/kv?prefix=a%20b%2Bc"],
  );
});

test("a pause before another round is drawn at random", async (t) => {
  const random = t.mock.method(Math, "random", () => 0);
  const { client, seen } = await connect(t, (_, count) => (count < 3 ? error(503, "noQuorum") : done));
  const startMs = performance.now();
  await client.add("k", 1);
  assert.equal(seen.length, 4);
  assert.equal(random.mock.callCount(), 3);
  // Of the lowest draw there is nothing to wait for.
  assert.ok(performance.now() - startMs < 1_500);
});

test("a reservation: absent, it is written; lost, the owner is told; held, nothing is proposed", async (t) => {
  const absent = error(404, "notFound");
  const lost: Reply = {
    status: 200,
    body: { instance: "1.8", path: "slow", results: [{ ok: false, error: "expectedValueDoesNotMatch", current: "paris", version: 1 }] },
  };
  const held: Reply = { status: 200, body: { key: "k", value: "paris", version: 1 } };
  const reserve = async (...answers: Reply[]) => {
    const { client, seen } = await connect(t, (_, count) => answers[count] as Reply);
    const told = await client.reserve("k", "tokyo");
    return { told, asked: seen.map(({ method }) => method) };
  };
  assert.deepEqual(await reserve(absent, done), { told: { owner: "tokyo", isMine: true }, asked: ["GET", "POST"] });
  assert.deepEqual(await reserve(absent, lost), { told: { owner: "paris", isMine: false }, asked: ["GET", "POST"] });
  assert.deepEqual(await reserve(held), { told: { owner: "paris", isMine: false }, asked: ["GET"] });
  const { client, seen } = await connect(t, (_, count) => (count === 0 ? held : absent));
  assert.deepEqual([await client.getReservation("k"), await client.getReservation("k")], ["paris", null]);
  assert.match(String(seen[0]?.url), /read=optimistic/);
});
