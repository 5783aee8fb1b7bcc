/** A proposer killed or stopped at any moment: each key it touched has one outcome some seconds later, and keeps it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Api, bodyOf, eventually, NoAnswer, type ProposalBody } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

const keysEach = 40;
/** What a recovery takes, with a second to spare. */
const settledMs = 5_000;
/** Against hanging only. */
const patienceMs = 20_000;
/** Its proposals begin one after the other, so that each moment meets them at every step. */
const moments = [20, 90, 250];

type Claim = { readonly key: string; readonly who: string; readonly answer: Answer | null };

describe("a proposer that goes away", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.end());

  for (const moment of moments) {
    test(`killed ${moment} ms after it began`, async (t) => {
      const keys = namesOf(`killed/${moment}`);
      // The others want every second key as well.
      const claims = [
        ...claimAll(cluster, 1, keys),
        ...[2, 3].flatMap((i) =>
          claimAll(
            cluster,
            i,
            keys.filter((_, n) => n % 2 === 0),
          ),
        ),
      ];
      await sleep(moment);
      cluster.signal("SIGKILL", 1, "server");
      const killedMs = performance.now();
      const touched = keys.slice(0, keysEach / 2);
      const early = await Promise.all(touched.map((key) => soon(cluster.api(2), key)));
      t.diagnostic(`reading took ${Math.round(performance.now() - killedMs)} ms`);
      await sleep(settledMs - (performance.now() - killedMs));

      // Nobody has touched the second half: what the others have by now must be what it stays.
      let outcomes: (string | null)[] = [];
      await eventually("every datacenter has the outcomes", patienceMs, async () => {
        const local = await Promise.all([2, 3].map((i) => readAll(cluster.api(i), keys, "local")));
        outcomes = await readAll(cluster.api(3), keys, "linearizable");
        assert.deepEqual(local[0], local[1]);
        assert.deepEqual(local[0], outcomes);
        return true;
      });
      t.diagnostic(`they were there ${Math.round(performance.now() - killedMs)} ms after it was killed`);
      // A proposal on its way when its proposer died may still be found; what is there never changes.
      for (const [n, value] of early.entries()) if (value !== null) assert.equal(outcomes[n], value, `the outcome of ${keys[n]} changed`);
      agree(await Promise.all(claims), keys, outcomes);
      await eventually("dc-1 is ready again", 20_000, () => cluster.api(1).isReady());
      assert.deepEqual(await readAll(cluster.api(1), keys, "linearizable"), outcomes, "an outcome changed when the proposer came back");
    });
  }

  for (const moment of moments) {
    test(`stopped ${moment} ms after it began, and going on later`, async (t) => {
      const keys = namesOf(`stopped/${moment}`);
      const claims = claimAll(cluster, 1, keys);
      await sleep(moment);
      cluster.pause(1, "server");
      const pausedMs = performance.now();
      const others = await Promise.all(keys.map((key) => claim(cluster.api(2), key, "dc-2")));
      t.diagnostic(`another datacenter waited ${Math.round(performance.now() - pausedMs)} ms`);
      const outcomes = await readAll(cluster.api(3), keys, "linearizable");
      assert.ok(!outcomes.includes(null), "a key that was claimed has nobody");
      cluster.resume(1, "server");
      agree([...others, ...(await Promise.all(claims))], keys, outcomes);
      await eventually("dc-1 is ready again", 20_000, () => cluster.api(1).isReady());
      for (const i of [1, 2, 3])
        assert.deepEqual(await readAll(cluster.api(i), keys, "linearizable"), outcomes, `an outcome changed at dc-${i}`);
    });
  }
});

function namesOf(prefix: string): string[] {
  return Array.from({ length: keysEach }, (_, i) => `${prefix}/${i}`);
}

function claimAll(cluster: TestCluster, datacenter: number, keys: readonly string[]): Promise<Claim>[] {
  return keys.map(async (key, i) => {
    await sleep(i * 8);
    return claim(cluster.api(datacenter), key, `dc-${datacenter}`);
  });
}

/** null: nobody knows what became of it. */
async function claim(api: Api, key: string, who: string): Promise<Claim> {
  try {
    return { key, who, answer: await api.propose([{ kind: "checkAndSet", key, expectOneOf: [null], newValue: who }]) };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { key, who, answer: null };
  }
}

/** Whoever was answered was told the outcome; whoever was refused has no part in it. */
function agree(claims: readonly Claim[], keys: readonly string[], outcomes: readonly (string | null)[]): void {
  for (const { key, who, answer } of claims) {
    const outcome = outcomes[keys.indexOf(key)];
    if (answer === null || answer.status === 504) continue;
    if (answer.status === 503) {
      assert.notEqual(outcome, who, `${key} has ${who}, whose proposal was refused`);
      continue;
    }
    const [result] = bodyOf<ProposalBody>(answer, 200).results;
    assert.equal(result?.ok === true ? who : result?.current, outcome, `${who} was told something else of ${key}`);
  }
}

/** A linearizable read as soon as there is one: a busy moment may refuse it. */
async function soon(api: Api, key: string): Promise<string | null> {
  let value: string | null = null;
  await eventually(`${key} can be read`, patienceMs, async () => {
    value = await api.value(key);
    return true;
  });
  return value;
}

function readAll(api: Api, keys: readonly string[], mode: "local" | "linearizable"): Promise<(string | null)[]> {
  return Promise.all(keys.map((key) => api.value(key, mode)));
}
