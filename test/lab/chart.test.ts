/** The drawing: a cell a region and workload, in each a solid and a dashed line a protocol. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawChart } from "../../lab/chart.ts";
import type { LabReport } from "../../lab/report.ts";

const line = { p50: 60, p90: 70, p99: 120, p999: 130 };

function report(protocol: string): LabReport {
  const of = (region: string) => ({ region, operations: 1, commit: line, write: line, read: null });
  return {
    ...{ protocol, regions: [of("CA"), of("VA")], all: of("all"), fastShare: 1, chain: { mean: 1, p99: 1, max: 1 } },
    ...{ messagesPerCommand: 1, bytesPerCommand: 1, unanswered: 0 },
  };
}

test("two workloads, two regions, two protocols: eight solid lines and eight dashed", () => {
  const reports = [report("one"), report("two")];
  const svg = drawChart("a < b", [
    { title: "first", reports },
    { title: "second", reports },
  ]);
  assert.equal(svg.match(/stroke-dasharray/g)?.length, 8);
  assert.equal(svg.match(/stroke-width="1.4"/g)?.length, 16);
  assert.match(svg, /<title>a &lt; b<\/title>/);
  assert.doesNotMatch(svg, /NaN|undefined/);
});
