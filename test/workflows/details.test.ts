import assert from "node:assert/strict";
import { test } from "node:test";
import { coordinatorDetails, detailLine, replicaDetails } from "../../workflows/details.ts";
import type { ReplicaProgress } from "../../workflows/messages.ts";

const unreachable: ReplicaProgress = {
  id: null,
  name: "dc-9",
  stage: "health check",
  since: 0,
  lag: null,
  ratePerSecond: null,
  error: "http://h9:1 is unreachable: a | b",
};
const learning: ReplicaProgress = { id: 4, name: "dc-4", stage: "learning", since: 60_000, lag: 900, ratePerSecond: 90, error: null };

test("the details name each replica's stage, lag, time left and error, and what to do", () => {
  const now = { generation: 3, settledGeneration: 2, phase: "learning", since: 0, detail: "x", replicas: [unreachable, learning] } as const;
  const text = coordinatorDetails(null, now, [{ at: 0, generation: 3, text: "add dc-9" }]);
  assert.match(text, /\| new dc-9 \| health check \| 1970-01-01 00:00:00 \| - \| - \| http:\/\/h9:1 is unreachable: a +b \|/);
  assert.match(text, /\| 4 dc-4 \| learning \| 1970-01-01 00:01:00 \| 900 \| 10 s \| - \|/);
  assert.match(text, /What to do:\n\n- \*\*dc-9\*\*: is not heard from/);
  assert.match(text, /Last changes:\n\n- 1970-01-01 00:00:00 \(3\) add dc-9/);
});

test("the line for /v1/cluster says who does what", () => {
  assert.equal(detailLine([]), "the cluster is as desired");
  assert.equal(detailLine([learning]), "dc-4: learning, 900 instances behind");
});

test("a replica's details say where its copy stands", () => {
  const text = replicaDetails(4, {
    stage: "learning",
    learnId: "4.s",
    copied: 1200,
    source: 2,
    cursor: "c",
    ratePerSecond: 300,
    lag: null,
    error: null,
  });
  assert.match(text, /\| 1200 \| 2 \| 300\/s \| - \| - \|/);
});
