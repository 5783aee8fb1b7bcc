/** A newcomer that does not hold what the old voters do is found, and mended, before it votes. RECONFIGURE steps 3b, 10a and 10b. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store, Transaction } from "../../proposals/ports.ts";
import type { ReplicaId, Write } from "../../protocol/types.ts";
import { bytes, createMemoryCluster, type MemoryCluster, type Process, set, until } from "../support/memory-cluster.ts";

const ids = (...numbers: number[]) => numbers as ReplicaId[];
const [one] = ids(1) as [ReplicaId];

/** A store that does something else than it is told to, with the first write of a record that `pick` names, while it is armed. */
function faulty(pick: (write: Write) => boolean, instead: (write: Write) => Write | null) {
  const state = { isArmed: false, times: 0 };
  const wrap = (store: Store): Store => ({
    ...store,
    async transact(step) {
      if (!state.isArmed) return store.transact(step);
      let struck = false;
      const value = await store.transact((tx) => {
        struck = false;
        const put = (write: Write) => {
          const strikes = state.isArmed && !struck && pick(write);
          if (!strikes) return tx.put(write);
          struck = true;
          const other = instead(write);
          if (other !== null) tx.put(other);
        };
        const bent: Transaction = { ...tx, put };
        return step(bent);
      });
      if (struck) Object.assign(state, { isArmed: false, times: state.times + 1 });
      return value;
    },
  });
  return { state, wrap };
}

const isKey = (key: string) => (write: Write) => write.kind === "value" && write.id === key && write.record !== null;
const lost = () => null;
const altered = (write: Write): Write =>
  write.kind === "value" && write.record !== null ? { ...write, record: { ...write.record, value: bytes("wrong") } } : write;
const older = (write: Write): Write =>
  write.kind === "value" && write.record !== null ? { ...write, record: { ...write.record, version: write.record.version - 1 } } : write;

type Test = { after(fn: () => unknown): void };

/** Datacenters 1 to `voters` vote; the one after them runs on a faulty store and has yet to join. */
async function withNewcomer(t: Test, voters: number, fault: ReturnType<typeof faulty>, learns = true) {
  const cluster = await createMemoryCluster({ sites: voters + 1, learns });
  t.after(() => cluster.stop());
  if (voters > 1) await cluster.form(voters);
  else await cluster.begin();
  for (let i = 0; i < 6; i++) await cluster.propose(1, set(`k${i}`, `${i}`));
  await cluster.process(voters + 1).stop();
  const newcomer = await cluster.start(voters + 1, { store: fault.wrap });
  return { cluster, newcomer };
}

/** Copies all from site 1, as often as it takes; why it began anew. */
async function copied({ replica }: Process): Promise<string[]> {
  const problems: string[] = [];
  for (let cursor = "", done = false; !done; ) {
    const page = await replica.learnPage({ source: one, cursor });
    if (page.problem !== undefined) problems.push(page.problem);
    ({ cursor, done } = page);
  }
  return problems;
}

async function allAlike(cluster: MemoryCluster, sites: readonly number[]): Promise<boolean> {
  const digests = await Promise.all(sites.map((site) => cluster.process(site).store.digest()));
  return new Set(digests).size === 1;
}

for (const [name, instead] of [
  ["lost", lost],
  ["altered", altered],
  ["of an older version", older],
] as const) {
  test(`3b: a copy with one record ${name} is thrown away and made anew, and nothing was frozen for it`, async (t) => {
    const fault = faulty(isKey("k3"), instead);
    const { cluster, newcomer } = await withNewcomer(t, 1, fault, false);
    await cluster.join(2);
    fault.state.isArmed = true;
    const problems = await copied(newcomer);
    assert.equal(fault.state.times, 1);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /copied from datacenter 1 is not what it has/);
    await until("the second copy is whole", () => allAlike(cluster, [1, 2]));
    assert.equal(cluster.replica(1).report().frozen, false);
    assert.equal(await cluster.local(2, "k3"), "3");
  });
}

test("3b: a lost idempotency row is missed too, though no digest has it", async (t) => {
  const fault = faulty((write) => write.kind === "row", lost);
  const { cluster, newcomer } = await withNewcomer(t, 1, fault, false);
  await cluster.replica(1).propose({ commands: [set("a", "1")], idempotencyKey: "once", timeoutMs: 5_000 });
  await cluster.join(2);
  fault.state.isArmed = true;
  const [problem = ""] = await copied(newcomer);
  assert.match(problem, /1 of \d+ records/);
  assert.notEqual((await newcomer.store.read("row", ["once"]))[0], null);
});

test("10b: a newcomer that executed something wrong copies anew before it votes, and the change of voters waits for it", async (t) => {
  const fault = faulty(isKey("late"), altered);
  const { cluster, newcomer } = await withNewcomer(t, 1, fault);
  await cluster.join(2);
  fault.state.isArmed = true;
  await cluster.propose(1, set("late", "right"));
  await until("it has executed something else", () => fault.state.times === 1);
  assert.equal(await cluster.local(2, "late"), "wrong");

  const changed = cluster.replica(1).changeVoters(ids(1, 2), { timeoutMs: 20_000 });
  const writing = cluster.propose(1, set("held", "up"), 20_000);
  await changed;
  assert.equal((await writing).outcome.kind, "results");
  await until("all hold the same", () => allAlike(cluster, [1, 2]));
  await until("it votes", () => newcomer.replica.report().problems.length === 0);
  assert.equal(await cluster.read(2, "late"), "right");
  assert.match(newcomer.errors.join("\n"), /datacenter \(2\) did not hold what datacenter 1 did/);
  assert.deepEqual(newcomer.learnings, ["learn-2", "copy anew: differed at the end of epoch 1, from 1"]);
  assert.deepEqual([newcomer.fatal, cluster.process(1).fatal], [[], []]);
});

test("10b: it is copied from who agrees with a slow quorum, and nobody waits for it where the others are enough", async (t) => {
  const fault = faulty(isKey("late"), lost);
  const { cluster, newcomer } = await withNewcomer(t, 3, fault);
  await cluster.join(4);
  fault.state.isArmed = true;
  await cluster.propose(1, set("late", "right"));
  await until("it has lost it", () => fault.state.times === 1);
  await cluster.replica(1).changeVoters(ids(1, 2, 3, 4), { timeoutMs: 20_000 });
  await cluster.propose(2, set("later", "too"));
  await until("all hold the same", () => allAlike(cluster, [1, 2, 3, 4]));
  await until("it votes", () => newcomer.replica.report().problems.length === 0);
  assert.equal(await cluster.read(4, "late"), "right");
  // A process that starts now takes it for what any other voter is.
  await cluster.replica(4).changeVoters(ids(1, 2, 4), { timeoutMs: 20_000 });
  await cluster.propose(4, set("last", "one"));
  await until("all hold the same", () => allAlike(cluster, [1, 2, 3, 4]));
});

test("10a: old voters that cannot tell hold nobody up: they are of an older build", async (t) => {
  const fault = faulty(isKey("late"), altered);
  const { cluster, newcomer } = await withNewcomer(t, 1, fault);
  cluster.intercept(({ request }) => (request.kind === "snapshotChanges" && request.after.startsWith("end") ? "refused" : "deliver"));
  await cluster.join(2);
  const startMs = performance.now();
  await cluster.replica(1).changeVoters(ids(1, 2), { timeoutMs: 20_000 });
  assert.ok(performance.now() - startMs < 5_000);
  await until("it votes", () => newcomer.replica.report().problems.length === 0);
});

test("10a: old voters that differ among themselves call for somebody, and go on", async (t) => {
  const fault = faulty(isKey("late"), altered);
  const { cluster, newcomer: third } = await withNewcomer(t, 2, fault);
  await cluster.join(3);
  await cluster.replica(1).changeVoters(ids(1, 2, 3), { timeoutMs: 20_000 });
  fault.state.isArmed = true;
  await cluster.propose(1, set("late", "right"));
  await until("it has executed something else", () => fault.state.times === 1);
  await cluster.replica(1).changeVoters(ids(1, 2), { timeoutMs: 20_000 });
  await until("who differs is told", () =>
    third.errors.some((text) => /datacenter \(3\) and datacenter 1, 2 have executed the same/.test(text)),
  );
  await until("so is everybody else", () => cluster.process(1).errors.some((text) => /datacenter \(1\) and datacenter 3 /.test(text)));
  assert.equal((await cluster.propose(1, set("more", "x"))).outcome.kind, "results");
});
