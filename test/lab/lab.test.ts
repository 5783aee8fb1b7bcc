/** The lab: latencies known beforehand, safety of every protocol, and the same figures from the same seed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeOrders, judgeTime } from "../../lab/judge.ts";
import { builtIn, LabInputError, parseMatrix, roundTripMs } from "../../lab/matrix.ts";
import { quorumMs } from "../../lab/plan.ts";
import type { LabReport } from "../../lab/report.ts";
import { runSetting } from "../../lab/run.ts";
import { defaults, isShipped, type Operation, type ProtocolName, protocolNames, type Setting } from "../../lab/setting.ts";

const five = ["CA", "VA", "EU", "OR", "JP"];

function setting(protocol: ProtocolName, share: number, more: Partial<Setting> = {}): Setting {
  const workload = { ...defaults.workload, keys: { kind: "conflicts", share } as const, clientsPerRegion: 2 };
  return { ...defaults, matrix: builtIn, placement: five, protocol, workload, seconds: 3, warmupSeconds: 1, ...more };
}

function assertWrites(report: LabReport, expected: (region: string) => number): void {
  for (const { region, write, operations } of report.regions) {
    assert.ok(operations > 0, region);
    assert.ok(write !== null && Math.abs(write.p50 - expected(region)) < 0.01, `${region}: ${write?.p50}, not ${expected(region)}`);
  }
}

describe("without conflicts a write takes the round trip to the quorum", () => {
  const sizes: Partial<Record<ProtocolName, number>> = {
    "epaxos-star": 3,
    "epaxos-optimized": 3,
    "epaxos-basic": 4,
    "epaxos-toq": 4,
    "atlas-f1": 3,
    "atlas-f2": 4,
    "tempo-f1": 3,
    "tempo-f2": 4,
    accord: 4,
  };
  for (const [protocol, size] of Object.entries(sizes)) {
    test(`${protocol}: ${size} of 5`, async () => {
      const report = await runSetting(setting(protocol as ProtocolName, 0));
      assertWrites(report, (region) => quorumMs(builtIn, region, five, size));
      assert.equal(report.fastShare, 1);
      assert.equal(report.unanswered, 0);
    });
  }

  test("multi-paxos: to the leader and from there to a majority", async () => {
    const report = await runSetting(setting("multi-paxos", 0, { leader: 1 }));
    assertWrites(report, (region) => roundTripMs(builtIn, region, "VA") + quorumMs(builtIn, "VA", five, 3));
  });

  test("epaxos-star: 2 of 3, and with one down the two that are left", async () => {
    const three = { placement: ["CA", "VA", "EU"] };
    assertWrites(await runSetting(setting("epaxos-star", 0, three)), (region) => quorumMs(builtIn, region, three.placement, 2));
    const down = await runSetting(setting("epaxos-star", 0, { ...three, down: 0 }));
    assertWrites(down, () => roundTripMs(builtIn, "VA", "EU"));
  });
});

test("a linearizable read of the shipped protocol takes the round trip to a majority", async () => {
  const workload = { ...setting("epaxos-star", 0).workload, readShare: 1 };
  const report = await runSetting(setting("epaxos-star", 0, { workload }));
  for (const { region, read } of report.regions) assert.equal(read?.p50.toFixed(1), quorumMs(builtIn, region, five, 3).toFixed(1));
});

describe("under conflicts, late messages and reads every run is safe", () => {
  // runSetting throws where it was not: decisions, orders of writes, real time, and the simulator's invariants.
  for (const protocol of protocolNames) {
    for (const seed of isShipped(protocol) ? [1] : [1, 2, 3, 4, 5]) {
      test(`${protocol}: seed ${seed}`, async () => {
        const workload = { ...setting(protocol, 0.5).workload, readShare: 0.3 };
        const report = await runSetting(setting(protocol, 0.5, { workload, seed, jitter: 0.5 }));
        assert.equal(report.unanswered, 0);
      });
    }
  }
});

test("with f = 1 Atlas and Tempo need one round whatever the conflicts; EPaxos* does not", async () => {
  for (const protocol of ["atlas-f1", "tempo-f1"] as const) assert.equal((await runSetting(setting(protocol, 1))).fastShare, 1);
  assert.ok(((await runSetting(setting("epaxos-star", 1))).fastShare as number) < 1);
});

test("the same seed gives the same report, another one does not", async () => {
  const run = (seed: number) => runSetting(setting("epaxos-star", 0.3, { seed, jitter: 0.1, seconds: 2 }));
  const first = await run(7);
  assert.deepEqual(await run(7), first);
  assert.notDeepEqual(await run(8), first);
});

describe("the judge", () => {
  const operation = (startMs: number, endMs: number, version: number, isRead: boolean): Operation => ({
    ...{ number: startMs, site: 0, key: "k", isRead, startMs, commitMs: endMs, endMs, version, path: "fast", chain: 1 },
  });
  test("sees two orders of one key", () => {
    assert.equal(judgeOrders([new Map([["k", [1, 2]]]), new Map([["k", [2, 1]]])]).length, 1);
    assert.deepEqual(judgeOrders([new Map([["k", [1, 2]]]), new Map([["k", [1]]])]), []);
  });
  test("sees a read of the past", () => {
    assert.equal(judgeTime([operation(0, 10, 1, false), operation(20, 30, 0, true)]).length, 1);
    assert.deepEqual(judgeTime([operation(0, 25, 1, false), operation(20, 30, 0, true)]), []);
  });
});

test("what cannot be run is refused in words", async () => {
  await assert.rejects(runSetting(setting("atlas-f2", 0, { placement: ["CA", "VA", "EU"] })), LabInputError);
  await assert.rejects(runSetting(setting("tempo-f1", 0, { down: 1 })), LabInputError);
  assert.throws(() => parseMatrix('{"a-b": -1}'), /a-b must be milliseconds/);
  assert.throws(() => parseMatrix('{"ab": 1}'), /two regions/);
});
