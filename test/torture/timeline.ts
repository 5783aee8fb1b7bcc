/** A picture of one run: answers in each second, the slowest of them, and the faults above them. */
import type { Result } from "./report.ts";

const width = 900;
const left = 60;
const chartHeight = 160;
const laneHeight = 16;
const colours = { ok: "#2f7d4f", fail: "#d9a400", info: "#b3362b", fault: "#6b5aa8", slowest: "#333333" } as const;

export function timelineOf(result: Result): string {
  const { seconds, spans, moments, datacenters } = result;
  const totalMs = Math.max(1, moments.endMs);
  const x = (ms: number) => left + (Math.min(Math.max(ms, 0), totalMs) / totalMs) * (width - left - 20);
  const lanes = Array.from({ length: datacenters + 1 }, (_, i) => i);
  const top = 34;
  const chartTop = top + lanes.length * laneHeight + 12;
  const most = seconds.reduce((max, { ok, fail, info }) => Math.max(max, ok + fail + info), 1);
  const slowest = seconds.reduce((max, { slowestMs }) => Math.max(max, slowestMs), 1);
  const base = chartTop + chartHeight;
  const parts: string[] = [];
  parts.push(text(left, 18, `${result.case}: ${result.what} (${datacenters} datacenters, seed ${result.seed})`, 13));
  for (const lane of lanes) {
    const y = top + lane * laneHeight;
    parts.push(text(4, y + 11, lane === 0 ? "all" : `dc-${lane}`, 10));
    for (const span of spans.filter(({ at }) => (lane === 0 ? at.length === 0 : at.includes(lane)))) {
      const from = x(span.fromMs);
      parts.push(
        `<rect x="${n(from)}" y="${y}" width="${n(Math.max(2, x(span.toMs) - from))}" height="${laneHeight - 4}" fill="${colours.fault}" opacity="0.75"><title>${inXml(span.name)}</title></rect>`,
      );
    }
  }
  const barWidth = Math.max(1, x(1_000) - x(0) - 1);
  for (const [i, second] of seconds.entries()) {
    let y = base;
    for (const kind of ["ok", "fail", "info"] as const) {
      const height = (second[kind] / most) * chartHeight;
      y -= height;
      if (height > 0)
        parts.push(`<rect x="${n(x(i * 1_000))}" y="${n(y)}" width="${n(barWidth)}" height="${n(height)}" fill="${colours[kind]}"/>`);
    }
  }
  const points = seconds.map(({ slowestMs }, i) => `${n(x(i * 1_000) + barWidth / 2)},${n(base - (slowestMs / slowest) * chartHeight)}`);
  parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${colours.slowest}" stroke-width="1"/>`);
  for (const ms of [moments.faultsFromMs, moments.healFromMs])
    parts.push(`<line x1="${n(x(ms))}" x2="${n(x(ms))}" y1="${top}" y2="${base}" stroke="#888888" stroke-dasharray="3 3"/>`);
  parts.push(text(4, chartTop + 10, `${most}/s`, 10), text(4, base, "0", 10), text(left, base + 16, "0 s", 10));
  parts.push(text(width - 60, base + 16, `${(totalMs / 1000).toFixed(0)} s`, 10));
  const legend = `answers a second: green ok, yellow refused, red unknown; line: the slowest ok answer, up to ${slowest} ms; violet: faults`;
  parts.push(text(left, base + 34, legend, 11));
  const height = base + 46;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n${parts.join("\n")}\n</svg>\n`;
}

function text(x: number, y: number, words: string, size: number): string {
  return `<text x="${x}" y="${y}" font-size="${size}">${inXml(words)}</text>`;
}

function inXml(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function n(value: number): string {
  return value.toFixed(1);
}
