/** What all disks together have ever said: the facts that no later write of any of them may contradict. */
import { footprints } from "../../protocol/conflict.ts";
import { instanceName } from "../../protocol/ids.ts";
import type {
  Access,
  Ballot,
  ChainLink,
  Deps,
  Footprint,
  IndexRecord,
  InstanceId,
  InstanceRecord,
  Payload,
  Progress,
  ReplicaId,
  ReplicaState,
  Value,
} from "../../protocol/types.ts";
import type { Site } from "../site.ts";
import { violate, type World } from "../world.ts";

export type Decided = { readonly value: Value; readonly deps: Deps; readonly epoch: number };
export type Accepted = { readonly value: Value; readonly deps: Deps; readonly replicas: Set<ReplicaId> };

/** How far a replica is with the commands on one footprint: whole rounds between two writes, and what came since the last one. */
export type Position = { writes: number; reads: number; readSum: number; adds: number; addSum: number };

/** One disk as it is now, record by record. */
export type Mirror = {
  readonly site: Site;
  readonly instances: Map<InstanceId, InstanceRecord>;
  readonly index: Map<Footprint, IndexRecord>;
  /** Dependencies with which each instance was pre-accepted here. */
  readonly preAccepted: Map<InstanceId, Deps>;
  readonly positions: Map<Footprint, Position>;
  replica: ReplicaState | null;
  chain: readonly ChainLink[];
  progress: Progress | null;
  /** As far as it has executed changes of them, with the virtual time at which it heard of each. */
  members: ReadonlyMap<ReplicaId, number>;
};

export type Ledger = {
  readonly world: World;
  readonly mirrors: Map<number, Mirror>;
  readonly decided: Map<InstanceId, Decided>;
  readonly initial: Map<InstanceId, { readonly payload: Payload; readonly deps: Deps }>;
  /** By instance, then by ballot. */
  readonly accepted: Map<InstanceId, Map<string, Accepted>>;
  /** Replicas that durably pre-accepted it with its owner's own dependencies. */
  readonly agreed: Map<InstanceId, Set<ReplicaId>>;
  /** When a disk first had it executed, in virtual milliseconds. */
  readonly executed: Map<InstanceId, number>;
  /** Committed commands by what they touch. */
  readonly touched: Map<Footprint, { readonly id: InstanceId; readonly access: Access }[]>;
  readonly footprints: Map<InstanceId, ReadonlyMap<Footprint, Access>>;
  /** Element e-1: the link of epoch e. */
  readonly chain: ChainLink[];
  /** Instance that executed an idempotency key first. */
  readonly rows: Map<string, InstanceId>;
  readonly removed: Set<ReplicaId>;
  /** What was held at the end of an epoch, by who was the first to write it down. */
  readonly ends: Map<number, { readonly digest: string; readonly by: number }>;
  /** Who sends Recover at a ballot. */
  readonly coordinators: Map<string, string>;
  /** On each footprint its writes in the one order, and how every other command on it stands to them. */
  readonly order: Map<Footprint, { readonly writes: InstanceId[]; readonly places: Map<InstanceId, string> }>;
};

export function createLedger(world: World): Ledger {
  return {
    world,
    mirrors: new Map(),
    decided: new Map(),
    initial: new Map(),
    accepted: new Map(),
    agreed: new Map(),
    executed: new Map(),
    touched: new Map(),
    footprints: new Map(),
    chain: [],
    rows: new Map(),
    removed: new Set(),
    ends: new Map(),
    coordinators: new Map(),
    order: new Map(),
  };
}

export function createMirror(site: Site): Mirror {
  return {
    site,
    instances: new Map(),
    index: new Map(),
    preAccepted: new Map(),
    positions: new Map(),
    replica: null,
    chain: [],
    progress: null,
    members: new Map(),
  };
}

export function atBallot(id: InstanceId, { epoch, counter, replica }: Ballot): string {
  return `${instanceName(id)}@${epoch}.${counter}.${replica}`;
}

export function footprintsOf(ledger: Ledger, id: InstanceId, payload: Payload): ReadonlyMap<Footprint, Access> {
  let found = ledger.footprints.get(id);
  if (found === undefined) {
    found = footprints(payload);
    ledger.footprints.set(id, found);
  }
  return found;
}

/** Names what is broken, at which replica, and ends the run. */
export function broken(ledger: Ledger, mirror: Mirror, invariant: string, message: string, ids: readonly InstanceId[]): void {
  violate(ledger.world, invariant, `at datacenter ${mirror.site.number}: ${message}`, ids);
}

export function nameOf(mirror: Mirror): ReplicaId {
  return (mirror.replica?.self ?? 0) as ReplicaId;
}
