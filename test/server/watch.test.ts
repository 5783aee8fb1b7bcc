/** GET /v1/watch over a real socket: what comes, in which order, and where a client goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import type { Change, Key } from "../../protocol/types.ts";
import { anInstance, fakeApp, fakeChanges } from "./fake-replica.ts";

type Event = { readonly id: string; readonly event: string; readonly data: unknown };

const value = (key: string, text: string | null, version: number): Change["writes"][number] => ({
  kind: "value",
  id: key as Key,
  record: { value: text === null ? null : Buffer.from(text), version },
});
const change = (...writes: Change["writes"]): Change => ({ instance: anInstance, writes });

async function serve(t: TestContext) {
  const store = fakeChanges();
  const { app } = fakeApp({ store });
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
    { id: "1-0/1", event: "put", data: { key: "a1", value: "é", version: 2, instance: "1.7" } },
    { id: "4-0", event: "delete", data: { key: { base64: "Yf8=" }, value: null, version: 3, instance: "1.7" } },
  ]);
  watcher.close();
});

test("goes on after any event's id, also in the middle of a change", async (t) => {
  const { store, watch } = await serve(t);
  store.push(change(value("a", "1", 1)));
  store.push(change(value("b", "2", 1), value("c", "3", 1), value("d", "4", 1)));
  const all = await watch("?after=0-0");
  const events = await all.take(4);
  all.close();
  assert.deepEqual(
    events.map(({ id }) => id),
    ["1-0", "1-0/1", "1-0/2", "2-0"],
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
  const watcher = await watch("?after=1-0");
  assert.deepEqual(await watcher.take(1), [{ id: "3-0", event: "gap", data: {} }]);
  store.push(change(value("d", "1", 1)));
  assert.equal((await watcher.take(2))[1]?.id, "4-0");
  watcher.close();
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
