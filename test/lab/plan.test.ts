/** The planner, against figures worked out by hand and against the lab; and the fast paths of `lab thrifty`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtIn, LabInputError } from "../../lab/matrix.ts";
import { latencyOf, rankPlacements } from "../../lab/plan.ts";
import { runSetting } from "../../lab/run.ts";
import { defaults } from "../../lab/setting.ts";
import { judgeRule, rules } from "../../lab/thrifty.ts";

const input = {
  matrix: builtIn,
  users: [{ region: "CA", weight: 1 }],
  candidates: ["CA", "VA", "EU", "OR"],
  sizes: [3],
  conflictShare: 0.02,
};

test("users in California: Oregon is nearest, and matters most when it is gone", () => {
  const [best] = rankPlacements(input);
  assert.deepEqual(best?.placement, ["CA", "VA", "OR"]);
  assert.deepEqual(best?.now, { writeP50: 21.1, writeP99: 42.2, readP50: 21.1, readP99: 21.1 });
  // Of the two that are left the user asks the one at home.
  assert.equal(best?.oneDown.down, "CA");
  assert.equal(best?.oneDown.writeP50, 21.1 + 72.5);
});

test("it agrees with what the lab runs", async () => {
  for (const home of ["CA", "VA", "EU"]) {
    const expected = latencyOf({ ...input, users: [{ region: home, weight: 1 }], conflictShare: 0 }, ["CA", "VA", "EU"], null);
    const workload = { ...defaults.workload, keys: { kind: "conflicts", share: 0 } as const, clientsPerRegion: 1 };
    const placement = ["CA", "VA", "EU"];
    const run = await runSetting({ ...defaults, matrix: builtIn, placement, protocol: "epaxos-star", workload, seconds: 2 });
    assert.equal(run.regions.find(({ region }) => region === home)?.write?.p50.toFixed(2), expected.writeP50.toFixed(2));
  }
});

test("what makes no sense is refused", () => {
  assert.throws(() => rankPlacements({ ...input, sizes: [5] }), LabInputError);
  assert.throws(() => rankPlacements({ ...input, users: [] }), LabInputError);
  assert.throws(() => rankPlacements({ ...input, candidates: ["CA", "CA", "EU"] }), LabInputError);
});

test("of the fast paths, only followers that agree with each other after a broadcast lose a commit", () => {
  const lost = rules.filter((rule) => judgeRule(rule).violations.length > 0);
  assert.deepEqual(lost, ["followers, sent to all"]);
  for (const rule of rules) assert.ok(judgeRule(rule).cases > 0, rule);
});
