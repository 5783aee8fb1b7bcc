/** A change of voters whose driver dies, has a rival, or runs under load: RECONFIGURE steps 4 to 12. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { slotOf } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { PeerRequest } from "../../protocol/messages.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import { systemClock } from "../../server/clock.ts";
import { codeOf, formed, type MemoryCluster, set, until } from "../support/memory-cluster.ts";

const [one, two, three] = [1, 2, 3] as ReplicaId[] as [ReplicaId, ReplicaId, ReplicaId];

const epochOf = (cluster: MemoryCluster, site: number): number => cluster.replica(site).report().epoch;
const serves = (cluster: MemoryCluster, site: number): boolean =>
  cluster.replica(site).report().problems.length === 0 && !cluster.replica(site).report().frozen;

/** The moment at which the driver, site 1, is killed: at its first message of this kind to another datacenter. */
const deaths: readonly { readonly name: string; readonly at: PeerRequest["kind"]; readonly after: number }[] = [
  { name: "before anybody else is frozen", at: "freeze", after: 0 },
  { name: "when one of the others is frozen", at: "freeze", after: 1 },
  { name: "when all are frozen", at: "closePrepare", after: 0 },
  { name: "when one has promised", at: "closePrepare", after: 1 },
  { name: "when all have promised", at: "closeAccept", after: 0 },
  { name: "when one has accepted the link", at: "closeAccept", after: 1 },
  { name: "when the link is decided and nobody knows", at: "updateConfig", after: 0 },
];

describe("the driver dies", { concurrency: true }, () => {
  for (const { name, at, after } of deaths) {
    test(name, async (t) => {
      const cluster = await formed(t);
      await cluster.propose(2, set("a", "before"));
      let seen = 0;
      let isDead = false;
      cluster.intercept(({ from, request }) => {
        if (from !== 1) return "deliver";
        if (request.kind === at && seen++ >= after) isDead = true;
        return isDead ? "lost" : "deliver";
      });
      void cluster
        .replica(1)
        .changeVoters([one, two], { timeoutMs: 20_000 })
        .catch(() => {});
      await until("the driver is dead", () => isDead);
      await cluster.process(1).kill();
      cluster.intercept(null);
      // Not all of these deaths leave anybody frozen; where one does, the voters left end the epoch by themselves.
      // Where the driver's own link, without replica 3, is the one that was accepted, 2 waits for the other voter.
      await until(
        "the epoch has ended",
        () =>
          !cluster.replica(2).report().voters.includes(three) ||
          (serves(cluster, 2) && serves(cluster, 3) && epochOf(cluster, 2) === epochOf(cluster, 3)),
        20_000,
      );
      await cluster.start(1);
      await until("site 1 is back", () => serves(cluster, 1) && epochOf(cluster, 1) === epochOf(cluster, 2));
      await until("writes go on", async () => (await codeOf(cluster.propose(2, set("a", "after")))) === "none");
      assert.equal(await cluster.read(1, "a"), "after");
      await cluster.replica(1).changeVoters([one, two], { timeoutMs: 10_000 });
      assert.deepEqual(cluster.replica(1).report().voters, [1, 2]);
      assert.equal(await cluster.read(2, "a"), "after");
    });
  }
});

test("two drivers at once with different wishes end on one chain, and both are told the truth", async (t) => {
  const cluster = await formed(t, { sites: 4, voters: 3 });
  await cluster.join(4);
  const wishes = [
    cluster.replica(1).changeVoters([one, two, three, 4 as ReplicaId], { timeoutMs: 15_000 }),
    cluster.replica(2).changeVoters([one, two], { timeoutMs: 15_000 }),
  ];
  await Promise.allSettled(wishes);
  await until("one chain", async () => {
    const chains = await Promise.all([1, 2].map((site) => cluster.replica(site).chain()));
    return chains[0]?.at(-1)?.hash === chains[1]?.at(-1)?.hash && serves(cluster, 1) && serves(cluster, 2);
  });
  const chains = await Promise.all([1, 2, 3, 4].map((site) => cluster.replica(site).chain()));
  for (const chain of chains) {
    for (const [i, link] of chain.entries()) assert.equal(link.hash, chains[0]?.[i]?.hash, `link ${i + 1}`);
  }
  for (const site of [1, 2, 3, 4]) assert.deepEqual(cluster.process(site).fatal, []);
});

test("callers who wait through the pause use one slot each, and all are answered", async (t) => {
  const cluster = await formed(t);
  await cluster.propose(1, set("a", "0"));
  const before = await cluster.propose(1, set("a", "1"));
  // Nobody is told of the close: all stay frozen for a while.
  cluster.intercept(({ request }) => (request.kind === "closeAccept" || request.kind === "closePrepare" ? "lost" : "deliver"));
  const changed = cluster.replica(2).changeVoters([one, two, three], { timeoutMs: 20_000 });
  const again = cluster.replica(2).changeVoters([one, two], { timeoutMs: 20_000 });
  await until("site 1 is frozen", () => cluster.replica(1).report().frozen);
  const waiting = Array.from({ length: 20 }, (_, i) => codeOf(cluster.propose(1, set(`k${i}`, "x"), 15_000)));
  await systemClock.sleep(2_000);
  cluster.intercept(null);
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["none"]));
  await Promise.allSettled([changed, again]);
  const after = await cluster.propose(1, set("a", "2"));
  const used = slotOf(after.instance) - slotOf(before.instance);
  assert.ok(used <= 64, `${used} slots for 21 proposals`);
});

test("a wait for the pause ends with 503 at its time, and sooner where no quorum is left to end it", async (t) => {
  const cluster = await formed(t);
  cluster.intercept(({ request }) => (request.kind === "closeAccept" || request.kind === "closePrepare" ? "lost" : "deliver"));
  void cluster
    .replica(2)
    .changeVoters([one, two], { timeoutMs: 20_000 })
    .catch(() => {});
  await until("site 1 is frozen", () => cluster.replica(1).report().frozen);
  assert.equal(await codeOf(cluster.propose(1, set("a", "1"), 700)), "reconfiguring");
  for (const site of [2, 3]) cluster.isolate(site);
  const startMs = performance.now();
  assert.equal(await codeOf(cluster.propose(1, set("a", "1"), 20_000)), "noQuorum");
  assert.ok(performance.now() - startMs < limits.quorumLostMs + 2_000);
});

test("more voters than an epoch can have are refused before anything is frozen", async (t) => {
  const cluster = await formed(t);
  const tooMany = Array.from({ length: limits.votersMax + 1 }, (_, i) => (i + 1) as ReplicaId);
  for (const voters of [tooMany, []])
    assert.equal(await codeOf(cluster.replica(1).changeVoters(voters, { timeoutMs: 5_000 })), "badRequest");
  for (const site of [1, 2, 3]) assert.deepEqual([epochOf(cluster, site), serves(cluster, site)], [2, true]);
});

for (const { how, ms } of [
  { how: "that cannot be reached", ms: limits.suspectMs + 1_000 },
  { how: "of whom one has just died, which nobody has missed yet", ms: 50 },
])
  test(`RECONFIGURE 3a: no epoch is closed for voters ${how}`, async (t) => {
    const cluster = await formed(t);
    cluster.isolate(3);
    await systemClock.sleep(ms);
    const before = await cluster.replica(1).chain();
    assert.equal(await codeOf(cluster.replica(1).changeVoters([one, three], { timeoutMs: 5_000 })), "noQuorum");
    assert.deepEqual(await cluster.replica(1).chain(), before);
    assert.deepEqual(
      [1, 2].map((site) => cluster.replica(site).report().frozen),
      [false, false],
    );
    await cluster.propose(1, set("a", "still"));
    // With one who is there in its place it goes on.
    await cluster.replica(1).changeVoters([one, two], { timeoutMs: 10_000 });
  });
