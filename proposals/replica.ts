/** One replica: everything in this folder, tied together over its ports. */
import { setMaxListeners } from "node:events";
import { InvariantViolation } from "../protocol/assert.ts";
import { isVoter } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceName, ownerOf, slotOf } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { RequestHeader } from "../protocol/messages.ts";
import type { Epoch, InstanceId, InstanceRecord, Key, ReplicaId } from "../protocol/types.ts";
import type { Replica, ReplicaReport } from "./api.ts";
import { nothingBlocked } from "./blocked.ts";
import { highestKnown, lagBehind } from "./catch-up.ts";
import { allOpen, audience, barred, type Context, currentLink, identity, quorumReachable, suspected } from "./context.ts";
import { noteDamage, noticing } from "./damage.ts";
import { createExecutedSet } from "./executed-set.ts";
import { handleEnvelope, ownStatus } from "./handle-message.ts";
import { loadPeers } from "./health.ts";
import { learnPage } from "./learn.ts";
import { startLoops, syncStep } from "./loops.ts";
import { bootstrap, changeMembers, loadMembers, nameDisk } from "./membership.ts";
import { emptyCrowd } from "./pause.ts";
import type { Ports, Store } from "./ports.ts";
import { propose } from "./propose.ts";
import { newPruning } from "./prune.ts";
import { read } from "./read.ts";
import { changeVoters } from "./reconfigure.ts";
import { recover } from "./recover.ts";
import { coordinatorOf, expect, reportStatus } from "./report-status.ts";
import { emptyBlock } from "./slots.ts";
import { stuckFor } from "./sweep.ts";
import { loadIdentity } from "./voter-duties.ts";

export type ReplicaOptions = {
  readonly build: string;
  /** "sync" alone: for a worker process, beside a server process that has them all. */
  readonly loops: "all" | "sync";
  /**
   * Told once of an InvariantViolation: our own code is wrong, so this process must not go on. Whoever gives none gets it
   * thrown where nobody catches it, which ends the process too.
   */
  readonly onFatal?: (error: InvariantViolation) => void;
};

const FENCED_AT_START = "this replica has just started: it votes once enough voters have said that its disk is not behind";

export function createReplica(ports: Ports, options: ReplicaOptions): Replica {
  const ctx = createContext(ports, options);
  let loops: readonly Promise<void>[] = [];
  return {
    propose: (input) => propose(ctx, input),
    read: (key, mode, timeoutMs) => read(ctx, key, mode, timeoutMs),
    list: (prefix, after, limit) => list(ctx, prefix, after, limit),
    handle: (envelope) => handleEnvelope(ctx, envelope),
    instance: async (id) => (await ctx.store.read("instance", [instanceName(id)]))[0] ?? null,
    recover: (id, timeoutMs) => recoverNow(ctx, id, timeoutMs),
    report: () => report(ctx),
    stuck: (atLeastMs) => stuckFor(ctx, atLeastMs),
    chain: async () => (await ctx.store.read("chain", [""]))[0]?.links ?? [],
    async start() {
      await loadIdentity(ctx);
      await nameDisk(ctx);
      await loadMembers(ctx);
      await loadPeers(ctx);
      loops = startLoops(ctx, options.loops);
    },
    async stop() {
      ctx.stop.abort();
      await Promise.all(loops);
    },
    setUnfit(reason) {
      ctx.unfit = reason;
    },
    header: (to) => requestHeader(ctx, to),
    refresh: () => syncStep(ctx),
    bootstrap: (input) => bootstrap(ctx, input),
    changeMembers: (change, timeoutMs) => changeMembers(ctx, change, timeoutMs),
    changeVoters: (voters, given) => changeVoters(ctx, voters, given),
    healthCheck: (url) => healthCheck(ctx, url),
    beginLearning: (input) => beginLearning(ctx, input),
    abortLearning: async ({ id, learnId }) => {
      await ctx.peers.request(id, { kind: "abortLearning", learnId }, { timeoutMs: limits.peerTimeoutMs });
    },
    learnPage: (input) => learnPage(ctx, input),
    lag: async () => lagBehind(ctx),
    reportStatus: (input) => reportStatus(ctx, input.learnId),
    coordinatorRequest: (name, argument) => coordinatorRequest(ctx, name, argument),
  };
}

/** See Context.fatal. */
function fatalTo({ onFatal }: ReplicaOptions): Context["fatal"] {
  const told = new WeakSet<Error>();
  const tell =
    onFatal ??
    ((error) =>
      queueMicrotask(() => {
        throw error;
      }));
  return (error) => {
    if (!(error instanceof InvariantViolation) || told.has(error)) return;
    told.add(error);
    tell(error);
  };
}

/** Steps are where most invariants are checked: a violated one is told wherever the step was run from, and whoever catches it. */
function watched(store: Store, fatal: Context["fatal"]): Store {
  return {
    ...store,
    transact: (step) =>
      store.transact(step).catch((error: unknown) => {
        fatal(error);
        throw error;
      }),
  };
}

export function createContext(ports: Ports, options: ReplicaOptions): Context {
  const fatal = fatalTo(options);
  const ctx: Context = {
    ...ports,
    store: watched(
      noticing(ports.store, (record) => noteDamage(ctx, record)),
      fatal,
    ),
    fatal,
    known: { replica: null, chain: [], members: null, progress: { executed: [], globalFloor: [] } },
    health: new Map(),
    incarnation: ports.random.id(),
    build: options.build,
    executed: createExecutedSet(),
    gapsSeen: new Map(),
    openColumns: new Set(),
    waiters: new Map(),
    answers: new Map(),
    submittedMs: new Map(),
    traces: new Map(),
    blocked: nothingBlocked(),
    urgent: new Set(),
    leading: new Set(),
    recovering: new Map(),
    stuck: new Map(),
    ballotsSeen: new Map(),
    waitingResendMs: 200,
    openCount: 0,
    ownSync: { advertisedFloor: [], digest: "0".repeat(32) },
    fence: FENCED_AT_START,
    unfit: null,
    damaged: new Set(),
    removed: false,
    storeSeenMs: ports.clock.monotonicMs(),
    syncing: new Set(),
    peersSaved: { text: "", atMs: ports.clock.monotonicMs() },
    membersVersion: 0,
    membersChanged: () => setAddresses(ctx),
    moving: null,
    fetching: null,
    copyAskedMs: null,
    pageAhead: null,
    optimistic: new Map(),
    frozenSinceMs: null,
    block: emptyBlock(),
    batching: { waiting: [], departing: false, crowd: emptyCrowd() },
    reading: { waiting: [], departing: false, crowd: emptyCrowd() },
    contested: new Map(),
    closedHour: null,
    pruning: newPruning(),
    pollMs: 100,
    leadTimeoutMs: limits.timeoutMaxMs,
    stop: new AbortController(),
  };
  // Every wait of this replica listens for its end.
  setMaxListeners(0, ctx.stop.signal);
  return ctx;
}

function requestHeader(ctx: Context, to: ReplicaId | 0): RequestHeader {
  const { replica } = ctx.known;
  return {
    clusterId: replica?.clusterId ?? "",
    from: (replica?.self ?? 0) as ReplicaId,
    to,
    incarnation: ctx.incarnation,
    epoch: (replica?.epoch ?? 0) as Epoch,
    counter: ctx.store.counter(),
  };
}

/** Voters of the two newest links and all members: where each one is reached, the members key being newer than the chain. */
function setAddresses(ctx: Context): void {
  const addresses = new Map<ReplicaId, string>();
  for (const link of ctx.known.chain.slice(-2)) for (const { id, peerUrl } of link.members.members) addresses.set(id, peerUrl);
  for (const { id, peerUrl } of ctx.known.members?.members ?? []) addresses.set(id, peerUrl);
  for (const id of ctx.known.members?.removed ?? []) addresses.delete(id);
  if (ctx.known.replica !== null) addresses.delete(ctx.known.replica.self);
  ctx.peers.setAddresses(addresses);
  for (const id of ctx.health.keys()) if (!addresses.has(id)) ctx.health.delete(id);
}

async function list(ctx: Context, prefix: string, after: Key | null, limit: number): ReturnType<Replica["list"]> {
  const entries = [];
  let from = after === null ? null : `k${after}`;
  for (;;) {
    const names = await ctx.store.stateNames({ prefix: `k${prefix}`, after: from, limit: Math.min(limit + 1, limits.listEntriesMax + 1) });
    const keys = names.map((name) => name.slice(1) as Key).filter((key) => key !== "");
    const states = await ctx.store.read("value", keys);
    for (const [i, key] of keys.entries()) {
      const state = states[i];
      if (state?.value == null) continue;
      if (entries.length === limit) return { entries, more: true };
      entries.push({ key, value: state.value, version: state.version });
    }
    from = names.at(-1) ?? null;
    if (names.length < Math.min(limit + 1, limits.listEntriesMax + 1) || from === null) return { entries, more: false };
  }
}

async function recoverNow(ctx: Context, id: InstanceId, timeoutMs: number): Promise<InstanceRecord> {
  const { epoch, self } = identity(ctx);
  const bar = barred(ctx);
  if (bar !== null) throw new EpoxyError("notReady", bar);
  if (!isVoter(ctx.known.chain, epoch, self)) throw new EpoxyError("notReady", `replica ${self} does not vote: ask another datacenter`);
  if (!quorumReachable(ctx)) throw new EpoxyError("noQuorum", "too few datacenters can be reached to decide anything");
  const deadlineMs = ctx.clock.monotonicMs() + timeoutMs;
  while (ctx.clock.monotonicMs() < deadlineMs) {
    const [before] = await ctx.store.read("instance", [instanceName(id)]);
    if (before?.phase === "committed") return before;
    if (before === null || before === undefined) await assertNear(ctx, id);
    const height = frontierSlot(ctx.known.progress.executed, ownerOf(id));
    if (slotOf(id) <= height) throw new EpoxyError("notFound", `instance ${instanceName(id)} was executed everywhere and dropped`);
    await Promise.race([
      recover(ctx, id, ctx.ballotsSeen.get(id) ?? null),
      ctx.clock.sleep(deadlineMs - ctx.clock.monotonicMs(), ctx.stop.signal),
    ]);
    await ctx.clock.sleep(20 * (1 + ctx.random.next()), ctx.stop.signal);
  }
  throw new EpoxyError("outcomeUnknown", `instance ${instanceName(id)} is not decided yet`, { instance: instanceName(id) });
}

/** To recover a slot is to have all below it recovered too: one far beyond whatever was heard of is a typing error. */
async function assertNear(ctx: Context, id: InstanceId): Promise<void> {
  const owner = ownerOf(id);
  const open = (await allOpen(ctx)).filter((one) => ownerOf(one) === owner);
  const heights = [ctx.known.progress.executed, highestKnown(ctx)].map((frontier) => frontierSlot(frontier, owner));
  if (slotOf(id) <= Math.max(...heights, slotOf(open.at(-1) ?? (0 as InstanceId))) + limits.slotBlock) return;
  throw new EpoxyError("notFound", `nobody has heard of instance ${instanceName(id)}`);
}

function report(ctx: Context): ReplicaReport {
  const { replica, members, chain } = ctx.known;
  const status = ownStatus(ctx);
  const voters = currentLink(ctx)?.voters ?? [];
  const quorum = quorumReachable(ctx);
  const problems: string[] = [];
  if (status !== "active") problems.push(statusProblem(status));
  else if (barred(ctx) !== null) problems.push(barred(ctx) as string);
  else if (!quorum) problems.push(`only ${voters.filter((id) => !suspected(ctx, id)).length} of ${voters.length} voters can be reached`);
  const now = ctx.clock.monotonicMs();
  return {
    status,
    clusterId: replica?.clusterId ?? null,
    clusterName: replica?.clusterName ?? null,
    self: replica?.self ?? null,
    incarnation: ctx.incarnation,
    epoch: replica?.epoch ?? 0,
    frozen: replica?.frozen ?? false,
    voters: chain.at(-1)?.voters ?? [],
    members: members ?? chain.at(-1)?.members ?? null,
    peers: audience(ctx).map((id) => {
      const peer = ctx.health.get(id);
      const lag = (peer?.sync?.executed ?? []).reduce(
        (sum, [column, slot]) => sum + Math.max(0, frontierSlot(ctx.known.progress.executed, column) - slot),
        0,
      );
      return {
        id,
        reachable: !suspected(ctx, id),
        lastSeenMs: peer?.lastSeenMs == null ? null : now - peer.lastSeenMs,
        roundTripMs: peer?.roundTripMs ?? null,
        epoch: peer?.epoch ?? 0,
        status: peer?.status ?? null,
        lag,
      };
    }),
    quorum,
    problems,
    openInstances: ctx.openCount,
    inFlight: ctx.answers.size,
  };
}

function statusProblem(status: "joining" | "learning" | "removed"): string {
  switch (status) {
    case "joining":
      return "this replica is joining: it waits until the coordinator has added it";
    case "learning":
      return "this replica is learning: it does not vote yet";
    case "removed":
      return "this replica was removed from the cluster";
  }
}

async function healthCheck(ctx: Context, url: string): ReturnType<Replica["healthCheck"]> {
  const { reply } = await ctx.peers.requestUrl(url, 0, { kind: "healthCheck" }, { timeoutMs: limits.peerTimeoutMs });
  return expect(reply, "healthOk", url);
}

async function beginLearning(ctx: Context, input: Parameters<Replica["beginLearning"]>[0]): Promise<void> {
  const { id, url, learnId, sources } = input;
  const { clusterName } = identity(ctx);
  await loadIdentity(ctx);
  const { reply } = await ctx.peers.requestUrl(
    url,
    id,
    { kind: "beginLearning", learnId, clusterName, links: ctx.known.chain, sources },
    { timeoutMs: limits.downloadTimeoutMs },
  );
  expect(reply, "ok", url);
}

async function coordinatorRequest(
  ctx: Context,
  name: string,
  argument: unknown,
): Promise<{ readonly generation: number; readonly id: number }> {
  const coordinator = coordinatorOf(ctx);
  if (coordinator === identity(ctx).self) return ctx.workflows.coordinatorUpdate(name, argument);
  try {
    const { reply } = await ctx.peers.request(
      coordinator,
      { kind: "coordinatorRequest", name, argument: JSON.stringify(argument) },
      { timeoutMs: limits.timeoutDefaultMs },
    );
    return expect(reply, "coordinatorReply", `replica ${coordinator}`);
  } catch (error) {
    if (error instanceof EpoxyError) throw error;
    throw new EpoxyError("coordinatorUnreachable", `the coordinator's datacenter (replica ${coordinator}) does not answer`);
  }
}
