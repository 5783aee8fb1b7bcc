/** Nine clients of three datacenters, processes killed and stopped meanwhile: what they were told has one order. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkHistory } from "../../sim/checker/check-history.ts";
import type { Operation } from "../../sim/checker/history.ts";
import { writeHistory } from "../../sim/checker/jsonl.ts";
import { eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { createRecorder, type Recorder } from "../support/recorder.ts";
import { checkVersions } from "../support/version-check.ts";

const runMs = 15_000;
const timeoutMs = 2_000;
/** Against hanging only: a server that was killed is started again, which takes seconds where the cores are busy. */
const gapMsMax = 14_000;
const datacenters = [1, 2, 3];
const clientsEach = 3;
/** Most of the traffic goes to few keys: conflicts are where such systems break. */
const hot = Array.from({ length: 5 }, (_, i) => `hot/${i}`);
const cold = Array.from({ length: 15 }, (_, i) => `cold/${i}`);
const counters = ["counter/0", "counter/1"];

describe("under load, with faults", () => {
  let cluster: TestCluster;
  const recorder = createRecorder(timeoutMs);
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.end());

  test("what nine clients are told is linearizable", { timeout: 120_000 }, async (t) => {
    const endMs = performance.now() + runMs;
    const clients = datacenters.flatMap((i) =>
      Array.from({ length: clientsEach }, (_, k) => drive(cluster, recorder, { datacenter: i, name: `dc-${i}.${k}`, endMs })),
    );
    const faults = await breakThings(cluster);
    await Promise.all(clients);
    await eventually("all are ready again", 30_000, async () =>
      (await Promise.all(datacenters.map((i) => cluster.api(i).isReady()))).every(Boolean),
    );
    for (const key of [...hot, ...cold, ...counters])
      await Promise.all(datacenters.map((i) => recorder.get(`final.${i}`, cluster.api(i), key)));

    const { operations, strange } = recorder;
    const count = (wanted: string) => operations.filter(({ status }) => status === wanted).length;
    t.diagnostic(`${operations.length} operations: ${count("ok")} ok, ${count("fail")} fail, ${count("info")} info`);
    if (process.env["EPOXY_TEST_KEEP"] !== undefined) writeFileSync(join(cluster.folder, "history.jsonl"), writeHistory(operations));
    assert.deepEqual(strange, [], "an answer that is not documented");
    assert.ok(faults.every(Boolean), "a fault was not injected");
    const wrong = [...checkVersions(operations), ...counters.flatMap((key) => checkCounter(operations, key))];
    assert.equal(wrong.slice(0, 10).join("\n"), "", `${wrong.length} answers cannot be`);
    const final = operations.filter(({ client }) => `${client}`.startsWith("final."));
    assert.equal(final.filter(({ status }) => status !== "ok").length, 0, "a final read was not answered");
    for (const i of datacenters)
      assert.ok(longestGapMs(operations, `dc-${i}.`) < gapMsMax, `dc-${i} answered nothing for ${longestGapMs(operations, `dc-${i}.`)} ms`);

    const verdict = checkHistory(operations);
    if (verdict.verdict === "unknown") t.diagnostic(`the checker says: ${verdict.reason}`);
    assert.notEqual(verdict.verdict, "violation", verdict.verdict === "violation" ? `${verdict.reason}\n${verdict.window}` : "");
  });
});

/** One outstanding operation after the other; each write has a value of its own. */
async function drive(
  cluster: TestCluster,
  recorder: Recorder,
  { datacenter, name, endMs }: { datacenter: number; name: string; endMs: number },
): Promise<void> {
  const api = cluster.api(datacenter);
  let last: string | null = null;
  for (let n = 0; performance.now() < endMs; n++) {
    const key = pick(Math.random() < 0.8 ? hot : cold);
    const dice = Math.random();
    const value = `${name}#${n}${n % 40 === 0 ? "x".repeat(64 * 1024) : ""}`;
    let done: Operation;
    if (dice < 0.35) done = await recorder.get(name, api, key);
    else if (dice < 0.4) done = await recorder.get(name, api, key, "local");
    else if (dice < 0.6) done = await recorder.set(name, api, key, value);
    else if (dice < 0.75) done = await recorder.checkAndSet(name, api, key, { expectOneOf: [null, last], newValue: value });
    else if (dice < 0.85) done = await recorder.delete(name, api, key);
    else if (dice < 0.95) done = await recorder.add(name, api, pick(counters), 1);
    else done = await recorder.get(name, api, pick(counters));
    if (done.op === "get" && !done.key.startsWith("counter/")) last = done.result?.value ?? null;
    // Who is refused waits a moment, as a client would.
    if (done.status === "fail") await sleep(50);
  }
}

/** A server killed, a whole datacenter stopped, a Redis killed: one after the other, each in the middle of the load. */
async function breakThings(cluster: TestCluster): Promise<boolean[]> {
  await sleep(3_000);
  const hadServer = cluster.pids(2, "server").length === 1;
  cluster.signal("SIGKILL", 2, "server");
  await sleep(4_000);
  const wasWhole = cluster.pids(3).length === 3;
  cluster.pause(3);
  await sleep(2_000);
  cluster.resume(3);
  await sleep(2_000);
  const hadRedis = cluster.pids(1, "redis").length === 1;
  cluster.signal("SIGKILL", 1, "redis");
  return [hadServer, wasWhole, hadRedis];
}

/** Every read lies between what was surely added before it and what may have been by its end; all deltas are positive. */
function checkCounter(operations: readonly Operation[], key: string): string[] {
  const adds = operations.flatMap((operation) => (operation.op === "add" && operation.key === key ? [operation] : []));
  const reads = operations.flatMap((operation) =>
    operation.op === "get" && operation.key === key && operation.status === "ok" ? [operation] : [],
  );
  const sum = (some: readonly (typeof adds)[number][]) => some.reduce((total, { args }) => total + Number(args.delta), 0);
  return reads.flatMap((read) => {
    const value = Number(read.result?.value ?? 0);
    const least = sum(adds.filter(({ status, endNs }) => status === "ok" && (endNs ?? 0n) < read.startNs));
    const most = sum(adds.filter(({ status, startNs }) => status !== "fail" && startNs < (read.endNs ?? 0n)));
    return value >= least && value <= most ? [] : [`${key}: ${read.client} read ${value}, not from ${least} to ${most}`];
  });
}

function longestGapMs(operations: readonly Operation[], client: string): number {
  const ends = operations.filter((each) => each.status === "ok" && `${each.client}`.startsWith(client)).map(({ endNs }) => Number(endNs));
  ends.sort((a, b) => a - b);
  return Math.max(0, ...ends.slice(1).map((end, i) => (end - (ends[i] as number)) / 1e6));
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}
