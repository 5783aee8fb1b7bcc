/** What a removed datacenter began alone, and a newcomer copied from it: RECONFIGURE 9a. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { frontierSlot } from "../../protocol/frontier.ts";
import { removeMember } from "../../protocol/members.ts";
import type { PeerRequest } from "../../protocol/messages.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import { codeOf, createMemoryCluster, set, until } from "../support/memory-cluster.ts";

const [one, two, three, four] = [1, 2, 3, 4] as ReplicaId[] as [ReplicaId, ReplicaId, ReplicaId, ReplicaId];
/** What would tell the others of it, or ask replica 3 for its report. */
const kept: readonly PeerRequest["kind"][] = ["preAccept", "accept", "commit", "recover", "sync", "freeze", "closePrepare", "closeAccept"];

test("is Nop for the others too, once it is removed", async (t) => {
  const cluster = await createMemoryCluster({ sites: 4, learns: false });
  t.after(() => cluster.stop());
  const copyFrom = async (site: number, source: ReplicaId) => {
    for (let cursor = "", done = false; !done; ) ({ cursor, done } = await cluster.replica(site).learnPage({ source, cursor }));
  };
  const join = async (site: number, source: ReplicaId) => {
    const id = await cluster.join(site);
    await until(`site ${site} may copy`, () =>
      copyFrom(site, source).then(
        () => true,
        () => false,
      ),
    );
    return id;
  };
  await cluster.begin();
  await join(2, one);
  await join(3, one);
  await cluster.replica(1).changeVoters([one, two, three], { timeoutMs: 15_000 });
  await until("site 3 serves", () => cluster.replica(3).report().problems.length === 0);

  // Only 3 has it, and its report is not among those that the epoch is closed by.
  cluster.intercept(({ from, to, request }) => {
    const passes = (from === one && request.kind === "commit") || from === four || to === four;
    return (from === three || to === three) && !passes && kept.includes(request.kind) ? "lost" : "deliver";
  });
  assert.equal(await codeOf(cluster.propose(3, set("a", "1"), 300)), "outcomeUnknown");
  await cluster.replica(1).changeVoters([one, two], { timeoutMs: 15_000 });
  await until("3 knows that its epoch is over", () => cluster.replica(3).report().epoch === cluster.replica(1).report().epoch);
  const slotAt = async (site: number) => {
    const [progress] = await cluster.process(site).store.read("progress", [""]);
    return frontierSlot(progress?.executed ?? [], three);
  };
  await until("3 counts it as executed", async () => (await slotAt(3)) > (await slotAt(1)));
  await join(4, three);
  assert.equal(await slotAt(4), await slotAt(3));

  await cluster.replica(1).changeMembers((now) => {
    const changed = removeMember(now, three);
    return changed.kind === "ok" ? changed.members : null;
  }, 10_000);
  cluster.isolate(3);
  await until("1 and 2 have done with it", async () => (await slotAt(1)) === (await slotAt(4)) && (await slotAt(2)) === (await slotAt(4)));
});
