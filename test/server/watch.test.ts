/** GET /v1/watch over a real socket: what comes, in which order, and where a client goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { limits } from "../../protocol/limits.ts";
import type { Change, Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { anInstance, fakeApp, fakeChanges } from "./fake-replica.ts";

type Event = { readonly id: string; readonly event: string; readonly data: unknown };

const value = (key: string, text: string | null, version: number): Change["writes"][number] => ({
  kind: "value",
  id: key as Key,
  record: { value: text === null ? null : Buffer.from(text), version },
});
const change = (...writes: Change["writes"]): Change => ({ instance: anInstance, writes });

async function serve(t: TestContext, clock = systemClock) {
  const store = fakeChanges();
  const { app } = fakeApp({ store, clock });
  t.after(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as { port: number };
  return {
    app,
    store,
    watch: (query: string, headers: Record<string, string> = {}) => open(`http://127.0.0.1:${port}/v1/watch${query}`, headers),
  };
}

async function open(url: string, headers: Record<string, string>) {
  const [response] = (await once(get(url, { headers }), "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const events = (): Event[] =>
    text
      .split("\n\n")
      // What comes after the last empty line is not whole yet.
      .slice(0, -1)
      .filter((block) => block.includes("event:"))
      .map((block) => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
        return { id: field("id"), event: field("event"), data: JSON.parse(field("data")) as unknown };
      });
  const take = async (count: number): Promise<Event[]> => {
    for (let tries = 0; events().length < count && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    return events();
  };
  return { response, take, text: () => text, close: () => response.destroy() };
}

test("puts and deletes from now on, in order, under a prefix", async (t) => {
  const { store, watch } = await serve(t);
  store.push(change(value("a1", "before", 1)));
  const watcher = await watch("?prefix=a");
  assert.equal(watcher.response.headers["content-type"], "text/event-stream");
  await new Promise((resolve) => setTimeout(resolve, 30));
  store.push(change(value("a1", "é", 2), value("b", "other", 1)));
  store.push(change(value("", "members", 1)));
  store.push(change(value("a\xff", null, 3)));
  assert.deepEqual(await watcher.take(2), [
    { id: "i:0-1/1", event: "put", data: { key: "a1", value: "é", version: 2, instance: "1.7" } },
    { id: "i:0-4", event: "delete", data: { key: { base64: "Yf8=" }, value: null, version: 3, instance: "1.7" } },
  ]);
  watcher.close();
});

test("goes on after any event's id, also in the middle of a change", async (t) => {
  const { store, watch } = await serve(t);
  store.push(change(value("a", "1", 1)));
  store.push(change(value("b", "2", 1), value("c", "3", 1), value("d", "4", 1)));
  const all = await watch("?after=i:0-0");
  const events = await all.take(4);
  all.close();
  assert.deepEqual(
    events.map(({ id }) => id),
    ["i:0-1", "i:0-1/1", "i:0-1/2", "i:0-2"],
  );
  for (const [i, { id }] of events.entries()) {
    const again = await watch("", { "last-event-id": id });
    const rest = await again.take(events.length - i - 1);
    again.close();
    assert.deepEqual(rest, events.slice(i + 1), id);
  }
});

test("a position no longer kept is told by a gap, and the stream goes on from now", async (t) => {
  const { store, watch } = await serve(t);
  for (const key of ["a", "b", "c"]) store.push(change(value(key, "1", 1)));
  store.forgetBefore(3);
  const watcher = await watch("?after=i:0-1");
  assert.deepEqual(await watcher.take(1), [{ id: "i:0-3", event: "gap", data: {} }]);
  store.push(change(value("d", "1", 1)));
  assert.equal((await watcher.take(2))[1]?.id, "i:0-4");
  watcher.close();
});

test("the position of another datacenter, or of a disk that is no more, is a gap: never taken for one of ours", async (t) => {
  const { store, watch } = await serve(t);
  for (const key of ["a", "b", "c"]) store.push(change(value(key, "1", 1)));
  const watcher = await watch("?after=0123456789ab:0-1");
  assert.deepEqual(await watcher.take(1), [{ id: "i:0-3", event: "gap", data: {} }]);
  watcher.close();
});

test("a delete is an event of its own, an empty value is a put, and a key that never was has none", async (t) => {
  const { store, watch } = await serve(t);
  store.push(change(value("deleted", null, 2), value("empty", "", 1)));
  const watcher = await watch("?after=i:0-0");
  const events = await watcher.take(2);
  assert.deepEqual(
    events.map(({ event, data }) => [event, (data as { key: string; value: string | null }).key, (data as { value: string | null }).value]),
    [
      ["delete", "deleted", null],
      ["put", "empty", ""],
    ],
  );
  watcher.close();
});

test("a stream says where it is before its first event, so that nothing is missed when it breaks", async (t) => {
  const { store, watch } = await serve(t);
  for (const key of ["a", "b"]) store.push(change(value(key, "1", 1)));
  const first = await watch("?prefix=z");
  for (let tries = 0; !first.text().includes("id:") && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  const position = /^id: (.*)$/m.exec(first.text())?.[1] ?? "";
  first.close();
  store.push(change(value("z", "1", 1)));
  const again = await watch("", { "last-event-id": position });
  assert.deepEqual(
    (await again.take(1)).map(({ id }) => id),
    ["i:0-3"],
  );
  again.close();
});

test("who reads nothing is cut with an event that says so, and goes on with its id without a loss", async (t) => {
  // The wait for the reader is short; what it has not read yet it may still read.
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === limits.watchSlowMs ? 100 : ms, signal),
  };
  const { store, watch } = await serve(t, clock);
  const large = "x".repeat(500_000);
  for (let i = 0; i < 40; i++) store.push(change(value(`k${i}`, large, 1)));
  const slow = await watch("?after=i:0-0");
  slow.response.pause();
  await new Promise((resolve) => setTimeout(resolve, 400));
  slow.response.resume();
  const ended = await Promise.race([once(slow.response, "close"), new Promise((resolve) => setTimeout(() => resolve(null), 5_000))]);
  assert.notEqual(ended, null, "the stream ends");
  const text = slow.text();
  assert.match(text, /event: cut\nid: i:0-\d+\ndata: \{"reason":"slow".*\}\n\n$/);
  const seen = [...text.matchAll(/^data: \{"key":"k(\d+)"/gm)].map((match) => Number(match[1]));
  assert.ok(seen.length < 40, "it was cut before the end");
  const last = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "";
  const again = await watch("", { "last-event-id": last });
  const [next] = await again.take(1);
  assert.deepEqual(
    [...seen, Number(next?.id.match(/(\d+)$/)?.[1]) - 1],
    Array.from({ length: seen.length + 1 }, (_, i) => i),
  );
  again.close();
});

test("a wrong position is 400, and closing the server ends every watch", async (t) => {
  const { app, watch } = await serve(t);
  const wrong = await watch("?after=yesterday");
  assert.equal(wrong.response.statusCode, 400);
  const watcher = await watch("");
  const ended = once(watcher.response, "end");
  await app.close();
  await ended;
});

test("how many changes are kept is stated where the request is described", async (t) => {
  const { app } = fakeApp();
  t.after(() => app.close());
  const { paths } = (await app.inject({ url: "/openapi.json" })).json();
  assert.match(paths["/v1/watch"].get.description, new RegExp(`last ${limits.changesKept} changes are kept`));
});
