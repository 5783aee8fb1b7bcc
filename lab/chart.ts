/** An SVG of small cells: a row a workload, a column a region, one line a protocol over the percentiles. */
import type { LabReport, Percentiles } from "./report.ts";

export type ChartRow = { readonly title: string; readonly reports: readonly LabReport[] };

const cell = { width: 190, height: 150, left: 40, top: 26, gap: 12 };
const ladder = ["p50", "p90", "p99", "p999"] as const;
const labels = ["p50", "p90", "p99", "p99.9"];
const colors = [
  "#1b6ca8",
  "#d1495b",
  "#edae49",
  "#00798c",
  "#7b4b94",
  "#2e933c",
  "#8d5524",
  "#555555",
  "#e07be0",
  "#5fa8d3",
  "#9a031e",
  "#b5c99a",
];

/** Solid: answered, that is executed. Dashed: committed. Each row has one scale. */
export function drawChart(title: string, rows: readonly ChartRow[]): string {
  const regions = rows[0]?.reports[0]?.regions.map(({ region }) => region) ?? [];
  const names = [...new Set(rows.flatMap(({ reports }) => reports.map(({ protocol }) => protocol)))];
  const width = 120 + regions.length * (cell.width + cell.gap);
  const height = 90 + rows.length * (cell.height + cell.top + cell.gap);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="10"><title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/><text x="12" y="20" font-size="14">${escaped(title)}</text>`,
    ...names.map((name, i) => {
      const x = 12 + i * 125;
      return `<path d="M${x} 38h20" stroke="${colorOf(names, name)}" stroke-width="2"/><text x="${x + 24}" y="41">${escaped(name)}</text>`;
    }),
    `<text x="12" y="60">solid: executed (writes), dashed: committed; milliseconds; each row has its own scale</text>`,
  ];
  rows.forEach((row, r) => {
    const y = 78 + r * (cell.height + cell.top + cell.gap);
    const most = Math.max(
      1,
      ...row.reports.flatMap(({ regions: all }) => all.flatMap((each) => [each.write?.p999 ?? 0, each.commit?.p999 ?? 0])),
    );
    parts.push(`<text x="12" y="${y + 12}" font-weight="bold">${escaped(row.title)}</text>`);
    regions.forEach((region, c) => {
      parts.push(drawCell({ x: 60 + c * (cell.width + cell.gap), y: y + cell.top, region, most, reports: row.reports, names }));
    });
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

type Cell = {
  readonly x: number;
  readonly y: number;
  readonly region: string;
  readonly most: number;
  readonly reports: readonly LabReport[];
  readonly names: readonly string[];
};

function drawCell({ x, y, region, most, reports, names }: Cell): string {
  const inner = { width: cell.width - cell.left, height: cell.height - 30 };
  const px = (i: number) => (x + cell.left + (i * inner.width) / (ladder.length - 1)).toFixed(1);
  const py = (ms: number) => (y + inner.height - (ms / most) * inner.height).toFixed(1);
  const line = (values: Percentiles | null, color: string, dash: string) =>
    values === null
      ? ""
      : `<path d="M${ladder.map((name, i) => `${px(i)} ${py(values[name])}`).join("L")}" fill="none" stroke="${color}"${dash} stroke-width="1.4"/>`;
  return [
    `<path d="M${px(0)} ${y}V${y + inner.height}H${px(3)}" fill="none" stroke="#999"/>`,
    `<text x="${px(0)}" y="${y - 4}">${escaped(region)}</text>`,
    ...[0, 0.5, 1].map(
      (share) => `<text x="${x + cell.left - 4}" y="${Number(py(share * most)) + 3}" text-anchor="end">${Math.round(share * most)}</text>`,
    ),
    ...labels.map((label, i) => `<text x="${px(i)}" y="${y + inner.height + 12}" text-anchor="middle">${label}</text>`),
    ...reports.flatMap((report) => {
      const found = report.regions.find((each) => each.region === region);
      const color = colorOf(names, report.protocol);
      return [line(found?.commit ?? null, color, ' stroke-dasharray="3 3"'), line(found?.write ?? null, color, "")];
    }),
  ].join("\n");
}

function colorOf(names: readonly string[], name: string): string {
  return colors[names.indexOf(name) % colors.length] as string;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
