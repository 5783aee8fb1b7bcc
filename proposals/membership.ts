/** Who this replica is and who the others are: the identity on the disk, and the members key. RECONFIGURE steps 1 and 2. */
import { decodeMembers, encodeMembers, firstMembers, genesisLink, statusOf, verifyLinks } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import type { PeerReply, PeerRequestOf, RequestHeader } from "../protocol/messages.ts";
import type { ChainLink, Epoch, Members, ReplicaId, ReplicaState } from "../protocol/types.ts";
import { firstClosedHour } from "./closed-hours.ts";
import { type Context, identity, MEMBERS_KEY } from "./context.ts";
import { sha256 } from "./hash.ts";
import { propose } from "./propose.ts";
import { readLinearizable } from "./read.ts";
import { loadIdentity } from "./voter-duties.ts";

/**
 * A newcomer is admitted by the incarnation that one of its processes told, and may be given its identity by another one, or
 * by the same one started anew: so its disk has one name from the first of them on (RECONFIGURE step 2).
 */
export async function nameDisk(ctx: Context): Promise<void> {
  if (ctx.known.replica !== null) return;
  const drawn = ctx.incarnation;
  // A restore names the disk last; whoever copies as a learner has an identity before its first key.
  const [disk] = await ctx.store.read("disk", [""]);
  if (disk == null && (await ctx.store.stateNames({ prefix: "", after: null, limit: 1 })).length > 0)
    throw new EpoxyError("notReady", "this Redis holds keys of a restore that did not finish: empty it and restore again");
  ctx.incarnation = await ctx.store.transact((tx) => {
    const named = tx.get("replica", "") ?? tx.get("disk", "");
    if (named === null) tx.put({ kind: "disk", id: "", record: { incarnation: drawn } });
    return named?.incarnation ?? drawn;
  });
}

/** A new cluster on an empty store: this replica is 1 and the only voter. */
export async function bootstrap(
  ctx: Context,
  input: { readonly clusterName: string; readonly name: string; readonly peerUrl: string; readonly apiUrl: string },
): Promise<void> {
  const { clusterName, name, peerUrl, apiUrl } = input;
  const clusterId = ctx.random.id();
  const closed = firstClosedHour(ctx.clock.wallMs());
  await ctx.store.transact((tx) => {
    const known = tx.get("replica", "");
    if (known !== null) {
      if (known.clusterName === clusterName) return;
      throw new EpoxyError(
        "badRequest",
        `this Redis holds replica ${known.self} of cluster "${known.clusterName}", not of "${clusterName}": use another Redis, or the right --cluster`,
      );
    }
    tx.need(closed);
    const members = firstMembers({ name, peerUrl, apiUrl, incarnation: ctx.incarnation });
    const link = genesisLink({ voter: 1 as ReplicaId, members }, sha256);
    tx.put({
      kind: "replica",
      id: "",
      record: identityRecord({ clusterId, clusterName, self: 1 as ReplicaId, incarnation: ctx.incarnation, epoch: 1 as Epoch }),
    });
    tx.put({ kind: "chain", id: "", record: { links: [link] } });
    tx.put({ kind: "progress", id: "", record: { executed: [], globalFloor: [] } });
    tx.put({ kind: "value", id: MEMBERS_KEY, record: { value: encodeMembers(members), version: 1 } });
    for (const write of closed) tx.put(write);
  });
  await loadIdentity(ctx);
  await loadMembers(ctx);
}

function identityRecord(input: Omit<ReplicaState, "frozen" | "reported">): ReplicaState {
  return { ...input, frozen: false, reported: null };
}

/** The coordinator has given this newcomer an id: kept for ever. Epoch 0 until its copy is complete. */
export async function answerBeginLearning(
  ctx: Context,
  request: PeerRequestOf<"beginLearning">,
  header: RequestHeader,
): Promise<PeerReply> {
  if (header.to === 0) return { kind: "refused", code: "badRequest", message: "a newcomer must be told its id" };
  const self = header.to;
  if (ctx.store.counter() > 0 && ctx.known.replica === null) await loadIdentity(ctx);
  const refusal = await ctx.store.transact((tx): string | null => {
    const known = tx.get("replica", "");
    if (known !== null) {
      const same = known.self === self && known.clusterId === header.clusterId;
      return same ? null : `this Redis holds replica ${known.self} of cluster ${known.clusterId}: a newcomer needs an empty one`;
    }
    const verified = verifyLinks([], request.links, sha256);
    if (verified.kind !== "ok" || verified.chain.length === 0) return "the config chain that came with it does not hold together";
    const { clusterId } = header;
    const incarnation = tx.get("disk", "")?.incarnation ?? ctx.incarnation;
    tx.put({
      kind: "replica",
      id: "",
      record: identityRecord({ clusterId, clusterName: request.clusterName, self, incarnation, epoch: 0 as Epoch }),
    });
    tx.put({ kind: "chain", id: "", record: { links: verified.chain as ChainLink[] } });
    return null;
  });
  if (refusal !== null) return { kind: "refused", code: "badRequest", message: refusal };
  await loadIdentity(ctx);
  const { replica, chain, members } = ctx.known;
  // Who votes has nothing to learn: a learning that it was told to take up would push another one aside, or look like a loss.
  if (statusOf(replica, chain, members) === "active") return { kind: "ok" };
  // A complete copy is not begun again: this only has it reported again.
  if (replica?.epoch === 0)
    ctx.log.info({ replica: self, cluster: request.clusterName, learnId: request.learnId }, "this replica has its id and begins to copy");
  await ctx.workflows.beginLearning({ learnId: request.learnId, sources: request.sources });
  return { kind: "ok" };
}

/** The members as this replica has executed them; while copying, those of the newest link. */
export async function loadMembers(ctx: Context): Promise<void> {
  const [state] = await ctx.store.read("value", [MEMBERS_KEY]);
  const copying = ctx.known.replica === null || ctx.known.replica.epoch === 0;
  const version = state?.value == null || copying ? 0 : state.version;
  if (version !== 0 && version <= ctx.membersVersion) return;
  ctx.membersVersion = version;
  ctx.known.members = state?.value == null || copying ? null : decodeMembers(state.value);
  ctx.membersChanged();
}

/** Changes the members by check-and-set through ordinary consensus, so that two coordinators never give one id twice. */
export async function changeMembers(ctx: Context, change: (members: Members) => Members | null, timeoutMs: number): Promise<Members> {
  const deadlineMs = ctx.clock.monotonicMs() + timeoutMs;
  for (;;) {
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0) throw new EpoxyError("noQuorum", "the members could not be changed in time");
    const { value, version } = await readLinearizable(ctx, MEMBERS_KEY, left);
    if (value === null) throw new EpoxyError("notReady", "this replica has no members key");
    const members = decodeMembers(value);
    const next = change(members);
    if (next === null) return members;
    const command = { kind: "checkAndSet", key: MEMBERS_KEY, expect: { kind: "version", version }, newValue: encodeMembers(next) } as const;
    const { outcome } = await propose(ctx, { commands: [command], idempotencyKey: null, timeoutMs: left });
    if (outcome.kind === "results" && outcome.results[0]?.kind === "written") return next;
  }
}

/**
 * Whether this disk may vote: slowQ voters, itself included, say that it is not behind what they have seen of it
 * (consensus section 5). null while too few have answered.
 */
export function checkDisk(
  ctx: Context,
  voters: readonly ReplicaId[],
  need: number,
): { readonly ok: boolean; readonly reason: string } | null {
  const { self } = identity(ctx);
  let answered = voters.includes(self) ? 1 : 0;
  for (const id of voters) {
    const sync = id === self ? null : (ctx.health.get(id)?.sync ?? null);
    if (sync === null) continue;
    answered++;
    if (sync.seenIncarnation !== "" && sync.seenIncarnation !== ctx.incarnation) {
      return {
        ok: false,
        reason: `replica ${id} knows replica ${self} by another disk: this one must join as a new replica (epoxy members remove ${self}, then add)`,
      };
    }
    if (sync.seenCounter > ctx.store.counter()) {
      return {
        ok: false,
        reason: `this Redis is older than what replica ${id} has seen of it (${ctx.store.counter()} < ${sync.seenCounter} transactions): it forgot promises and must not vote. Remove replica ${self} and add it anew with an empty Redis`,
      };
    }
  }
  return answered >= need ? { ok: true, reason: "" } : null;
}
