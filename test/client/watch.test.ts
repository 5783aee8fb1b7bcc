/** The client's watch over a server that breaks, cuts and comes back; and over two datacenters. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createClient, NothingHappened } from "../../client/client.ts";
import type { WatchEvent } from "../../client/types.ts";
import { freeUrl } from "../cli/api-stub.ts";

type Answer = (response: ServerResponse, after: string | null) => void;

/** Answers its nth watch as the nth of `answers` says, and the last one from then on. */
async function streams(t: TestContext, answers: readonly Answer[]) {
  const asked: (string | null)[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    if (url.pathname !== "/v1/watch") return void response.writeHead(200).end();
    const after = url.searchParams.get("after");
    asked.push(after);
    response.writeHead(200, { "content-type": "text/event-stream" });
    (answers[Math.min(asked.length, answers.length) - 1] as Answer)(response, after);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const put = (id: string) => `event: put\nid: ${id}\ndata: {"key":"k","value":"${id}","version":1,"instance":"1.1"}\n\n`;

/** The ids of the first `count` events. */
async function take(watching: AsyncGenerator<WatchEvent>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of watching) {
    ids.push(event.event === "put" ? event.id : `${event.event} ${event.id}`);
    if (ids.length === count) break;
  }
  return ids;
}

test("a stream that breaks goes on behind the last event, also before the first one", async (t) => {
  const { asked, url } = await streams(t, [
    (response) => response.write(": watching\nid: s:4\n\n", () => response.destroy()),
    (response) => response.write(put("s:5"), () => response.destroy()),
    (response) => response.end(`${put("s:6")}event: cut\nid: s:6\ndata: {"reason":"slow"}\n\n`),
    (response) => response.write(put("s:7")),
  ]);
  const client = createClient({ endpoints: [url] });
  t.after(() => client.close());
  assert.deepEqual(await take(client.watch(), 3), ["s:5", "s:6", "s:7"]);
  assert.deepEqual(asked, [null, "s:4", "s:5", "s:6"]);
});

test("where its datacenter stays away another one is watched, and says that there is a gap", async (t) => {
  const first = await streams(t, [(response) => response.write(put("a:1"), () => response.destroy())]);
  const second = await streams(t, [
    (response, after) => response.write(after === "a:1" ? "event: gap\nid: b:9\ndata: {}\n\n" : put("b:1")),
  ]);
  const client = createClient({ endpoints: [first.url, second.url] });
  t.after(() => client.close());
  const watching = client.watch();
  assert.equal((await watching.next()).value?.id, "a:1");
  first.server.closeAllConnections();
  first.server.close();
  assert.deepEqual((await watching.next()).value, { event: "gap", id: "b:9", data: null });
  await watching.return(undefined);
});

test("nobody there, or a wrong position: it ends with what was wrong", async (t) => {
  const nobody = createClient({ endpoints: [await freeUrl()] });
  t.after(() => nobody.close());
  await assert.rejects(take(nobody.watch(), 1), (thrown) => thrown instanceof NothingHappened && thrown.code === "unreachable");
});

test("an aborted signal ends it", async (t) => {
  const { url } = await streams(t, [(response) => response.write(put("s:1"))]);
  const client = createClient({ endpoints: [url] });
  t.after(() => client.close());
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of client.watch({ signal: stop.signal })) {
    seen.push(event.id);
    stop.abort();
  }
  assert.deepEqual(seen, ["s:1"]);
});
