/** Two pictures in one SVG: latency by datacenter and run, and throughput against latency. */
import type { LoadResult } from "./load.ts";

export type ChartedRun = { readonly name: string; readonly result: LoadResult };

const colors = ["#1b6ca8", "#d1495b", "#edae49", "#00798c", "#7b4b94", "#2e933c", "#8d5524", "#555555", "#e07be0"];
const frame = { left: 60, width: 560, height: 180 };

/** @param places names of the datacenters, in the order of `result.each` */
export function drawChart(title: string, places: readonly string[], runs: readonly ChartedRun[]): string {
  const legendHeight = 16 * places.length;
  const [firstTop, secondTop] = [70 + legendHeight, 70 + legendHeight + frame.height + 90];
  const total = { width: frame.left + frame.width + 30, height: secondTop + frame.height + 50 };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}" role="img" font-family="sans-serif" font-size="11"><title>${escaped(title)}</title>`,
    `<rect width="${total.width}" height="${total.height}" fill="#fff"/><text x="12" y="22" font-size="15">${escaped(title)}</text>`,
    ...places.map(
      (place, i) =>
        `<rect x="12" y="${34 + 16 * i}" width="12" height="10" fill="${colorOf(i)}"/><text x="30" y="${43 + 16 * i}">${escaped(place)}</text>`,
    ),
    ...latencies(firstTop, places, runs),
    ...throughput(secondTop, runs),
    "</svg>\n",
  ].join("\n");
}

/** A bar from p50 to p99 for each datacenter of each run. */
function latencies(top: number, places: readonly string[], runs: readonly ChartedRun[]): string[] {
  const most = Math.max(1, ...runs.flatMap(({ result }) => result.each.map(({ p99Ms }) => p99Ms)));
  const y = (ms: number) => top + frame.height * (1 - ms / most);
  const slot = frame.width / Math.max(1, runs.length);
  const bar = Math.min(24, (slot * 0.8) / Math.max(1, places.length));
  return [
    `<text x="${frame.left}" y="${top - 8}">latency, ms: from p50 to p99</text>`,
    ...axis(top, most),
    ...runs.flatMap(({ name, result }, r) => [
      ...result.each.map(({ p50Ms, p99Ms }, i) => {
        const x = frame.left + slot * r + slot * 0.1 + bar * i;
        return `<rect x="${round(x)}" y="${round(y(p99Ms))}" width="${round(bar - 2)}" height="${round(Math.max(1, y(p50Ms) - y(p99Ms)))}" fill="${colorOf(i)}"><title>${escaped(`${places[i]}, ${name}: p50 ${p50Ms} ms, p99 ${p99Ms} ms`)}</title></rect>`;
      }),
      `<text x="${round(frame.left + slot * (r + 0.5))}" y="${top + frame.height + 14 + 12 * (r % 2)}" text-anchor="middle" font-size="9">${escaped(name)}</text>`,
    ]),
  ];
}

/** A point a run, in their order. */
function throughput(top: number, runs: readonly ChartedRun[]): string[] {
  const mostMs = Math.max(1, ...runs.map(({ result }) => result.all.p99Ms));
  const mostRate = Math.max(1, ...runs.map(({ result }) => result.all.perSecond));
  const x = (rate: number) => round(frame.left + (frame.width * rate) / mostRate);
  const y = (ms: number) => round(top + frame.height * (1 - ms / mostMs));
  const line = (pick: (run: ChartedRun) => number, color: string) => [
    `<path d="M${runs.map((run) => `${x(run.result.all.perSecond)} ${y(pick(run))}`).join("L")}" fill="none" stroke="${color}"/>`,
    ...runs.map((run) => `<circle cx="${x(run.result.all.perSecond)}" cy="${y(pick(run))}" r="3" fill="${color}"/>`),
  ];
  return [
    `<text x="${frame.left}" y="${top - 8}">all datacenters: p50 (blue) and p99 (red) in ms, against answers a second</text>`,
    ...axis(top, mostMs),
    ...[0, 0.5, 1].map(
      (share) =>
        `<text x="${x(share * mostRate)}" y="${top + frame.height + 14}" text-anchor="middle">${Math.round(share * mostRate)}/s</text>`,
    ),
    ...line(({ result }) => result.all.p50Ms, colorOf(0)),
    ...line(({ result }) => result.all.p99Ms, colorOf(1)),
  ];
}

function axis(top: number, most: number): string[] {
  return [
    `<path d="M${frame.left} ${top}V${top + frame.height}H${frame.left + frame.width}" fill="none" stroke="#999"/>`,
    ...[0, 0.5, 1].map(
      (share) =>
        `<text x="${frame.left - 6}" y="${round(top + frame.height * (1 - share)) + 4}" text-anchor="end">${Math.round(share * most)}</text>`,
    ),
  ];
}

function colorOf(index: number): string {
  return colors[index % colors.length] as string;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
