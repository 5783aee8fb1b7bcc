/** Who asked for something that took long finds it in the log, and his trace with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { EpoxyError } from "../../protocol/errors.ts";
import { fakeApp, fakeReplica } from "./fake-replica.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function logged() {
  const lines: {
    readonly instance?: string;
    readonly status?: number;
    readonly ms?: number;
    readonly leftOut?: number;
    readonly trace?: string;
  }[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, log };
}

test("a slow proposal is logged with its instance and trace; a quick one is not", async (t) => {
  const { lines, log } = logged();
  const quick = fakeApp({ log, slowRequestMs: 3_600_000 }).app;
  const slow = fakeApp({ log, slowRequestMs: 0 }).app;
  t.after(() => Promise.all([quick.close(), slow.close()]));
  const put = { method: "PUT", url: "/v1/kv/secret-key", payload: "v", headers: { traceparent: TRACE } } as const;
  await quick.inject(put);
  assert.equal(lines.length, 0);
  const { instance } = (await slow.inject(put)).json();
  assert.equal(lines.length, 1);
  const { ms, ...line } = lines[0] ?? {};
  assert.deepEqual(line, { level: 40, method: "PUT", route: "/v1/kv/*", status: 200, instance, trace: TRACE, msg: "a slow request" });
  assert.ok(Number.isInteger(ms));
  assert.ok(!JSON.stringify(lines).includes("secret-key"), "keys are the users'");
});

test("an unknown outcome has its instance in the log too, and a malformed trace is ignored", async (t) => {
  const { lines, log } = logged();
  const propose = () => Promise.reject(new EpoxyError("outcomeUnknown", "not known", { instance: 4097 }));
  const { app } = fakeApp({ log, slowRequestMs: 0, replica: { ...fakeReplica(), propose } });
  t.after(() => app.close());
  const { error } = (await app.inject({ method: "PUT", url: "/v1/kv/k", payload: "v", headers: { traceparent: "00-0-0-0" } })).json();
  assert.equal(lines[0]?.instance, error.instance);
  assert.equal(lines[0]?.status, 504);
  assert.ok(!("trace" in (lines[0] ?? {})));
});

test("a slow second is told by ten lines, and how many more there were", async (t) => {
  const { lines, log } = logged();
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs, sleep: async () => {}, busyShare: () => 0 };
  const { app } = fakeApp({ log, clock, slowRequestMs: 0 });
  t.after(() => app.close());
  for (let i = 0; i < 25; i++) await app.inject({ url: "/healthz" });
  assert.equal(lines.length, 10);
  nowMs = 1_000;
  await app.inject({ url: "/healthz" });
  assert.equal(lines.length, 11);
  assert.equal(lines[10]?.leftOut, 15);
});
