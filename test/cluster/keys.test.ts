/** Keys, values, versions and conditions over real datacenters, as interface.md has them: what is legal and seldom tried. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Answer, bodyOf, type ErrorAnswer, eventually, NoAnswer, type ProposalBody } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

type Written = { readonly version: number; readonly instance: string };
type Listed = { readonly entries: readonly { readonly key: unknown; readonly value: unknown; readonly version: number }[] } & {
  readonly cursor: string | null;
};
const bytes = (...list: number[]) => ({ base64: Buffer.from(list).toString("base64") });

describe("keys and values", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ learners: 1 });
  });
  after(() => cluster?.end());
  const kv = (datacenter: number, method: string, path: string, body?: string | Uint8Array, headers = {}): Promise<Answer> =>
    cluster.api(datacenter).ask(method, `/v1/kv/${path}`, { headers, ...(body === undefined ? {} : { body }) });
  const propose = async (datacenter: number, commands: readonly object[], headers = {}) =>
    bodyOf<ProposalBody>(await cluster.api(datacenter).propose(commands, { headers }), 200);
  const written = async (answer: Promise<Answer>) => bodyOf<Written>(await answer, 200);

  const names: readonly { readonly path: string; readonly key: unknown }[] = [
    { path: "a%2Fb", key: "a/b" },
    { path: "/leading//and/trailing/", key: "/leading//and/trailing/" },
    { path: "plus+and%20space&%3F%23", key: "plus+and space&?#" },
    { path: "%25", key: "%" },
    { path: "%C3%A4%F0%9F%8E%89", key: "ä🎉" },
    { path: "%FF%00%80", key: bytes(0xff, 0, 0x80) },
    { path: "%EF%BB%BFbom", key: "\ufeffbom" },
    { path: "a/../b/./c", key: "a/../b/./c" },
    { path: "%61".repeat(1024), key: "a".repeat(1024) },
  ];
  for (const { path, key } of names) {
    test(`the key ${JSON.stringify(key).slice(0, 40)} is the same in a URL, in JSON and in another datacenter`, async () => {
      const { version, instance } = await written(kv(1, "PUT", path, "by URL"));
      assert.ok(version >= 1);
      assert.match(instance, /^1\.[1-9]\d*$/);
      const { results } = await propose(2, [
        { kind: "get", key },
        { kind: "set", key, value: bytes(0xfe) },
      ]);
      assert.deepEqual(results, [
        { ok: true, value: "by URL", version },
        { ok: true, version: version + 1 },
      ]);
      const answer = await kv(3, "GET", path, undefined, { accept: "application/json" });
      assert.deepEqual(bodyOf(answer, 200), { key, value: bytes(0xfe), version: version + 1 });
      assert.equal(answer.headers.etag, `"${version + 1}"`);
    });
  }

  test("the keys . and .. by proposals", async () => {
    await propose(1, [
      { kind: "set", key: ".", value: "one" },
      { kind: "set", key: "..", value: "two" },
    ]);
    const { results } = await propose(2, [
      { kind: "get", key: "." },
      { kind: "get", key: ".." },
    ]);
    assert.deepEqual(
      results.map(({ value }) => value),
      ["one", "two"],
    );
  });

  test("values: empty, all bytes, 1 MiB; and HEAD", async () => {
    await written(kv(1, "PUT", "value/empty", ""));
    const empty = await kv(2, "GET", "value/empty");
    assert.deepEqual([empty.status, empty.text, empty.headers["content-type"]], [200, "", "application/octet-stream"]);
    const large = Buffer.alloc(1024 * 1024, 0xe9);
    await written(kv(1, "PUT", "value/large", large));
    const head = await kv(3, "HEAD", "value/large");
    assert.deepEqual([head.status, head.headers["content-length"], head.headers.etag], [200, `${large.length}`, '"1"']);
    const { value } = bodyOf<{ value: unknown }>(await kv(3, "GET", "value/large", undefined, { accept: "application/json" }), 200);
    assert.deepEqual(value, { base64: large.toString("base64") });
  });

  test("a version never repeats: a deleted key keeps it, and conditions go by it", async () => {
    const [first, deleted, again] = [
      await written(kv(1, "PUT", "version", "one")),
      await written(kv(2, "DELETE", "version")),
      await written(kv(3, "PUT", "version", "two", { "if-none-match": "*" })),
    ].map(({ version }) => version);
    assert.deepEqual([first, deleted, again], [1, 2, 3]);
    const refused = bodyOf<ErrorAnswer & { current: unknown; version: number }>(
      await kv(1, "PUT", "version", "three", { "if-match": '"1"' }),
      412,
    );
    assert.deepEqual([refused.error.code, refused.current, refused.version], ["preconditionFailed", "two", 3]);
    assert.equal((await written(kv(2, "DELETE", "version", undefined, { "if-match": '"3"' }))).version, 4);
    const absent = bodyOf<{ current: unknown; version: number }>(await kv(3, "PUT", "version", "x", { "if-match": '"3"' }), 412);
    assert.deepEqual([absent.current, absent.version], [null, 4]);
    assert.equal(bodyOf<ErrorAnswer>(await kv(1, "GET", "version"), 404).error.code, "notFound");
    const { results } = await propose(2, [
      { kind: "get", key: "version" },
      { kind: "checkAndSet", key: "version", expectVersion: 4, newValue: "back" },
    ]);
    assert.deepEqual(results, [
      { ok: true, value: null, version: 4 },
      { ok: true, version: 5 },
    ]);
  });

  test("each command has its own result; a txn is all or nothing", async () => {
    const results = async (...commands: object[]) => (await propose(1, commands)).results;
    assert.deepEqual(
      await results(
        { kind: "set", key: "t/a", value: "1" },
        { kind: "checkAndSet", key: "t/a", expectOneOf: [null, "2"], newValue: "3" },
        { kind: "checkAndSet", key: "t/a", expectOneOf: [null, "1"], newValue: bytes(0xff) },
        { kind: "add", key: "t/a", delta: 1 },
        { kind: "add", key: "t/n", delta: "-9223372036854775808" },
        { kind: "set", key: "t/a", value: null },
        { kind: "delete", key: "t/never" },
      ),
      [
        { ok: true, version: 1 },
        { ok: false, error: "expectedValueDoesNotMatch", current: "1", version: 1 },
        { ok: true, version: 2 },
        { ok: false, error: "notACounter" },
        { ok: true },
        { ok: true, version: 3 },
        { ok: true, version: 0 },
      ],
    );
    const checks = [
      { key: "t/n", expectOneOf: ["0", "-9223372036854775808"] },
      { key: "t/a", expectVersion: 3 },
    ];
    const commands = [
      { kind: "set", key: "t/b", value: "b" },
      { kind: "get", key: "t/b" },
      { kind: "add", key: "t/n", delta: 1 },
    ];
    assert.deepEqual(await results({ kind: "txn", checks, commands }), [
      { ok: true, results: [{ ok: true, version: 1 }, { ok: true, value: "b", version: 1 }, { ok: true }] },
    ]);
    const inner = (command: object): object => ({ kind: "txn", checks: [], commands: [{ kind: "set", key: "t/b", value: "no" }, command] });
    assert.deepEqual(
      await results(
        { kind: "txn", checks: [checks[1], checks[0]], commands },
        inner({ kind: "checkAndSet", key: "t/b", expectOneOf: ["yes"], newValue: "no" }),
        inner({ kind: "add", key: "t/b", delta: 1 }),
        { kind: "get", key: "t/b" },
      ),
      [
        { ok: false, error: "checkFailed", failed: 1, current: "-9223372036854775807", version: 2 },
        { ok: false, error: "expectedValueDoesNotMatch", current: "no", version: 2 },
        { ok: false, error: "notACounter" },
        { ok: true, value: "b", version: 1 },
      ],
    );
  });

  test("one Idempotency-Key at three datacenters: one result; with another payload it is refused", async () => {
    const headers = { "idempotency-key": "once" };
    const add = { kind: "add", key: "once/n", delta: 1 };
    const first = await propose(1, [add, { kind: "get", key: "once/n" }], headers);
    for (const datacenter of [2, 3, 1]) {
      const { instance, results } = await propose(datacenter, [add, { kind: "get", key: "once/n" }], headers);
      assert.deepEqual({ instance, results }, { instance: first.instance, results: first.results });
    }
    assert.equal(await cluster.api(2).value("once/n"), "1");
    const reused = await cluster.api(3).propose([add], { headers });
    assert.equal(bodyOf<ErrorAnswer>(reused, 409).error.code, "idempotencyKeyReused");
    const put = (datacenter: number) => written(kv(datacenter, "PUT", "once/put", "v", { "idempotency-key": "put once" }));
    const answer = await put(2);
    assert.deepEqual([await put(3), await put(2)], [answer, answer]);
    // A refusal is the first one's result too, whatever became of the key since.
    const condition = { "idempotency-key": "refused", "if-none-match": "*" };
    bodyOf(await kv(1, "PUT", "once/n", "x", condition), 412);
    await written(kv(2, "DELETE", "once/n"));
    bodyOf(await kv(3, "PUT", "once/n", "x", condition), 412);
    assert.equal(await cluster.api(1).value("once/n"), null);
  });

  test("a list goes through any number of keys in byte order, page by page, without the deleted", async () => {
    const keys = Array.from({ length: 400 }, (_, n) => bytes(0xf0, n >> 8, n & 0xff));
    await propose(
      1,
      keys.map((key) => ({ kind: "set", key, value: "" })),
    );
    await propose(1, [{ kind: "delete", key: keys[7] }]);
    await eventually("datacenter 2 has them all", 30_000, async () => (await list("limit=1000")).entries.length === keys.length - 1);
    const found: unknown[] = [];
    for (let cursor = ""; ; ) {
      const page = await list(`limit=133&cursor=${cursor}`);
      found.push(...page.entries.map(({ key }) => key));
      if (page.cursor === null) break;
      cursor = encodeURIComponent(page.cursor);
    }
    assert.deepEqual(
      found,
      keys.filter((_, n) => n !== 7),
    );
    async function list(query: string): Promise<Listed> {
      return bodyOf(await cluster.api(2).ask("GET", `/v1/kv?prefix=%F0&${query}`), 200);
    }
  });

  test("a learner has local reads, lists and /v1/cluster, and says of the rest what it is", async () => {
    await written(kv(1, "PUT", "learned", "yes"));
    await eventually("it has been told", 30_000, async () => (await cluster.api(4).get("learned", "local")).text === "yes");
    bodyOf(await cluster.api(4).ask("GET", "/v1/kv?prefix=learned"), 200);
    const { replica } = bodyOf<{ replica: { id: number; status: string } }>(await cluster.api(4).ask("GET", "/v1/cluster"), 200);
    assert.equal(replica.id, 4);
    for (const answer of [
      await kv(4, "PUT", "learned", "no"),
      await kv(4, "GET", "learned"),
      await kv(4, "GET", "learned?read=optimistic"),
      await cluster.api(4).propose([{ kind: "get", key: "learned" }]),
      await cluster.api(4).ask("GET", "/readyz"),
    ]) {
      const { error } = bodyOf<ErrorAnswer>(answer, 503);
      assert.equal(error.code, "notReady");
      assert.match(error.message, /learn/);
      assert.ok(Number(answer.headers["retry-after"]) >= 1);
    }
  });

  test("SIGTERM while requests are under way: each has an answer or was never sent", async () => {
    let over = false;
    const statuses: number[] = [];
    const cut: string[] = [];
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let n = 0; !over; n++) {
        const asked = n % 2 === 0 ? kv(2, "PUT", `term/${caller}`, `${n}`) : kv(2, "GET", `term/${caller}?read=local`);
        try {
          statuses.push((await asked).status);
        } catch (error) {
          if (!(error instanceof NoAnswer)) throw error;
          if (error.sent) cut.push(error.message);
          over = true;
        }
      }
    });
    await eventually("they are answered", 30_000, () => statuses.length > 50);
    cluster.signal("SIGTERM", 2, "server");
    await Promise.all(callers);
    assert.deepEqual(cut, []);
    assert.deepEqual(
      [...new Set(statuses)].filter((status) => ![200, 404].includes(status)),
      [],
    );
    await eventually("it is back", 20_000, () => cluster.api(2).isReady());
  });
});
