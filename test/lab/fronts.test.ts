/** What the lab puts in front of the shipped code: bounded chains, and the instant at which a pre-accept is due. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createGate } from "../../lab/gate.ts";
import { builtIn, roundTripMs } from "../../lab/matrix.ts";
import { dueMs } from "../../lab/queuing.ts";
import { defaults } from "../../lab/setting.ts";

test("who comes while a key's write is under way goes with the next wave, all together; other keys wait for nobody", async () => {
  const gate = createGate();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, key: string) => {
    const end = new Promise<void>((resolve) => ends.set(name, resolve));
    return gate.through(key, () => {
      begun.push(name);
      return end;
    });
  };
  const finish = async (name: string) => {
    ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const all = [ask("a", "k"), ask("b", "k"), ask("c", "k"), ask("d", "other")];
  assert.deepEqual(begun, ["a", "d"]);
  await finish("a");
  assert.deepEqual(begun, ["a", "d", "b", "c"]);
  all.push(ask("e", "k"));
  await finish("b");
  assert.equal(begun.includes("e"), false);
  await finish("c");
  assert.equal(begun.at(-1), "e");
  await finish("e");
  await finish("d");
  await Promise.all(all);
});

test("the next wave begins also where one of this one failed", async () => {
  const gate = createGate();
  const failed = gate.through("k", () => Promise.reject(new Error("no quorum")));
  const next = gate.through("k", async () => {});
  await assert.rejects(failed, /no quorum/);
  await next;
});

test("a pre-accept is due once the farthest of the nearest fast quorum has it", () => {
  const placement = ["CA", "VA", "EU", "OR", "JP"];
  const due = dueMs({ ...defaults, matrix: builtIn, placement, protocol: "epaxos-star-toq" });
  placement.forEach((from, i) => {
    const ways = placement.filter((to) => to !== from).map((to) => roundTripMs(builtIn, from, to) / 2);
    // Three of five: the owner and the two nearest.
    assert.equal(due[i], ways.sort((a, b) => a - b)[1]);
  });
});
