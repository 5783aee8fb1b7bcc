/** What no schedule of test/scenarios reaches: each is a mistake that test/mutants plants. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BUCKET_MS } from "../../protocol/conflict.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { formed, set, until } from "../support/memory-cluster.ts";

test("an optimistic read believes a voter that has the key, however late it answers, before those that do not", async (t) => {
  const cluster = await formed(t);
  cluster.intercept(({ from, to, request }) => {
    if (from === 1 && (request.kind === "commit" || request.kind === "sync")) return "lost";
    if (to === 1 && (request.kind === "downloadInstances" || request.kind === "sync")) return "lost";
    return to === 1 && request.kind === "kvGet" ? 150 : "deliver";
  });
  await cluster.propose(1, set("a", "1"));
  const state = await cluster.replica(3).read("a" as Key, "optimistic", 5_000);
  assert.equal(Buffer.from(state.value ?? []).toString(), "1");
});

test("idempotency rows go by stamps and closed hours, never by a clock: one that runs a day ahead executes no retry again", async (t) => {
  const before = { ...limits };
  t.after(() => Object.assign(limits, before));
  Object.assign(limits, { bucketsEveryMs: 30, pruneEveryMs: 30 });
  const cluster = await formed(t, { wallMs: (site) => systemClock.wallMs() + (site === 3 ? 40 * BUCKET_MS : 0) });
  const add: Command = { kind: "add", key: "n" as Key, delta: 1n };
  const once = () => cluster.replica(1).propose({ commands: [add], idempotencyKey: "key", timeoutMs: 5_000 });
  await once();
  await until("3 has executed it", async () => (await cluster.local(3, "n")) === "1");
  await systemClock.sleep(400);
  await once();
  await cluster.read(3, "n");
  assert.equal(await cluster.local(3, "n"), "1");
});
