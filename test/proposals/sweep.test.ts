/** Who finishes an instance, and when: PROPOSAL "sweep". */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { limits } from "../../protocol/limits.ts";
import type { InstanceId, ReplicaId } from "../../protocol/types.ts";
import { formed, type Process, set, until } from "../support/memory-cluster.ts";

describe("an instance that holds up others", () => {
  test("63: is left to an owner that answers, also by another process of the owner's replica", async (t) => {
    const cluster = await formed(t);
    const [leading] = cluster.site(1).processes;
    await cluster.start(1);
    const recovered: InstanceId[] = [];
    let first: InstanceId | null = null;
    cluster.intercept(({ from, request }) => {
      if (request.kind === "recover") recovered.push(request.id);
      if (request.kind !== "preAccept" || from !== 1) return "deliver";
      first ??= request.id;
      return request.id === first ? 1_200 : "deliver";
    });
    const propose = (value: string) =>
      (leading as Process).replica.propose({ commands: [set("a", value)], idempotencyKey: null, timeoutMs: 10_000 });
    const startMs = performance.now();
    const slow = propose("1");
    await until("it was sent", () => first !== null);
    const [answer, behind] = await Promise.all([slow, propose("2")]);
    // A machine that stood still for so long has used up the patience.
    if (performance.now() - startMs < limits.ownerPatienceMs) assert.deepEqual([recovered, answer.instance], [[], first]);
    assert.equal(behind.outcome.kind, "results");
  });

  test("63: is recovered by the others soon after its owner fell silent", async (t) => {
    const cluster = await formed(t);
    let first: InstanceId | null = null;
    cluster.intercept(({ from, request }) => {
      if (request.kind === "preAccept" && from === 1) first ??= request.id;
      return from === 1 && request.kind !== "preAccept" ? "lost" : "deliver";
    });
    void cluster.propose(1, set("a", "1")).catch(() => {});
    await until("it was sent", () => first !== null);
    await cluster.process(1).kill();
    assert.equal((await cluster.propose(2, set("a", "2"), 10_000)).outcome.kind, "results");
  });
});

test("64: what an epoch that is over leaves undecided is recovered at once, though its owner answers and leads it", async (t) => {
  const cluster = await formed(t);
  const bounds = limits as unknown as { ownerPatienceMs: number };
  const before = bounds.ownerPatienceMs;
  t.after(() => {
    bounds.ownerPatienceMs = before;
  });
  bounds.ownerPatienceMs = 60_000;
  let first: InstanceId | null = null;
  cluster.intercept(({ from, request }) => {
    if (request.kind !== "preAccept" || from !== 1) return "deliver";
    first ??= request.id;
    return request.id === first ? "lost" : "deliver";
  });
  const answer = cluster.propose(1, set("a", "1"), 30_000);
  await until("it was sent", () => first !== null);
  assert.equal(await cluster.replica(2).changeVoters([1, 2] as ReplicaId[], { timeoutMs: 15_000 }), 3);
  assert.equal((await answer).outcome.kind, "results");
});
