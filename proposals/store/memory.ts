/** A replica's disk in memory: what the simulator runs on, and any test that needs no Redis. Without timers of its own. */
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { StoreInDoubt } from "../ports.ts";
import {
  BATCHES_REMEMBERED,
  type Backend,
  type Batch,
  type BatchOutcome,
  type BatchTransaction,
  DIGEST_MODULUS,
  type Membership,
  transactionWrites,
  writesAnything,
} from "./backend.ts";
import { type Sealing, sealing } from "./sealing.ts";
import { createStore, type TransactionalStore } from "./transaction.ts";

/** The durable contents. They outlive the process that wrote them, and several processes may share them. */
const CLAIM_BATCHES = 32;

export type MemoryDisk = {
  readonly records: Map<string, Uint8Array>;
  /** Ascending. */
  readonly open: string[];
  readonly state: string[];
  readonly changes: Uint8Array[];
  /** Entries trimmed from the front of `changes`. */
  trimmed: number;
  readonly changesMax: number;
  readonly changesBytesMax: number;
  changesBytes: number;
  digest: bigint;
  counter: number;
  /** Processes that ever opened it. */
  opens: number;
  /** A record claimed by a process that kept losing, and for how many more batches: there is no clock here. */
  turn: { readonly processId: string; readonly name: string; batches: number } | null;
  readonly outcomes: Map<string, Map<number, { readonly number: number; readonly outcome: BatchOutcome }>>;
  /** Told of each transaction at the instant it is applied: who checks invariants sees what is durable, and nothing else. */
  watch: ((applied: BatchTransaction) => void) | null;
};

type KeptChanges = { readonly changesMax?: number; readonly changesBytesMax?: number };

export function createMemoryDisk({
  changesMax = limits.changesKept,
  changesBytesMax = limits.changesBytesKept,
}: KeptChanges = {}): MemoryDisk {
  const outcomes: MemoryDisk["outcomes"] = new Map();
  return {
    records: new Map(),
    open: [],
    state: [],
    changes: [],
    trimmed: 0,
    changesMax,
    changesBytesMax,
    changesBytes: 0,
    digest: 0n,
    counter: 0,
    opens: 0,
    turn: null,
    outcomes,
    watch: null,
  };
}

/** An independent copy: a disk put back later to an older state. */
export function copyMemoryDisk(disk: MemoryDisk): MemoryDisk {
  const outcomes = new Map([...disk.outcomes].map(([id, kept]) => [id, new Map(kept)]));
  const { open, state, changes } = disk;
  return { ...disk, records: new Map(disk.records), open: [...open], state: [...state], changes: [...changes], outcomes, watch: null };
}

/**
 * What becomes of one operation. Lost ones are sent again, as the Redis backend does; `unreachable`: it certainly did not happen;
 * the doubts: the caller is not told whether it did; the crashes: the process ends there and hears nothing ever again.
 */
export type Fate = "ok" | "requestLost" | "replyLost" | "unreachable" | "doubtNotDone" | "doubtDone" | "crashBefore" | "crashAfter";
export type MemoryHooks = {
  /** Awaited on the way to the disk and on the way back; null takes no time. Order is kept, as on one connection. */
  readonly latency?: () => Promise<void> | null;
  readonly fate?: (operation: "read" | "commit") => Fate;
  /** Told when a fate ended the process. */
  readonly crashed?: () => void;
};
export type MemoryBackend = Backend & {
  /** The process ends: nothing that has not reached the disk will, and nothing is heard of. */
  kill(): void;
};

export function memoryBackend(disk: MemoryDisk, hooks: MemoryHooks & { readonly processId: string }): MemoryBackend {
  const processId = `${hooks.processId}#${++disk.opens}`;
  let isDead = false;
  /** Of each way, until all on it have arrived. */
  const last: { request: Promise<unknown> | null; reply: Promise<unknown> | null } = { request: null, reply: null };
  const never = () => new Promise<never>(() => {});

  async function travel(way: "request" | "reply"): Promise<void> {
    const [before, latency] = [last[way], hooks.latency?.() ?? null];
    if (before !== null || latency !== null) {
      const arrival = Promise.all([before, latency]);
      last[way] = arrival;
      await arrival;
      if (last[way] === arrival) last[way] = null;
    }
    if (isDead) await never();
  }
  function crash(): Promise<never> {
    isDead = true;
    hooks.crashed?.();
    return never();
  }
  async function operate<T>(operation: "read" | "commit", act: () => T): Promise<T> {
    for (;;) {
      if (isDead) return never();
      const fate = hooks.fate?.(operation) ?? "ok";
      await travel("request");
      if (fate === "requestLost") continue;
      if (fate === "unreachable") throw new EpoxyError("notReady", "the store cannot be reached");
      if (fate === "doubtNotDone") throw inDoubt(operation);
      if (fate === "crashBefore") return crash();
      const result = act();
      if (fate === "crashAfter") return crash();
      await travel("reply");
      if (fate === "doubtDone") throw inDoubt(operation);
      if (fate !== "replyLost") return result;
    }
  }

  return {
    processId,
    ready: () => !isDead,
    read: (names) => operate("read", () => names.map((name) => disk.records.get(name) ?? null)),
    commit: (batch) => operate("commit", () => execute(disk, processId, batch)),
    openMembers: (after, limit) =>
      operate("read", () => slice(disk.open, { from: after ?? "", exclusive: after !== null, before: null }, limit)),
    stateMembers: (range, limit) => operate("read", () => slice(disk.state, range, limit)),
    entries: (after, limit) =>
      operate("read", () => {
        const start = Math.max(0, after - disk.trimmed);
        const kept = disk.changes.slice(start, start + limit);
        const entries = kept.map((bytes, i) => ({ position: disk.trimmed + start + i + 1, bytes }));
        return { entries, last: disk.trimmed + disk.changes.length };
      }),
    digest: () => operate("read", () => disk.digest),
    stateCount: () => operate("read", () => disk.state.length),
    close: async () => {
      isDead = true;
    },
    kill() {
      isDead = true;
    },
  };
}

export type MemoryStoreOptions = MemoryHooks & {
  readonly disk: MemoryDisk;
  readonly processId: string;
  /** Given one (the same for all processes of a disk), records are not encoded. */
  readonly sealing?: Sealing;
  readonly cacheEntriesMax?: number;
  readonly batchesInFlightMax?: number;
};
export type MemoryStore = TransactionalStore & { kill(): void };

export function openMemoryStore({ disk, sealing: given, ...options }: MemoryStoreOptions): MemoryStore {
  const backend = memoryBackend(disk, options);
  return { ...createStore(backend, { ...options, counter: disk.counter, sealing: given ?? sealing }), kill: backend.kill };
}

function inDoubt(operation: "read" | "commit"): Error {
  return operation === "commit"
    ? new StoreInDoubt("the store went away during a commit")
    : new EpoxyError("notReady", "the store cannot be reached");
}

/** compare-and-write.lua, line for line. */
function execute(disk: MemoryDisk, processId: string, batch: Batch): BatchOutcome {
  const canWrite = writesAnything(batch);
  const remembered = disk.outcomes.get(processId) ?? new Map<number, { number: number; outcome: BatchOutcome }>();
  disk.outcomes.set(processId, remembered);
  const seat = batch.number % BATCHES_REMEMBERED;
  const known = remembered.get(seat);
  if (canWrite && known !== undefined) {
    if (known.number === batch.number) return known.outcome;
    if (known.number > batch.number) throw new StoreInDoubt(`batch ${batch.number} is forgotten`);
  }
  let applied = false;
  if (disk.turn !== null && disk.turn.batches-- <= 0) disk.turn = null;
  const failed = batch.transactions.map((transaction) => {
    const stale: number[] = [];
    for (const [i, { name, tag }] of transaction.checks.entries()) if (!hasTag(disk.records.get(name), tag)) stale.push(i);
    const lostName = transaction.checks[stale[0] ?? -1]?.name;
    if (stale.length === 0 && yields(disk, processId, transaction)) stale.push(transaction.checks.length);
    if (transaction.claims && lostName !== undefined) disk.turn ??= { processId, name: lostName, batches: CLAIM_BATCHES };
    if (transaction.claims && stale.length === 0 && disk.turn?.processId === processId) disk.turn = null;
    if (stale.length === 0 && transactionWrites(transaction)) {
      apply(disk, transaction);
      applied = true;
      disk.watch?.(transaction);
    }
    return stale;
  });
  if (applied) disk.counter++;
  const outcome = { counter: disk.counter, failed };
  if (canWrite) remembered.set(seat, { number: batch.number, outcome });
  return outcome;
}

function yields({ turn }: MemoryDisk, processId: string, { puts, drops }: BatchTransaction): boolean {
  if (turn === null || turn.processId === processId) return false;
  return drops.includes(turn.name) || puts.some(({ name }) => name === turn.name);
}

function apply(disk: MemoryDisk, { puts, drops, open, state, appends, digestDelta }: BatchTransaction): void {
  for (const { name, bytes } of puts) disk.records.set(name, bytes);
  for (const name of drops) disk.records.delete(name);
  change(disk.open, open);
  for (const { from, to } of open.upTo) {
    const start = lowerBound(disk.open, from);
    disk.open.splice(start, lowerBound(disk.open, `${to}\0`) - start);
  }
  change(disk.state, state);
  disk.changes.push(...appends);
  for (const bytes of appends) disk.changesBytes += bytes.length;
  let surplus = 0;
  while (disk.changes.length - surplus > disk.changesMax || disk.changesBytes > disk.changesBytesMax)
    disk.changesBytes -= disk.changes[surplus++]?.length ?? 0;
  disk.changes.splice(0, surplus);
  disk.trimmed += surplus;
  disk.digest = (disk.digest + digestDelta) % DIGEST_MODULUS;
}

function hasTag(bytes: Uint8Array | undefined, tag: string | null): boolean {
  if (bytes === undefined || tag === null) return bytes === undefined && tag === null;
  for (let i = 0; i < tag.length; i++) if (bytes[i] !== tag.charCodeAt(i)) return false;
  return true;
}

function change(set: string[], { adds, drops }: Membership): void {
  for (const member of adds) {
    const at = lowerBound(set, member);
    if (set[at] !== member) set.splice(at, 0, member);
  }
  for (const member of drops) {
    const at = lowerBound(set, member);
    if (set[at] === member) set.splice(at, 1);
  }
}

/** Position of the first member that is not below `bound`. */
function lowerBound(set: readonly string[], bound: string): number {
  let [low, high] = [0, set.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((set[middle] as string) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function slice(
  set: readonly string[],
  range: { readonly from: string; readonly exclusive: boolean; readonly before: string | null },
  limit: number,
): string[] {
  let start = lowerBound(set, range.from);
  if (range.exclusive && set[start] === range.from) start++;
  const end = range.before === null ? set.length : lowerBound(set, range.before);
  return set.slice(start, Math.max(start, Math.min(end, start + limit)));
}
