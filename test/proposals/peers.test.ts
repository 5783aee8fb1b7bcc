/** What replicas believe of each other: who is there, whose disk may vote, who was removed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { heardFrom } from "../../proposals/health.ts";
import { copyMemoryDisk, createMemoryDisk } from "../../proposals/store/memory.ts";
import { instanceId, ownerOf, slotOf } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Key, Members, ReplicaId } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { codeOf, formed, type MemoryCluster, set, until } from "../support/memory-cluster.ts";

const problemsOf = (cluster: MemoryCluster, site: number): string => cluster.replica(site).report().problems.join("; ");

describe("a broken invariant", () => {
  test("is told to whoever started the replica, once, and refused to the peer", async (t) => {
    const cluster = await formed(t);
    const { instance } = await cluster.propose(1, set("a", "1"));
    await until("site 2 has it", async () => (await cluster.local(2, "a")) === "1");
    const record = await cluster.replica(1).instance(instance);
    const forged = { kind: "commit", id: instance, epoch: record?.epoch ?? 1, value: "nop", deps: { floor: [], explicit: [] } } as never;
    const { replies } = await cluster.replica(2).handle({ header: cluster.replica(1).header(2 as ReplicaId), requests: [forged] });
    assert.ok(replies[0]?.kind === "refused");
    assert.equal(replies[0].code, "contradiction");
    assert.equal(cluster.process(2).fatal.length, 1);
    assert.match(String(cluster.process(2).fatal[0]), /two values committed/);
  });
});

describe("who is there", () => {
  test("one datacenter that does not answer does not make the others look away from each other", async (t) => {
    const cluster = await formed(t);
    cluster.isolate(3);
    const endMs = performance.now() + 6_000;
    while (performance.now() < endMs) {
      const two = cluster
        .replica(1)
        .report()
        .peers.find(({ id }) => id === 2);
      assert.ok((two?.lastSeenMs ?? Infinity) < limits.suspectMs, `site 2 was last seen ${two?.lastSeenMs} ms ago`);
      await systemClock.sleep(50);
    }
  });

  test("an own floor counts all own instances, however many are open", async (t) => {
    const cluster = await formed(t);
    const before = Object.assign({}, limits);
    t.after(() => Object.assign(limits, before));
    Object.assign(limits, { pageEntriesMax: 2 });
    // Nothing of site 1 can be decided, and the first of them holds the floor back.
    cluster.intercept(({ from, request }) => (from === 1 && request.kind === "preAccept" ? "lost" : "deliver"));
    const pending = Array.from({ length: 9 }, (_, i) => codeOf(cluster.propose(1, set(`k${i}`, "1"), 3_000)));
    for (let i = 0; i < 5; i++) await cluster.propose(2, set(`other${i}`, "1"));
    await systemClock.sleep(1_500);
    const [progress] = await cluster.process(2).store.read("progress", [""]);
    const first = await cluster.replica(1).instance(instanceId(1 as ReplicaId, firstOpen(cluster) as never));
    const held = first?.initDeps?.floor.find(([column]) => column === 2)?.[1] ?? 0;
    const floor = progress?.globalFloor.find(([column]) => column === 2)?.[1] ?? 0;
    assert.ok(floor <= held, `the floor of column 2 is ${floor}, held back at ${held}`);
    cluster.intercept(null);
    await Promise.all(pending);
  });
});

function firstOpen(cluster: MemoryCluster): number {
  const members = cluster.site(1).disk.open.map((member) => [...member].reduce((id, char) => id * 256 + char.charCodeAt(0), 0) as never);
  return slotOf(members.filter((id) => ownerOf(id) === 1)[0] as never);
}

test("the time that a stopped process slept through does not pass for a round trip", () => {
  const peers = new Map();
  const ctx = { health: peers, known: { members: null }, clock: { monotonicMs: () => 0 } } as never;
  const header = { from: 2, incarnation: "00", epoch: 1, status: "active", counter: 1 } as never;
  for (const ms of [20, 600_000]) heardFrom(ctx, 2 as ReplicaId, { header, reply: { kind: "ok" } }, ms);
  assert.ok(peers.get(2).roundTripMs <= limits.peerTimeoutMs, `${peers.get(2).roundTripMs} ms`);
});

describe("whose disk may vote", () => {
  test("a worker that starts while its server is busy does not take its own disk for an old one", async (t) => {
    const cluster = await formed(t);
    let isBusy = true;
    t.after(() => {
      isBusy = false;
    });
    const load = Promise.all(
      [0, 1, 2, 3].map(async (i) => {
        while (isBusy) await cluster.propose(1, set(`k${i}`, "x"));
      }),
    );
    await systemClock.sleep(300);
    const worker = await cluster.start(1, { loops: "sync" });
    await until("the worker may act", () => worker.replica.report().problems.length === 0, 4_000);
    isBusy = false;
    await load;
  });

  test("an older copy of a disk is known as such, also when the others were restarted meanwhile", async (t) => {
    const before = Object.assign({}, limits);
    t.after(() => Object.assign(limits, before));
    Object.assign(limits, { savePeersEveryMs: 100 });
    const cluster = await formed(t);
    const old = copyMemoryDisk(cluster.site(3).disk);
    for (let i = 0; i < 5; i++) await cluster.propose(3, set("a", `${i}`));
    await systemClock.sleep(1_500);
    for (const site of [1, 2, 3]) await cluster.process(site).kill();
    cluster.site(3).disk = old;
    for (const site of [1, 2]) await cluster.start(site);
    await until("two of three serve", () => problemsOf(cluster, 1) === "" && problemsOf(cluster, 2) === "");
    await cluster.start(3);
    await until("site 3 says why it does not vote", () => /older than/.test(problemsOf(cluster, 3)));
    await systemClock.sleep(1_500);
    assert.match(problemsOf(cluster, 3), /older than/);
    assert.equal(await codeOf(cluster.propose(3, set("b", "1"), 500)), "notReady");
    const isThere = () =>
      cluster
        .replica(1)
        .report()
        .peers.find(({ id }) => id === 3)?.reachable;
    await until("it counts as gone", () => isThere() === false);
    await cluster.propose(1, set("b", "2"));
  });
});

describe("an emptied disk", () => {
  test("is no voter that is there, and nobody forgets the disk that was", async (t) => {
    const cluster = await formed(t);
    const { disk } = cluster.site(3);
    const old = copyMemoryDisk(disk);
    for (let i = 0; i < 5; i++) await cluster.propose(3, set("a", `${i}`));
    await systemClock.sleep(1_000);
    await cluster.process(3).kill();
    cluster.site(3).disk = createMemoryDisk();
    await cluster.start(3);
    await until(
      "it counts as gone",
      () =>
        cluster
          .replica(1)
          .report()
          .peers.find(({ id }) => id === 3)?.reachable === false,
    );
    cluster.isolate(2);
    await until("no quorum is left", () => !cluster.replica(1).report().quorum, limits.quorumLostMs + 2_000);
    cluster.heal();
    await cluster.process(3).kill();
    cluster.site(3).disk = old;
    await cluster.start(3);
    await until("site 3 says why it does not vote", () => /older than/.test(problemsOf(cluster, 3)));
  });
});

describe("who was removed", () => {
  test("one that missed its own removal is told by the others, and says so", async (t) => {
    const cluster = await formed(t);
    const late: Parameters<ReturnType<MemoryCluster["replica"]>["handle"]>[0][] = [];
    cluster.intercept(({ from, request }) => {
      if (from !== 3 || request.kind !== "preAccept") return "deliver";
      late.push({ header: cluster.replica(3).header(1 as ReplicaId), requests: [request] });
      return "lost";
    });
    await codeOf(cluster.propose(3, set("late", "1"), 300));
    cluster.isolate(3);
    await cluster.replica(1).changeVoters([1, 2] as ReplicaId[], { timeoutMs: 15_000 });
    await cluster.replica(1).changeMembers((members: Members) => {
      const rest = members.members.filter(({ id }) => id !== 3);
      return rest.length === members.members.length ? null : { ...members, members: rest, removed: [3 as ReplicaId] };
    }, 5_000);
    assert.equal(cluster.replica(3).report().status, "active");
    const [envelope] = late;
    assert.ok(envelope !== undefined);
    const { replies } = await cluster.replica(1).handle(envelope);
    assert.match(JSON.stringify(replies), /"kind":"refused".*replica 3 was removed/);
    cluster.heal();
    await until("site 3 knows", () => cluster.replica(3).report().status === "removed");
    assert.match(problemsOf(cluster, 3), /removed/);
    assert.equal(await codeOf(cluster.propose(3, set("b", "1"), 500)), "notReady");
    assert.equal(await codeOf(cluster.read(3, "b", 500)), "notReady");
    await cluster.propose(1, set("b", "2"));
    // Step 61a: nobody answers it any more, so it must not call the key absent.
    assert.equal(await codeOf(cluster.replica(3).read("b" as Key, "optimistic", 5_000)), "notReady");
    assert.equal((await cluster.replica(3).read("b" as Key, "local", 5_000)).value, null);
  });
});
