/** What one run of the lab is of, and what it finds. */
import type { Matrix } from "./matrix.ts";

export type Workload = {
  /** Of all operations, in [0, 1]. */
  readonly readShare: number;
  /** Either that share of operations goes to one key and the rest to keys of their own, or keys are drawn by Zipf's law. */
  readonly keys:
    | { readonly kind: "conflicts"; readonly share: number }
    | { readonly kind: "zipf"; readonly exponent: number; readonly count: number };
  readonly clientsPerRegion: number;
  /** Operations a second and region, at random times; null: each client asks again as soon as it is answered. */
  readonly openPerSecond: number | null;
  readonly valueBytes: number;
};

export type Setting = {
  readonly matrix: Matrix;
  /** The datacenters, a region each. */
  readonly placement: readonly string[];
  readonly protocol: ProtocolName;
  /** Index in `placement`; of use to multi-paxos alone. */
  readonly leader: number;
  readonly workload: Workload;
  /** Virtual time that counts, and that before it, which does not. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /**
   * What a request and its answer cost besides their ways: so many milliseconds, or each time one of those measured, every one as
   * likely as any other.
   */
  readonly overheadMs: number | readonly number[];
  /** How much of a way a message may be late, as a share. */
  readonly jitter: number;
  /** Index of a datacenter that is down all the while, or null. Only the shipped protocol is run with one. */
  readonly down: number | null;
  readonly seed: number;
};

export const protocolNames = [
  "epaxos-star",
  "epaxos-star-toq",
  "epaxos-star-bounded",
  "epaxos-optimized",
  "epaxos-basic",
  "epaxos-toq",
  "atlas-f1",
  "atlas-f2",
  "tempo-f1",
  "tempo-f2",
  "accord",
  "multi-paxos",
] as const;
export type ProtocolName = (typeof protocolNames)[number];
/** The code that ships, as it is or with something in front of it; the others are models. */
export type ShippedName = Extract<ProtocolName, `epaxos-star${string}`>;
export const isShipped = (name: ProtocolName): name is ShippedName => name.startsWith("epaxos-star");

/** Times are virtual milliseconds. */
export type Operation = {
  readonly number: number;
  readonly site: number;
  readonly key: string;
  readonly isRead: boolean;
  readonly startMs: number;
  commitMs: number | null;
  endMs: number | null;
  /** Of the key: writes up to the one it made, or that it read. */
  version: number;
  path: "fast" | "slow" | null;
  /** Commands in a row, itself included, that had to be executed one after the other once it was committed. */
  chain: number;
};

/** A protocol on its replicas. */
export type Cluster = {
  /** Ready to be asked. */
  form(): Promise<void>;
  /** Resolves once it is answered, its fields filled in. */
  run(operation: Operation): Promise<void>;
  /** Of each replica that is up: writes by key in the order in which it executed them. */
  orders(): readonly ReadonlyMap<string, readonly number[]>[];
  /** Since the beginning. */
  traffic(): { readonly messages: number; readonly bytes: number };
  /** What must never be, in words. */
  readonly problems: string[];
};

export const defaults = {
  workload: {
    readShare: 0,
    keys: { kind: "conflicts", share: 0.02 },
    clientsPerRegion: 16,
    openPerSecond: null,
    valueBytes: 16,
  },
  leader: 0,
  seconds: 10,
  warmupSeconds: 2,
  overheadMs: 0,
  jitter: 0,
  down: null,
  seed: 1,
} as const satisfies Partial<Setting>;
