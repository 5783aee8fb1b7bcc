/** The regions of `epoxy dev --wan` and how far they are from each other. */
import { UsageError } from "../exit.ts";

/** Public measurements between AWS regions, 2020. */
export const regions = {
  CA: "us-west-1, California",
  VA: "us-east-1, Virginia",
  EU: "eu-west-1, Ireland",
  OR: "us-west-2, Oregon",
  JP: "ap-northeast-1, Japan",
} as const;
export type Region = keyof typeof regions;

const roundTripsMs: Readonly<Record<string, number>> = {
  "CA-VA": 59.9,
  "CA-EU": 141.2,
  "CA-OR": 21.1,
  "CA-JP": 111.7,
  "VA-EU": 70.5,
  "VA-OR": 72.5,
  "VA-JP": 152.4,
  "EU-OR": 127.3,
  "EU-JP": 204.4,
  "OR-JP": 100.9,
};

/** 0 inside a region: two datacenters may stand in one. */
export function roundTripMs(a: Region, b: Region): number {
  return roundTripsMs[`${a}-${b}`] ?? roundTripsMs[`${b}-${a}`] ?? 0;
}

/** One region a datacenter, separated by commas. @throws UsageError */
export function parseRegions(text: string, datacenters: number): Region[] {
  const names = text
    .split(/[\s,]+/)
    .filter((name) => name !== "")
    .map((name) => name.toUpperCase());
  const strange = names.find((name) => !Object.hasOwn(regions, name));
  if (strange !== undefined) throw new UsageError(`there is no region ${strange}; --wan list shows them`);
  if (names.length !== datacenters) throw new UsageError(`--wan names ${names.length} regions for ${datacenters} datacenters`);
  return names as Region[];
}

/** What one datacenter's servers are told: milliseconds one way to each other datacenter, by its peer URL. */
export function oneWayMs(all: readonly Region[], peerUrls: readonly string[], self: number): Record<string, number> {
  const delays: Record<string, number> = {};
  const own = all[self];
  all.forEach((region, index) => {
    const url = peerUrls[index];
    if (index !== self && own !== undefined && url !== undefined) delays[url] = roundTripMs(own, region) / 2;
  });
  return delays;
}
