/** What the lab says of the settings that real processes were measured in, row by row. */
import { builtIn, roundTripMs } from "../../lab/matrix.ts";
import { runSetting } from "../../lab/run.ts";
import { defaults } from "../../lab/setting.ts";

/** That share of writes to one hot key, from so many closed loops a region. */
export type Case = { readonly conflicts: number; readonly clients: number };
/** Milliseconds. */
export type Percentiles = { readonly p50: number; readonly p99: number };
export type Measured = Case & {
  readonly placement: readonly string[];
  readonly regions: readonly (Percentiles & { readonly writes: number })[];
};
export type Row = Case & {
  readonly region: string;
  readonly writes: number;
  readonly real: Percentiles;
  readonly lab: Percentiles;
};

/** Virtual seconds cost little, and a p99 takes some thousand writes. */
const seconds = 60;

/** The round trip of a region to the nearest majority, itself included. */
export function wayMs(placement: readonly string[], from: string): number {
  const roundTrips = placement.filter((to) => to !== from).map((to) => roundTripMs(builtIn, from, to));
  return roundTrips.sort((a, b) => a - b)[Math.floor(placement.length / 2) - 1] as number;
}

/** @param overheadMs what a request and its answer cost beside their ways, as in lab/setting.ts */
export async function compare(measured: Measured, overheadMs: number | readonly number[]): Promise<Row[]> {
  const { placement, conflicts, clients } = measured;
  const workload = { ...defaults.workload, keys: { kind: "conflicts", share: conflicts } as const, clientsPerRegion: clients };
  const report = await runSetting({ ...defaults, matrix: builtIn, placement, protocol: "epaxos-star", workload, seconds, overheadMs });
  return placement.map((region, site) => {
    const { writes = 0, p50 = 0, p99 = 0 } = measured.regions[site] ?? {};
    const lab = report.regions[site]?.write ?? { p50: 0, p99: 0 };
    return { conflicts, clients, region, writes, real: { p50, p99 }, lab: { p50: lab.p50, p99: lab.p99 } };
  });
}

export function tableOf(rows: readonly Row[]): string {
  const pair = ({ p50, p99 }: Percentiles) => `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
  const off = (lab: number, real: number) => `${((lab / real - 1) * 100).toFixed(1)} %`;
  return [
    "| conflicts | clients | region | writes | real p50 / p99 | lab p50 / p99 | p50 off | p99 off |",
    "|---|---|---|---|---|---|---|---|",
    ...rows.map(
      ({ conflicts, clients, region, writes, real, lab }) =>
        `| ${conflicts} | ${clients} | ${region} | ${writes} | ${pair(real)} | ${pair(lab)} | ${off(lab.p50, real.p50)} | ${off(lab.p99, real.p99)} |`,
    ),
  ].join("\n");
}
