/** A few seconds of eleven faults of the plan, one after the other on one cluster; `npm run torture` has all of them and more time. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TortureCase } from "./case.ts";
import { startTortureCluster, type TortureCluster } from "./cluster.ts";
import { lineOf } from "./report.ts";
import { runCase } from "./run.ts";
import { cases as crashes } from "./suites/crashes.ts";
import { cases as drivers } from "./suites/drivers.ts";
import { cases as input } from "./suites/input.ts";
import { cases as links } from "./suites/links.ts";
import { cases as pauses } from "./suites/pauses.ts";
import { cases as stores } from "./suites/stores.ts";
import { cases as workflows } from "./suites/workflows.ts";

/** The last three leave a cluster with more datacenters, or without one: the others begin with three. */
const wanted = [
  ...["kill-server", "kill-at-step", "kill-redis", "pause-server", "one-cut-off", "loss"],
  ...["garbage-to-peers", "bad-requests", "driver-killed", "temporal-away", "redis-emptied"],
];
/** The campaign asks for 15 s; here a slow machine must not look like a fault. */
const phases = { healthyMs: 500, faultsMs: 4_000, healedMs: 500, healedWithinMs: 60_000 };
const params = { endsWithinMs: 60_000 };
// One seed for all: a test of every commit is no lottery, the campaign is there for the others.
const seed = process.env["SEED"] ?? "short";

describe("faults under load", () => {
  const all = [...crashes, ...drivers, ...input, ...links, ...pauses, ...stores, ...workflows];
  let cluster: TortureCluster;
  before(async () => {
    cluster = await startTortureCluster(3);
  });
  after(() => cluster.end());

  for (const name of wanted) {
    test(name, { timeout: 120_000 }, async (t) => {
      const torture = all.find((each) => each.name === name) as TortureCase;
      const result = await runCase(cluster, { suite: "short", torture, seed, phases, params });
      t.diagnostic(lineOf(result));
      assert.deepEqual(result.violations, [], `SEED=${seed}`);
    });
  }
});
