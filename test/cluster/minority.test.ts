/** One datacenter that cannot reach the others: it promises nothing, says so, and goes on serving what it has. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askRedis } from "../../cli/redis-probe.ts";
import { type Answer, bodyOf, eventually, type ProposalBody } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

type ErrorBody = { readonly error: { readonly code: string; readonly message: string; readonly instance?: string } };
type InstanceBody = { readonly status: string; readonly commands?: readonly unknown[] };

const knownMs = 5_000;
/** Against hanging only. */
const patienceMs = 15_000;
/** What an answer may take beyond the time that its caller gave it. */
const marginMs = 5_000;

describe("a minority alone", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ noRestart: true });
  });
  after(() => cluster.end());
  const alone = () => cluster.api(1);
  const codeOf = (answer: Answer, status: number) => bodyOf<ErrorBody>(answer, status).error.code;
  const allReady = () =>
    eventually("all are ready", 20_000, async () => (await Promise.all([1, 2, 3].map((i) => cluster.api(i).isReady()))).every(Boolean));
  const put = (key: string, value: string, timeoutMs: number) =>
    alone().put(key, value, { headers: { "epoxy-timeout-ms": `${timeoutMs}` } });

  test("the other two stopped: 504 with the instance for what was proposed, 503 for the rest, local reads as ever", async (t) => {
    const { instance } = await alone().run({ kind: "set", key: "before", value: "there" });
    cluster.pause(2);
    cluster.pause(3);
    const pausedMs = performance.now();
    const names = Array.from({ length: 20 }, (_, i) => `doubtful/${i}`);
    const asked = [put("doubtful", "perhaps", 1_000), ...names.map((key) => put(key, "perhaps", 1_500))];
    const read = await alone().get("before", "linearizable", { headers: { "epoxy-timeout-ms": "1000" } });
    assert.equal(codeOf(read, 503), "noQuorum");
    assert.ok(read.ms < 1_000 + marginMs, `a read was refused after ${Math.round(read.ms)} ms`);
    const doubtful = await Promise.all(asked);
    for (const [i, answer] of doubtful.entries()) {
      const { error } = bodyOf<ErrorBody>(answer, 504);
      assert.equal(error.code, "outcomeUnknown");
      assert.match(error.instance ?? "", /^1\.\d+$/);
      assert.ok(answer.ms < (i === 0 ? 1_000 : 1_500) + marginMs, `504 came after ${Math.round(answer.ms)} ms`);
    }

    const unknown = [...doubtful];
    await eventually("new writes are refused", patienceMs, async () => {
      const answer = await put("doubtful", "perhaps too", 100);
      if (answer.status === 504) unknown.push(answer);
      return answer.status === 503;
    });
    t.diagnostic(`refused ${Math.round(performance.now() - pausedMs)} ms after the others stopped`);
    for (let i = 0; i < 50; i++) {
      const refused = await alone().put(`refused/${i}`, "never");
      assert.equal(codeOf(refused, 503), "noQuorum");
      assert.ok(refused.headers["retry-after"] !== undefined);
    }
    assert.equal(codeOf(await alone().get("before"), 503), "noQuorum");
    assert.equal(codeOf(await alone().propose([{ kind: "get", key: "before" }]), 503), "noQuorum");
    assert.equal(await alone().value("before", "local"), "there");
    assert.equal(codeOf(await alone().ask("GET", "/readyz"), 503), "notReady");
    assert.equal((await alone().ask("GET", "/healthz")).status, 200);

    cluster.resume(2);
    cluster.resume(3);
    await allReady();
    await noneOfIt(unknown, instance);
  });

  /** What was refused was never proposed: its values are nowhere, and its instances do not exist. What was proposed has one outcome. */
  async function noneOfIt(unknown: readonly Answer[], before: string): Promise<void> {
    for (const answer of unknown) {
      const name = bodyOf<ErrorBody>(answer, 504).error.instance ?? "";
      await eventually(`${name} is decided everywhere`, 30_000, async () => {
        const views = await Promise.all([1, 2, 3].map((i) => cluster.api(i).ask("GET", `/v1/instances/${name}`)));
        // One that everybody has executed may be dropped.
        return views.every((view) => view.status === 404 || ["committed", "executed"].includes(bodyOf<InstanceBody>(view, 200).status));
      });
    }
    for (const i of [1, 2, 3]) {
      const { entries } = bodyOf<{ entries: readonly unknown[] }>(await cluster.api(i).ask("GET", "/v1/kv?prefix=refused/"), 200);
      assert.deepEqual(entries, [], "a refused write must never appear");
    }
    const values = await Promise.all([1, 2, 3].map((i) => cluster.api(i).value("doubtful")));
    assert.equal(new Set(values).size, 1, JSON.stringify(values));
    const { instance } = bodyOf<ProposalBody>(await alone().propose([{ kind: "set", key: "after", value: "healed" }]), 200);
    const slot = (name: string) => Number(name.split(".")[1]);
    assert.ok(
      slot(instance) - slot(before) - 1 <= unknown.length,
      `${slot(instance) - slot(before) - 1} instances for ${unknown.length} proposals`,
    );
    assert.equal(await cluster.api(3).value("after"), "healed");
  }

  test("a Redis that may lose data does not count: its server says so and does not vote until that is mended", async () => {
    const redis = cluster.view.datacenters[2]?.redis ?? "";
    await askRedis(redis, [["CONFIG", "SET", "appendfsync", "everysec"]]);
    await eventually("dc-3 says so", 30_000, async () => /appendfsync/.test((await cluster.api(3).ask("GET", "/readyz")).text));
    await eventually("its server says so", 30_000, () => /does not vote: appendfsync is 'everysec'/.test(cluster.log("dc-3-server")));
    assert.equal(codeOf(await cluster.api(3).put("unfit", "x"), 503), "notReady");
    bodyOf(await cluster.api(2).put("two fit ones", "are enough"), 200);

    cluster.pause(2);
    for (let i = 0; i < 3; i++) {
      const answer = await put(`unfit/${i}`, "perhaps", 500);
      assert.ok([503, 504].includes(answer.status), `one fit and one unfit datacenter answered ${answer.status}`);
    }
    await askRedis(redis, [["CONFIG", "SET", "appendfsync", "always"]]);
    await eventually("dc-3 votes again", 30_000, async () => (await put("fit again", "yes", 500)).status === 200);
    cluster.resume(2);
    await allReady();
  });

  test("the other two killed: the same, and local reads for as long as it stands", async () => {
    bodyOf(await alone().put("last", "kept"), 200);
    for (const i of [2, 3]) cluster.signal("SIGKILL", i);
    const killedMs = performance.now();
    await eventually("new writes are refused", patienceMs, async () => (await put("killed", "perhaps", 200)).status === 503);
    await sleep(knownMs - (performance.now() - killedMs));
    assert.equal(codeOf(await alone().put("killed", "never"), 503), "noQuorum");
    assert.equal(codeOf(await alone().get("last"), 503), "noQuorum");
    assert.equal(await alone().value("last", "local"), "kept");
    assert.equal((await alone().ask("GET", "/v1/cluster")).status, 200);
  });
});
