/** What the parts of one replica share: the ports, what is known from memory, and who waits for what. */
import { linkOf } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import type { ReplicaStatus, SyncState } from "../protocol/messages.ts";
import { type Thresholds, thresholds } from "../protocol/quorum.ts";
import type {
  Ballot,
  ChainLink,
  Epoch,
  Frontier,
  InstanceId,
  Key,
  KeyState,
  Members,
  Progress,
  ReplicaId,
  ReplicaState,
  Write,
} from "../protocol/types.ts";
import type { Batching } from "./batch.ts";
import type { Blocked } from "./blocked.ts";
import type { Contested } from "./contested.ts";
import { damageOf } from "./damage.ts";
import type { OwnEnd } from "./execute.ts";
import type { ExecutedSet } from "./executed-set.ts";
import type { PageAhead } from "./learn.ts";
import type { Ports, Transaction } from "./ports.ts";
import type { Pruning } from "./prune.ts";
import type { Reading } from "./read-index.ts";
import type { SlotBlock } from "./slots.ts";
import type { Stuck } from "./sweep.ts";

/** The reserved key under which the members stand: no user can name it. */
export const MEMBERS_KEY = "" as Key;

/** What is heard of one other replica. */
export type Peer = {
  lastSeenMs: number | null;
  roundTripMs: number | null;
  epoch: number;
  status: ReplicaStatus | null;
  incarnation: string;
  counter: number;
  /** Its newest sync, and the one before (or the first): what it had executed half a second ago can no longer be on its way here. */
  sync: SyncState | null;
  previousSync: SyncState | null;
  /** When `previousSync` was last moved on. */
  syncMs: number | null;
};

/**
 * The newest state this process knows, for choosing whom to ask and what to refuse early. It may be behind what another
 * process of this replica wrote: every decision that safety rests on is made again inside a transaction.
 */
export type Known = {
  replica: ReplicaState | null;
  chain: readonly ChainLink[];
  members: Members | null;
  progress: Progress;
};

export type Context = Ports & {
  readonly known: Known;
  readonly peers: Ports["peers"];
  readonly health: Map<ReplicaId, Peer>;
  /** Of this disk; from the identity, or drawn for a newcomer. */
  incarnation: string;
  readonly build: string;
  readonly executed: ExecutedSet;
  /** Where each open column stood when the progress step last looked. */
  readonly gapsSeen: Map<ReplicaId, number>;
  /** Columns in which the last sweep saw something above the prefix that this process has not executed itself. */
  readonly openColumns: Set<ReplicaId>;
  /** Called once the instance is executed (or committed as Nop). */
  readonly waiters: Map<InstanceId, Set<() => void>>;
  /** Own instances that a caller here waits for, and how they ended; null until they have. */
  readonly answers: Map<InstanceId, OwnEnd | null>;
  /** When the pre-accept of each of these became durable. */
  readonly submittedMs: Map<InstanceId, number>;
  /** Of the callers in own instances, where they gave one. */
  readonly traces: Map<InstanceId, ReadonlySet<string>>;
  readonly blocked: Blocked;
  /** Undecided instances that hold up execution. */
  readonly urgent: Set<InstanceId>;
  /** Own instances that this process is getting committed. */
  readonly leading: Set<InstanceId>;
  readonly recovering: Map<InstanceId, Promise<void>>;
  /** Undecided instances as the sweep has seen them. */
  readonly stuck: Map<InstanceId, Stuck>;
  /** The ballot a recovery was refused for: the next try goes above it. */
  readonly ballotsSeen: Map<InstanceId, Ballot>;
  /** How often a waiting recovery sends its Waiting notice again. */
  readonly waitingResendMs: number;
  /** Instances not executed here, as of the last sweep. */
  openCount: number;
  /** What the last sync round found to say. */
  ownSync: { readonly advertisedFloor: Frontier; readonly digest: string };
  /** Why this disk must not vote although it has an identity; null once the voters have said that it may. */
  fence: string | null;
  /** Why nothing on this store may vote, as the composition root found (Redis settings); null when it is fit. */
  unfit: string | null;
  /** Names of records that were found damaged and are not mended. */
  readonly damaged: Set<string>;
  /** Members have refused this replica as removed. It may not have executed its removal, and never will: they send it nothing. */
  removed: boolean;
  /** When this process last read its own identity: an answer to a sync says that the store behind it is there. */
  storeSeenMs: number;
  /** Members whose answer to a sync is awaited: a slow one must not hold up the others. */
  readonly syncing: Set<ReplicaId>;
  /** What was last written of the peers' counters. */
  peersSaved: { readonly text: string; readonly atMs: number };
  /** Version of the members key that `known.members` was read at; 0 for none. */
  membersVersion: number;
  /** Called when the members or the chain in `known` changed: addresses follow. */
  membersChanged: () => void;
  /** The walk to the newest epoch, while it runs. */
  moving: Promise<void> | null;
  /** When this process last asked for a copy in place of one that was thrown away. */
  copyAskedMs: number | null;
  /** Of a copy that this process makes. */
  pageAhead: PageAhead | null;
  /** What a drain asks the peers for, while it runs. */
  fetching: Promise<void> | null;
  /** First values seen elsewhere of keys that are absent here. */
  readonly optimistic: Map<Key, KeyState>;
  frozenSinceMs: number | null;
  readonly block: SlotBlock;
  /** Callers whose entries are not in an instance yet. */
  readonly batching: Batching;
  /** Readers who have not asked the voters yet. */
  readonly reading: Reading;
  readonly contested: Contested;
  /** Every idempotency bucket up to this hour is closed, and that was executed here; null until it was looked up. */
  closedHour: number | null;
  readonly pruning: Pruning;
  /** How often a waiting caller looks at the store, for what another process did. */
  readonly pollMs: number;
  /** How long an owner goes on with an instance whose caller has gone. */
  readonly leadTimeoutMs: number;
  /** Set when the replica is being stopped. */
  readonly stop: AbortController;
  /** To be told of whatever was caught: an InvariantViolation stops the process, everything else is left to the catcher. */
  readonly fatal: (error: unknown) => void;
};

export function applyWrites(tx: Transaction, writes: readonly Write[]): void {
  for (const write of writes) tx.put(write);
}

/** Every instance above the executed prefix that has a record here: what is left out of such a list is forgotten, so no page is. */
export async function allOpen(ctx: Context): Promise<InstanceId[]> {
  const open: InstanceId[] = [];
  for (let after: InstanceId | null = null; ; ) {
    const page: InstanceId[] = await ctx.store.openInstances(after, limits.openScanMax);
    for (const id of page) open.push(id);
    if (page.length < limits.openScanMax) return open;
    after = page.at(-1) ?? null;
  }
}

/** The identity, or the reason why there is nothing to do without one. */
export function identity(ctx: Context): ReplicaState {
  const { replica } = ctx.known;
  if (replica === null) throw new EpoxyError("notReady", "this replica is joining: it serves once the coordinator has added it");
  return replica;
}

/** Why this replica must not vote at all; null when nothing is in the way. */
export function barred(ctx: Context): string | null {
  return ctx.removed ? "this replica was removed from the cluster; its id is never used again" : (ctx.unfit ?? damageOf(ctx) ?? ctx.fence);
}

/** Link of the epoch this replica takes part in; null while it is still copying. */
export function currentLink(ctx: Context): ChainLink | null {
  const { replica, chain } = ctx.known;
  return replica === null ? null : linkOf(chain, replica.epoch);
}

export function votersOf(ctx: Context, epoch: Epoch): { readonly voters: readonly ReplicaId[]; readonly need: Thresholds } {
  const link = linkOf(ctx.known.chain, epoch);
  if (link === null) throw new EpoxyError("notReady", `epoch ${epoch} is not known here yet`);
  return { voters: link.voters, need: thresholds(link.voters.length) };
}

/** The members as executed here; before the first of that is known, as the newest link has them. */
export function membersOf({ known }: Context): Members | null {
  return known.members ?? known.chain.at(-1)?.members ?? null;
}

/** Everyone who must learn of commits: voters of the newest links and all members, without this replica. */
export function audience(ctx: Context): ReplicaId[] {
  const ids = new Set<ReplicaId>();
  for (const link of ctx.known.chain.slice(-2)) for (const id of link.voters) ids.add(id);
  for (const { id } of membersOf(ctx)?.members ?? []) ids.add(id);
  ids.delete(ctx.known.replica?.self as ReplicaId);
  return [...ids];
}

export function suspected(ctx: Context, id: ReplicaId): boolean {
  return !heardSince(ctx, id, ctx.clock.monotonicMs() - limits.suspectMs);
}

/** Of itself a replica hears always. */
export function heardSince(ctx: Context, id: ReplicaId, sinceMs: number): boolean {
  if (id === ctx.known.replica?.self) return true;
  const seen = ctx.health.get(id)?.lastSeenMs ?? null;
  return seen !== null && seen >= sinceMs;
}

/** Enough voters of the current epoch were heard from lately to decide anything. */
export function quorumReachable(ctx: Context): boolean {
  const link = currentLink(ctx);
  if (link === null) return false;
  const self = ctx.known.replica?.self;
  const now = ctx.clock.monotonicMs();
  const heard = link.voters.filter((id) => id === self || now - (ctx.health.get(id)?.lastSeenMs ?? -Infinity) < limits.quorumLostMs);
  return heard.length >= thresholds(link.voters.length).slow;
}

/** Wakes whoever waits for the instance in this process. */
export function wake(ctx: Context, id: InstanceId): void {
  const waiting = ctx.waiters.get(id);
  if (waiting === undefined) return;
  ctx.waiters.delete(id);
  for (const resume of waiting) resume();
}

/** Made once: an abort without a reason makes an error each time. */
const WOKEN = new Error("woken");

/** Resolves when `wake(id)` is called, after `ms`, or when the replica stops. */
export async function waitFor(ctx: Context, id: InstanceId, ms: number): Promise<void> {
  const timer = new AbortController();
  const woken = new Promise<void>((resolve) => {
    const waiting = ctx.waiters.get(id) ?? new Set();
    waiting.add(resolve);
    ctx.waiters.set(id, waiting);
    void ctx.clock.sleep(ms, timer.signal).then(() => {
      waiting.delete(resolve);
      if (waiting.size === 0 && ctx.waiters.get(id) === waiting) ctx.waiters.delete(id);
      resolve();
    });
  });
  await woken;
  timer.abort(WOKEN);
}
