/** Whom the client asks: the first one given, the nearest healthy one of the others when that fails, the first again when it is back. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../client/client.ts";
import { eventually } from "../support/api.ts";

type Place = { readonly url: string; isUp: boolean; asked: number };

/** Answers after `delayMs`; while it is down, that it is not ready. */
async function place(t: TestContext, delayMs: number): Promise<Place> {
  const server = createServer(async (request, response) => {
    await sleep(delayMs);
    const isProbe = request.url === "/readyz";
    if (!isProbe) here.asked++;
    response.writeHead(here.isUp ? 200 : 503, { "content-type": "application/json" });
    const error = { error: { code: "notReady", message: "down" } };
    response.end(JSON.stringify(here.isUp ? { key: "k", value: "v", version: 1 } : error));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const here = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, isUp: true, asked: 0 };
  return here;
}

test("the first; where it fails the nearest healthy one; the first again when it is ready", async (t) => {
  const [first, far, near] = await Promise.all([place(t, 0), place(t, 150), place(t, 0)]);
  const client = createClient({ endpoints: [first.url, far.url, near.url] });
  t.after(() => client.close());
  await client.get("k");
  // The distances are measured beside the first request.
  await sleep(1_000);
  assert.deepEqual([first.asked, far.asked, near.asked], [1, 0, 0]);

  first.isUp = false;
  await client.get("k");
  await client.get("k");
  assert.deepEqual([first.asked, far.asked, near.asked], [2, 0, 2], "the one that failed is not asked again and again");

  near.isUp = false;
  await client.get("k");
  assert.equal(far.asked, 1, "the farther one is better than none");

  first.isUp = true;
  await eventually("the first is asked again", 15_000, async () => {
    const before = first.asked;
    await client.get("k");
    return first.asked > before;
  });
});

test("with every endpoint down all are asked, and it ends", async (t) => {
  const places = await Promise.all([place(t, 0), place(t, 0)]);
  for (const each of places) each.isUp = false;
  const client = createClient({ endpoints: places.map(({ url }) => url), timeoutMs: 2_000 });
  t.after(() => client.close());
  await assert.rejects(client.get("k"), { code: "notReady" });
  await assert.rejects(client.get("k"), { code: "notReady" });
  for (const each of places) assert.ok(each.asked > 0);
});
