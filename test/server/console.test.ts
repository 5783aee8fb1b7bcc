/** What the console asks its server for: the whole cluster over one origin, one key with its versions and instances. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { instanceId } from "../../protocol/ids.ts";
import type { Change, InstanceId, InstanceRecord, Key, Members, ReplicaId, Slot } from "../../protocol/types.ts";
import { readFigures } from "../../server/console/figures.ts";
import { graphOf } from "../../server/console/key-view.ts";
import { createMetrics } from "../../server/metrics.ts";
import { Secret } from "../../server/security.ts";
import { anInstance, fakeApp, fakeChanges, fakeReplica, fakeReport } from "./fake-replica.ts";

const id = (replica: number, slot: number): InstanceId => instanceId(replica as ReplicaId, slot as Slot);

test("the page and its parts: strict, cached by nobody, nothing inline and nothing from elsewhere", async (t) => {
  const { app } = fakeApp();
  t.after(() => app.close());
  const page = await app.inject({ url: "/" });
  assert.equal(page.statusCode, 200);
  const policy = String(page.headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  assert.doesNotMatch(page.body, /<script(?! type="module" src="\/)|\sstyle=|\son[a-z]+=|https?:\/\//);
  const parts = new Set([...page.body.matchAll(/(?:href|src)="(\/console\/[^"]+)"/g)].map((match) => match[1] as string));
  for (const part of parts) {
    const answer = await app.inject({ url: part });
    assert.equal(answer.statusCode, 200, part);
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    for (const [, imported] of answer.body.matchAll(/from "\.\/([^"]+)"/g)) parts.add(`/console/${imported}`);
    if (part.endsWith(".js")) assert.doesNotMatch(answer.body, /innerHTML\s*=|\beval\(|insertAdjacentHTML/, part);
  }
  assert.ok(parts.size >= 9, [...parts].join(" "));
});

async function listening(t: TestContext, change: Parameters<typeof fakeApp>[0]): Promise<string> {
  const { app } = fakeApp(change);
  t.after(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

test("one server answers for all datacenters, with the caller's token, and says who does not answer", async (t) => {
  const tokens = [{ scope: "read" as const, token: new Secret("reader") }];
  const replicaAt = (self: number, members: readonly { id: number; apiUrl: string }[]) =>
    fakeReplica({
      report: () =>
        fakeReport({
          self: self as ReplicaId,
          members: {
            ...fakeReport().members,
            members: members.map((each) => ({ ...each, name: `dc-${each.id}`, peerUrl: "http://p", leaving: false })),
          } as unknown as Members,
        }),
      stuck: () => (self === 2 ? [{ id: id(2, 7), sinceMs: 3_000, recoveries: 1 }] : []),
    });
  const second = await listening(t, { tokens, replica: replicaAt(2, []) });
  const members = [
    { id: 1, apiUrl: "http://127.0.0.1:9" },
    { id: 2, apiUrl: second },
    { id: 3, apiUrl: "http://127.0.0.1:9" },
  ];
  const { app } = fakeApp({ tokens, replica: replicaAt(1, members) });
  t.after(() => app.close());
  assert.equal((await app.inject({ url: "/console/overview" })).statusCode, 401);
  assert.equal((await app.inject({ url: "/console/own" })).statusCode, 401);
  const answer = await app.inject({ url: "/console/overview", headers: { authorization: "Bearer reader" } });
  const { cluster, datacenters } = answer.json();
  assert.equal(cluster.replica.id, 1);
  assert.deepEqual(
    datacenters.map((each: { own: { id: number } | null; error: string | null }) => [each.own?.id ?? null, each.error === null]),
    [
      [1, true],
      [2, true],
      [null, false],
    ],
  );
  assert.deepEqual(datacenters[1].own.stuck, [{ instance: "2.7", sinceMs: 3_000, recoveries: 1 }]);
});

test("a key: its value, its last versions newest first, deletes among them", async (t) => {
  const store = fakeChanges();
  const change = (key: string, text: string | null, version: number): Change => ({
    instance: anInstance,
    writes: [{ kind: "value", id: key as Key, record: { value: text === null ? null : Buffer.from(text), version } }],
  });
  for (let version = 1; version <= 30; version++) {
    store.push(change("k", version === 29 ? null : `v${version}`, version));
    for (let other = 0; other < 40; other++) store.push(change("other", "x", version * 40 + other));
  }
  const replica = fakeReplica();
  replica.state.set("k" as Key, { value: Buffer.from("v30"), version: 30 });
  const { app } = fakeApp({ store, replica });
  t.after(() => app.close());
  const view = (await app.inject({ url: "/console/key?key=k" })).json();
  assert.deepEqual([view.value, view.version, view.valueBytes], ["v30", 30, 3]);
  assert.deepEqual(
    view.versions.slice(0, 3).map((each: { version: number; value: unknown }) => [each.version, each.value]),
    [
      [30, "v30"],
      [29, null],
      [28, "v28"],
    ],
  );
  assert.equal(view.versions.length, 10);
  const absent = (await app.inject({ url: "/console/key?key=%FF" })).json();
  assert.deepEqual([absent.key, absent.value, absent.version, absent.versions], [{ base64: "/w==" }, null, 0, []]);
  assert.equal((await app.inject({ url: "/console/key" })).statusCode, 400);
});

test("the graph of a key: others' instances left out, what follows from others left out, a cycle kept", () => {
  const record = (name: InstanceId, seq: number, deps: readonly InstanceId[], key = "k"): InstanceRecord =>
    ({
      id: name,
      phase: "committed",
      executed: true,
      path: "fast",
      value: { seq, entries: [{ commands: [{ kind: "set", key, value: null }], idempotency: null }] },
      initPayload: null,
      deps: { floor: [], explicit: [...deps].sort((a, b) => a - b) },
    }) as unknown as InstanceRecord;
  const [a, b, c, d] = [id(1, 1), id(2, 1), id(3, 1), id(1, 2)];
  const graph = graphOf(
    [record(d, 3, [a, b, c]), record(a, 1, []), record(b, 2, [a, c]), record(c, 2, [a, b]), record(id(2, 9), 9, [a], "z")],
    "k" as Key,
  );
  assert.deepEqual(
    graph.map(({ instance, what, deps }) => [instance, what, deps]),
    [
      ["1.1", "set", []],
      ["2.1", "set", ["1.1", "3.1"]],
      ["3.1", "set", ["1.1", "2.1"]],
      ["1.2", "set", ["2.1", "3.1"]],
    ],
  );
});

test("the figures are the metrics' sums", async () => {
  const { meter, registry } = createMetrics(() => null);
  meter.count("epoxy_commits_total", { path: "fast" }, 3);
  meter.count("epoxy_commits_total", { path: "slow" });
  for (const seconds of [0.0004, 0.002, 100]) meter.observe("epoxy_proposal_seconds", seconds, { path: "fast" });
  meter.observe("epoxy_proposal_seconds", 0.002, { path: "slow" });
  const { commits, latency } = await readFigures(registry);
  assert.deepEqual(commits, { fast: 3, slow: 1, recovered: 0, nop: 0 });
  assert.deepEqual([latency.upToSeconds[0], latency.counts[0], latency.counts[2], latency.counts.at(-1)], [0.0005, 1, 2, 1]);
  assert.equal(latency.counts.length, latency.upToSeconds.length + 1);
});
