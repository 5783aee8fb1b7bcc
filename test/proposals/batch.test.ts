/** Many callers, one instance: PROPOSAL 66 to 68. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreInDoubt } from "../../proposals/ports.ts";
import { limits } from "../../protocol/limits.ts";
import type { Key } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { bytes, codeOf, formed, set, until } from "../support/memory-cluster.ts";

const many = (count: number) => Array.from({ length: count }, (_, index) => index);

const key = (text: string) => text as Key;

/** How many of the answers are of each instance, in the order of their first answers. */
function sizes(answers: readonly { readonly instance: number }[]): number[] {
  const counts = new Map<number, number>();
  for (const { instance } of answers) counts.set(instance, (counts.get(instance) ?? 0) + 1);
  return [...counts.values()];
}

describe("callers who come together", () => {
  test("share an instance, and each gets the results of his own commands", async (t) => {
    const cluster = await formed(t);
    await cluster.propose(1, set("k3", "there before"));
    const answers = await Promise.all(
      many(20).map((index) =>
        cluster.propose(1, {
          kind: "checkAndSet",
          key: key(`k${index}`),
          expect: { kind: "version", version: 0 },
          newValue: bytes(`v${index}`),
        }),
      ),
    );
    assert.deepEqual(sizes(answers), [1, 19]);
    for (const [index, { outcome }] of answers.entries()) {
      assert.deepEqual(outcome.kind === "results" ? outcome.results.map(({ kind }) => kind) : outcome.kind, [
        index === 3 ? "expectedValueDoesNotMatch" : "written",
      ]);
    }
    for (const index of many(20)) assert.equal(await cluster.read(2, `k${index}`), index === 3 ? "there before" : `v${index}`);
  });

  test(`up to ${limits.batchEntriesMax} of them`, async (t) => {
    const cluster = await formed(t);
    const answers = await Promise.all(many(2 * limits.batchEntriesMax).map((index) => cluster.propose(1, set(`k${index}`, "v"))));
    assert.deepEqual(sizes(answers), [1, limits.batchEntriesMax, limits.batchEntriesMax - 1]);
  });

  test("also where they come shortly after one another, while the process has more to do than it can", async (t) => {
    const cluster = await formed(t, { busyShare: () => 1 });
    const asked = [];
    for (const group of many(30)) {
      for (const index of many(6)) asked.push(cluster.propose(1, set(`k${group}.${index}`, "v")));
      await systemClock.sleep(limits.batchPauseMaxMs / 12);
    }
    assert.ok(Math.max(...sizes(await Promise.all(asked))) > 24);
  });

  test("and large values go in instances of their own", async (t) => {
    const cluster = await formed(t);
    const large = "v".repeat(limits.batchBytesMax);
    const answers = await Promise.all(many(4).map((index) => cluster.propose(1, set(`k${index}`, large))));
    assert.deepEqual(sizes(answers), [1, 1, 1, 1]);
  });

  test("do not wait with those on a key that others write", async (t) => {
    const cluster = await formed(t);
    const racing = [1, 2, 3].map((site) => cluster.propose(site, set("hot", `${site}`)));
    const answers = await Promise.all(["hot", "cold1", "hot", "cold2"].map((name) => cluster.propose(1, set(name, "v"))));
    const [hot1, cold1, hot2, cold2] = answers.map(({ instance }) => instance);
    await Promise.all(racing);
    assert.equal(cold1, cold2, "the cold ones share an instance");
    assert.equal(hot1, hot2, "so do those on the hot key");
    assert.notEqual(hot1, cold1, "but not the same one");
  });
});

describe("callers whose pre-accept is not known to be durable", () => {
  test("all of them hear that the outcome is unknown", async (t) => {
    const cluster = await formed(t);
    await cluster.propose(1, set("a", "0"));
    await cluster.process(1).stop();
    let isArmed = false;
    await cluster.start(1, {
      store: (store) => ({
        ...store,
        transact: async (step) => {
          const isSubmit = isArmed && /slotTaken/.test(String(step));
          const result = await store.transact(step);
          if (isSubmit) throw new StoreInDoubt("went away");
          return result;
        },
      }),
    });
    await until("site 1 serves", () => cluster.replica(1).report().problems.length === 0);
    isArmed = true;
    const codes = await Promise.all(many(3).map((index) => codeOf(cluster.propose(1, set(`k${index}`, "v"), 1_000))));
    assert.deepEqual(codes, ["outcomeUnknown", "outcomeUnknown", "outcomeUnknown"]);
  });
});
