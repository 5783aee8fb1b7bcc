// Rates from sums seen twice, and their lines. One colour and one mark a datacenter.
import { at, draw, make } from "./dom.js";

const POINTS = 120;
const SPACE = { left: 44, right: 8, top: 8, bottom: 18, height: 150 };
const history = new Map();

/** Notes this look at the cluster; the rates since the look before, by datacenter. */
export function noteRates(datacenters) {
  const now = performance.now();
  const rates = new Map();
  for (const { id, own } of datacenters) {
    const line = history.get(id) ?? { before: null, points: [] };
    history.set(id, line);
    const rate = own === null ? null : ratesBetween(line.before, { now, latency: own.figures.latency });
    line.before = own === null ? null : { now, latency: own.figures.latency };
    line.points.push({ now, ...(rate ?? { perSecond: null, p50: null, p99: null }) });
    if (line.points.length > POINTS) line.points.shift();
    if (rate !== null) rates.set(id, rate);
  }
  for (const id of history.keys()) if (!datacenters.some((each) => each.id === id)) history.delete(id);
  return rates;
}

/** null where there is nothing to compare with: the first look, or a process that began anew. */
function ratesBetween(before, after) {
  if (before === null || before.latency.counts.length !== after.latency.counts.length) return null;
  const counts = after.latency.counts.map((count, i) => count - before.latency.counts[i]);
  if (counts.some((count) => count < 0)) return null;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    perSecond: (total * 1_000) / (after.now - before.now),
    p50: quantile(counts, after.latency.upToSeconds, total, 0.5),
    p99: quantile(counts, after.latency.upToSeconds, total, 0.99),
  };
}

/** In milliseconds, between the bounds of its bucket as if it were evenly filled. */
function quantile(counts, upToSeconds, total, share) {
  if (total === 0) return null;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const low = i === 0 ? 0 : upToSeconds[i - 1];
      const high = upToSeconds[i] ?? low;
      return 1_000 * (low + ((high - low) * (share * total - below)) / count);
    }
    below += count;
  }
  return null;
}

export function showPlots(members) {
  const lines = members.map(({ id }, place) => ({ place, points: history.get(id)?.points ?? [] }));
  plot(at("throughput"), lines, [{ of: "perSecond" }]);
  plot(at("latency"), lines, [{ of: "p50" }, { of: "p99", kind: "broken" }]);
  at("legend").replaceChildren(
    ...members.map(({ name }, place) =>
      make(
        "li",
        {},
        draw("svg", { viewBox: "0 0 20 10", "aria-hidden": "true" }, draw("path", { d: "M0 5H20", class: `line c${place % 9}` })),
        name,
      ),
    ),
  );
}

function plot(svg, lines, series) {
  const width = Math.max(200, svg.clientWidth);
  const { left, right, top, bottom, height } = SPACE;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const values = lines.flatMap(({ points }) => points.flatMap((point) => series.map(({ of }) => point[of] ?? 0)));
  const most = niceAbove(Math.max(...values, 0));
  const nowMs = performance.now();
  const x = (ms) => left + (width - left - right) * (1 - (nowMs - ms) / (POINTS * 1_000));
  const y = (value) => top + (height - top - bottom) * (1 - value / most);
  const grid = [0, 0.5, 1].flatMap((share) => [
    draw("path", { d: `M${left} ${y(most * share)}H${width - right}`, class: "grid" }),
    draw("text", { x: left - 6, y: y(most * share) + 4, "text-anchor": "end" }, label(most * share)),
  ]);
  const times = [
    draw("text", { x: left, y: height - 4 }, "2 min ago"),
    draw("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "now"),
  ];
  const drawn = lines.flatMap(({ place, points }) =>
    series.map(({ of, kind }) => {
      let pen = "M";
      let d = "";
      for (const point of points) {
        const value = point[of];
        if (value === null || x(point.now) < left) {
          pen = "M";
          continue;
        }
        d += `${pen}${x(point.now).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
      }
      return draw("path", { d, class: `line c${place % 9}${kind === undefined ? "" : ` ${kind}`}` });
    }),
  );
  svg.replaceChildren(...grid, ...times, ...drawn);
}

function niceAbove(value) {
  if (value <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * step).find((each) => each >= value) ?? value;
}

function label(value) {
  return value >= 10_000 ? `${value / 1_000}k` : String(Number(value.toPrecision(3)));
}
