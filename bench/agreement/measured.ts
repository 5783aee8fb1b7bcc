/**
 * How near the lab is to what a harness measured that gives each region a network of its own and starts `bench/wan/start-node` there.
 *   node --import tsx bench/agreement/measured.ts FILE
 * FILE: a line of JSON a region and setting, {"tag": "…/n3/x25", "region": "CA", "clients": 1, "op": "put", "count": 590, "p50_ms": 81,
 * "p95_ms": 112, "p99_ms": 138, "max_ms": 214}, the tag's end being how many datacenters there are and how many per cent of the
 * writes go to one hot key. What the writes of the first setting took beyond the round trip to the nearest majority is what the lab
 * draws from: that setting then says little, and the others whether it holds for them.
 */
import { readFileSync } from "node:fs";
import { compare, type Measured, tableOf, wayMs } from "./compare.ts";

type Line = {
  readonly tag: string;
  readonly region: string;
  readonly clients: number;
  readonly op: string;
  readonly count: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
};

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("which file? node --import tsx bench/agreement/measured.ts FILE");
const puts = readFileSync(file, "utf8")
  .split("\n")
  .filter((text) => text !== "")
  .map((text) => JSON.parse(text) as Line)
  .filter(({ op }) => op === "put");
const settingOf = ({ tag, clients }: Line) => `${tag} ${clients}`;

const rows = [];
let overheadMs: number[] = [];
for (const setting of new Set(puts.map(settingOf))) {
  const lines = puts.filter((line) => settingOf(line) === setting);
  const measured = measuredOf(lines);
  if (overheadMs.length === 0) overheadMs = lines.flatMap((line) => beyondTheWay(line, measured.placement));
  rows.push(...(await compare(measured, overheadMs)));
}
console.log(tableOf(rows));

function measuredOf(lines: readonly Line[]): Measured {
  const [{ tag, clients }] = lines as [Line];
  const percent = /\/n\d+\/x(\d+)$/.exec(tag)?.[1];
  if (percent === undefined) throw new Error(`${file}: ${tag} does not end as …/n3/x25`);
  return {
    conflicts: Number(percent) / 100,
    clients,
    placement: lines.map(({ region }) => region),
    regions: lines.map(({ count, p50_ms, p99_ms }) => ({ writes: count, p50: p50_ms, p99: p99_ms })),
  };
}

/** A hundred writes with these percentiles, straight lines between them, as if the fastest were as far from the middle as p95 is. */
function beyondTheWay({ region, p50_ms, p95_ms, p99_ms, max_ms }: Line, placement: readonly string[]): number[] {
  const way = wayMs(placement, region);
  const known = [
    [0, Math.max(way, 2 * p50_ms - p95_ms)],
    [0.5, p50_ms],
    [0.95, p95_ms],
    [0.99, p99_ms],
    [1, max_ms],
  ] as const;
  return Array.from({ length: 100 }, (_, i) => {
    const share = (i + 0.5) / 100;
    const above = known.findIndex(([at]) => at > share);
    const [[low, lowMs], [high, highMs]] = [known[above - 1] ?? known[0], known[above] ?? known[4]];
    return Math.max(0, lowMs + ((highMs - lowMs) * (share - low)) / (high - low) - way);
  });
}
