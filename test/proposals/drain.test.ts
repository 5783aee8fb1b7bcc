/** What the end of an epoch leaves undecided, and who goes on after it: PROPOSAL 16a, 64 and 65a, RECONFIGURE 10 and 12a. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Context, Peer } from "../../proposals/context.ts";
import type { OwnEnd } from "../../proposals/execute.ts";
import type { Peers, Ports, Store } from "../../proposals/ports.ts";
import { createContext } from "../../proposals/replica.ts";
import { createMemoryDisk, openMemoryStore } from "../../proposals/store/memory.ts";
import { noteTended, recoverDue } from "../../proposals/sweep.ts";
import { instanceId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { ChainLink, Epoch, InstanceId, ReplicaId, ReplicaState, Slot } from "../../protocol/types.ts";
import { systemRandom } from "../../server/clock.ts";
import { codeOf, formed, type Process, set, until } from "../support/memory-cluster.ts";

const ids = (...numbers: number[]): ReplicaId[] => numbers as ReplicaId[];

/** Replica 1 of 1, 2, 3, whose epoch is over: in the next one a newcomer votes, whose answers take very long. */
function drainingReplica() {
  const at = { ms: 0 };
  const quiet = () => {};
  const ports: Ports = {
    store: openMemoryStore({ disk: createMemoryDisk(), processId: "test" }),
    peers: { request: () => new Promise(() => {}), requestUrl: () => new Promise(() => {}), setAddresses: quiet } as unknown as Peers,
    clock: { monotonicMs: () => at.ms, wallMs: () => at.ms, sleep: () => new Promise(() => {}), busyShare: () => 0 },
    random: { ...systemRandom, next: () => 0.5 },
    workflows: {} as Ports["workflows"],
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    meter: { count: quiet, observe: quiet },
  };
  const ctx = createContext(ports, { build: "test", loops: "all" });
  const link = (epoch: number, voters: ReplicaId[]) => ({ epoch, voters }) as unknown as ChainLink;
  ctx.known.replica = { self: 1, epoch: 2, frozen: true } as unknown as ReplicaState;
  ctx.known.chain = [link(1, ids(1)), link(2, ids(1, 2, 3)), link(3, ids(1, 2, 3, 4))];
  ctx.fence = null;
  for (const [id, roundTripMs] of [
    [2, 10],
    [3, 300],
    [4, 2_000],
  ] as const)
    ctx.health.set(id as ReplicaId, { lastSeenMs: 0, roundTripMs, epoch: 2 as Epoch } as unknown as Peer);
  return { ctx, at };
}

/** When each of them began to be recovered, looking every 10 ms. */
function recoveredAt(ctx: Context, at: { ms: number }, id: InstanceId): number | null {
  for (; at.ms < 1_000; at.ms += 10) {
    recoverDue(ctx, [id]);
    if (ctx.recovering.has(id)) return at.ms;
  }
  return null;
}

describe("65a: in an epoch that is over", () => {
  const own = instanceId(1 as ReplicaId, 7 as Slot);
  const others = instanceId(2 as ReplicaId, 7 as Slot);

  test("what has callers here is recovered at once, though its lead was given up", () => {
    const { ctx, at } = drainingReplica();
    ctx.answers.set(own, null as OwnEnd | null);
    assert.equal(recoveredAt(ctx, at, own), 0);
  });

  test("a turn is that of the nearest quorum, however slow the others and the newcomer are", () => {
    const { ctx, at } = drainingReplica();
    const turnMs = recoveredAt(ctx, at, others);
    assert.ok(turnMs !== null && turnMs >= limits.drainTurnMs && turnMs <= 3 * limits.drainTurnMs, `${turnMs}`);
  });

  test("whoever is at it gets his turn", () => {
    const { ctx, at } = drainingReplica();
    const alone = recoveredAt(ctx, at, others);
    const { ctx: second, at: clock } = drainingReplica();
    recoverDue(second, [others]);
    clock.ms = 90;
    noteTended(second, others);
    assert.equal(recoveredAt(second, clock, others), (alone ?? 0) + 90);
  });
});

/** A store under a process whose syncs can be made to stand still: what it is not told, it learns no more. Before the cluster, whose end waits for its loops. */
function withoutSync(t: { after(fn: () => unknown): void }) {
  let isStalled = false;
  let release = () => {};
  const released = new Promise<bigint>((resolve) => {
    release = () => resolve(0n);
  });
  t.after(() => release());
  return {
    store: (store: Store): Store => ({ ...store, digest: () => (isStalled ? released : store.digest()) }),
    async stall() {
      isStalled = true;
      await new Promise((resolve) => setTimeout(resolve, 2 * limits.syncEveryMs));
    },
  };
}

test("16a: what is begun where the others are not in the epoch yet is not given up", async (t) => {
  const cluster = await formed(t, { sites: 4, voters: 3 });
  await cluster.join(4);
  const answered = new Set<ReplicaId>();
  const recovered: InstanceId[] = [];
  let begun = false;
  cluster.intercept(({ from, to, request }) => {
    // Nobody but the driver learns that the epoch was closed.
    if (request.kind === "updateConfig" || request.kind === "fetchConfig") return "lost";
    if (begun && request.kind === "preAccept" && from === 2) answered.add(to);
    if (begun && request.kind === "recover") recovered.push(request.id);
    return "deliver";
  });
  const changed = cluster.replica(2).changeVoters(ids(1, 2, 3, 4), { timeoutMs: 20_000 });
  await until("the driver is in the new epoch", () => cluster.replica(2).report().epoch === 3);
  begun = true;
  const answer = cluster.propose(2, set("a", "1"), 20_000);
  await until("all others have refused", () => answered.size === 3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  cluster.intercept(({ request }) => {
    if (request.kind === "recover") recovered.push(request.id);
    return "deliver";
  });
  assert.deepEqual([(await answer).outcome.kind, recovered], ["results", []]);
  await changed;
});

/** A second process of datacenter 1, both serving; the syncs of the second one stand still from here on. */
async function siblings(t: { after(fn: () => unknown): void }) {
  const syncs = withoutSync(t);
  const cluster = await formed(t);
  const [first] = cluster.site(1).processes as [Process];
  const second = await cluster.start(1, { store: syncs.store });
  for (const { replica } of [second, first]) await until("both serve", () => replica.report().problems.length === 0);
  await syncs.stall();
  return { cluster, first, second };
}

test("12a: callers go on when another process of their replica has activated the epoch, before anybody tells theirs", async (t) => {
  const { cluster, second: server } = await siblings(t);
  let turned = false;
  cluster.intercept(({ to, request }) => {
    // It froze; what follows the other one hears, to which messages go from here on.
    if (to === 1 && request.kind === "updateConfig" && !turned) {
      turned = true;
      cluster.site(1).processes.reverse();
    }
    return "deliver";
  });
  const changed = cluster.replica(2).changeVoters(ids(1, 2), { timeoutMs: 10_000 });
  await until("the server's process is frozen", () => server.replica.report().frozen || turned);
  assert.equal(await codeOf(server.replica.propose({ commands: [set("a", "1")], idempotencyKey: null, timeoutMs: 4_000 })), "none");
  assert.equal(turned, true);
  await changed;
});

test("12a: the driver tells the other processes of its own replica at once", async (t) => {
  const { first: driver, second: server } = await siblings(t);
  assert.equal(await driver.replica.changeVoters(ids(1, 2), { timeoutMs: 10_000 }), 3);
  await until("the other one is in the new epoch", () => server.replica.report().epoch === 3);
});
