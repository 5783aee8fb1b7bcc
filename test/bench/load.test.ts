/** What `epoxy bench` does with a server whose answers are known. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { drawChart } from "../../bench/chart.ts";
import { zipfKeys } from "../../bench/keys.ts";
import { runLoad } from "../../bench/load.ts";
import { kinds, plan } from "../../bench/plans.ts";
import { createDice } from "../../sim/random.ts";

type Answer = { readonly status: number; readonly body: string };

async function serve(t: { after(fn: () => unknown): void }, answer: (url: string) => Answer): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const { status, body } = answer(request.url ?? "");
      response.writeHead(status, { "content-length": body.length }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const options = {
  callersEach: [2],
  ratePerSecond: null,
  valueBytes: 8,
  commands: 1,
  conflicts: [50],
  zipf: null,
  keys: 10,
  readShare: 0.5,
  prefix: "b",
};
const times = { warmUpSeconds: 0.05, seconds: 0.3 };

test("closed loops: every answer is counted once, by datacenter, with its path", async (t) => {
  const api = await serve(t, () => ({ status: 200, body: '{"path":"fast"}' }));
  const [run] = plan("throughput", options);
  assert.ok(run !== undefined);
  const { all, each } = await runLoad({ ...times, apis: [api, api], callersEach: 2, ratePerSecond: null, ask: run.ask });
  assert.equal(each.length, 2);
  assert.equal(all.count, (each[0]?.count ?? 0) + (each[1]?.count ?? 0));
  assert.ok(all.count > 0 && all.errors === 0 && all.fastShare === 1);
  assert.ok(all.p50Ms <= all.p99Ms && all.p99Ms <= all.p999Ms);
});

test("an open loop asks at its rate, and refusals are errors, not latencies", async (t) => {
  const api = await serve(t, () => ({ status: 503, body: '{"error":{"code":"noQuorum"}}' }));
  const { all, errorTexts } = await runLoad({ ...times, apis: [api], callersEach: 8, ratePerSecond: 100, ask: () => ({ path: "/x" }) });
  assert.equal(all.count, 0);
  assert.ok(all.errors > 0 && all.errors < 100);
  assert.match(errorTexts[0] ?? "", /noQuorum/);
});

test("every kind has runs whose requests are of the API", () => {
  for (const kind of kinds) {
    const runs = plan(kind, options);
    assert.ok(runs.length > 0, kind);
    for (const { ask } of runs) assert.match(ask(1, 0).path, /^\/v1\/(proposals$|kv\/)/);
  }
});

test("several commands a request set as many keys, others in each request", () => {
  const [run] = plan("throughput", { ...options, commands: 16 });
  const keysOf = (number: number) => JSON.parse(run?.ask(number, 0).body ?? "").commands.map(({ key }: { key: string }) => key);
  assert.equal(new Set([...keysOf(1), ...keysOf(2)]).size, 32);
  assert.match(run?.name ?? "", /16 commands a request/);
});

test("Zipf's law: the first key is asked for about twice as often as the second", () => {
  const dice = createDice("zipf");
  const key = zipfKeys(1, 1_000, () => dice.next());
  const counts = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const drawn = key();
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  }
  const ratio = (counts.get("zipf/0") ?? 0) / (counts.get("zipf/1") ?? 1);
  assert.ok(ratio > 1.7 && ratio < 2.3, `${ratio}`);
});

test("the picture has a bar for each datacenter of each run, and no markup of a name", () => {
  const one = { count: 1, errors: 0, perSecond: 5, p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 4, fastShare: 1 };
  const run = { name: "<16>", result: { each: [one, one], all: one, errorTexts: [] } };
  const svg = drawChart("t", ["CA", "VA"], [run, run]);
  assert.equal([...svg.matchAll(/<rect [^>]+><title>/g)].length, 4);
  assert.ok(!svg.includes("<16>"));
});
