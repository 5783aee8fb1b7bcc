/** Where to put datacenters: every placement of the candidates, by what its users would wait. Without running anything. */
import { thresholds } from "../protocol/quorum.ts";
import { LabInputError, type Matrix, roundTripMs } from "./matrix.ts";

export type PlanInput = {
  readonly matrix: Matrix;
  /** Regions of users and how much of the load each one is. */
  readonly users: readonly { readonly region: string; readonly weight: number }[];
  readonly candidates: readonly string[];
  readonly sizes: readonly number[];
  /** Of writes: those that meet another one under way and take the slow path. */
  readonly conflictShare: number;
};
/** Milliseconds. */
export type Latency = { readonly writeP50: number; readonly writeP99: number; readonly readP50: number; readonly readP99: number };
export type Plan = {
  readonly placement: readonly string[];
  readonly now: Latency;
  /** The worst that the loss of one datacenter makes of it. */
  readonly oneDown: Latency & { readonly down: string };
};

const PLANS_MAX = 20_000;

/** Best first, by the mean of p50 and p99 of writes now and with one down. @throws LabInputError */
export function rankPlacements(input: PlanInput): Plan[] {
  const { candidates, sizes, users, conflictShare } = input;
  if (users.length === 0 || users.some(({ weight }) => !(weight > 0))) throw new LabInputError("users need a region and a weight above 0");
  if (!(conflictShare >= 0 && conflictShare <= 1)) throw new LabInputError("the conflict share is a number from 0 to 1");
  if (new Set(candidates).size < candidates.length) throw new LabInputError("each candidate is named once");
  const strange = sizes.find((n) => !Number.isInteger(n) || n < 3 || n > 9 || n > candidates.length);
  if (strange !== undefined) throw new LabInputError(`a cluster has 3 to 9 datacenters, and no more than candidates: not ${strange}`);
  const placements = sizes.flatMap((n) => combinations(candidates, n));
  if (placements.length > PLANS_MAX) throw new LabInputError(`${placements.length} placements are too many; name fewer candidates`);
  return placements.map((placement) => planOf(input, placement)).sort((a, b) => score(a) - score(b));
}

function planOf(input: PlanInput, placement: readonly string[]): Plan {
  const worst = placement
    .map((down) => ({ ...latencyOf(input, placement, down), down }))
    .reduce((a, b) => (b.writeP50 + b.writeP99 > a.writeP50 + a.writeP99 ? b : a));
  return { placement, now: latencyOf(input, placement, null), oneDown: worst };
}

function score({ now, oneDown }: Plan): number {
  return now.writeP50 + now.writeP99 + oneDown.writeP50 + oneDown.writeP99;
}

/** Each user asks the datacenter where a write takes him least. */
export function latencyOf({ matrix, users, conflictShare }: PlanInput, placement: readonly string[], down: string | null): Latency {
  const need = thresholds(placement.length);
  const up = placement.filter((region) => region !== down);
  const writes: Sample[] = [];
  const reads: Sample[] = [];
  for (const { region: user, weight } of users) {
    const ways = up.map((home) => {
      const access = roundTripMs(matrix, user, home);
      const slow = access + quorumMs(matrix, home, up, need.slow);
      // No fast quorum is left: a second round for every write.
      const fast = up.length < need.fast ? access + 2 * (slow - access) : access + quorumMs(matrix, home, up, need.fast);
      return { fast, second: fast + (slow - access), read: slow };
    });
    const best = ways.reduce((a, b) => (b.fast < a.fast ? b : a));
    writes.push({ ms: best.fast, weight: weight * (1 - conflictShare) }, { ms: best.second, weight: weight * conflictShare });
    reads.push({ ms: Math.min(...ways.map(({ read }) => read)), weight });
  }
  return { writeP50: at(writes, 0.5), writeP99: at(writes, 0.99), readP50: at(reads, 0.5), readP99: at(reads, 0.99) };
}

/** Round trip to the farthest of the nearest quorum of that size. */
export function quorumMs(matrix: Matrix, from: string, up: readonly string[], size: number): number {
  const ways = up.map((to) => roundTripMs(matrix, from, to)).sort((a, b) => a - b);
  return ways[size - 1] ?? Number.POSITIVE_INFINITY;
}

type Sample = { readonly ms: number; readonly weight: number };

function at(samples: readonly Sample[], share: number): number {
  const sorted = samples.filter(({ weight }) => weight > 0).sort((a, b) => a.ms - b.ms);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  let upTo = 0;
  for (const { ms, weight } of sorted) {
    upTo += weight;
    if (upTo >= share * total - 1e-9) return ms;
  }
  return sorted.at(-1)?.ms ?? 0;
}

function combinations<T>(from: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return from.flatMap((first, i) => combinations(from.slice(i + 1), size - 1).map((rest) => [first, ...rest]));
}
