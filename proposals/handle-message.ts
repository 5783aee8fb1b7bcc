/** One peer request -> one reply. The header is checked first; what the request means is decided inside one transaction. */
import { readIndex, stepAcceptor } from "../protocol/acceptor.ts";
import { Contradiction, unreachable } from "../protocol/assert.ts";
import { statusOf } from "../protocol/cluster.ts";
import { parseEndPosition } from "../protocol/epoch-end.ts";
import { EpoxyError } from "../protocol/errors.ts";
import type {
  AcceptorReply,
  AcceptorRequest,
  PeerReply,
  PeerRequest,
  ReplicaStatus,
  ReplyEnvelope,
  RequestEnvelope,
  RequestHeader,
} from "../protocol/messages.ts";
import type { InstanceId } from "../protocol/types.ts";
import { answerSync, committedIn } from "./catch-up.ts";
import { applyWrites, barred, type Context } from "./context.ts";
import { answerEnd } from "./epoch-ends.ts";
import { afterExecution, type Executed, executeBlockedOn, tryExecute } from "./execute.ts";
import { REMOVED, rememberDisk } from "./health.ts";
import { about, instanceOf } from "./log-subject.ts";
import { answerBeginLearning, nameDisk } from "./membership.ts";
import type { RecordRef } from "./ports.ts";
import { answerSnapshotChanges, answerSnapshotPage } from "./snapshot.ts";
import { noteTended } from "./sweep.ts";
import { touchedByExecuting, touchedByRegistering } from "./touched.ts";
import { answerClose, answerFreeze, learnChain } from "./voter-duties.ts";

export function ownStatus(ctx: Context): ReplicaStatus {
  const { replica, chain, members } = ctx.known;
  if (ctx.removed) return "removed";
  return replica === null ? "joining" : statusOf(replica, chain, members);
}

export async function handleEnvelope(ctx: Context, envelope: RequestEnvelope): Promise<ReplyEnvelope> {
  const refusal = checkHeader(ctx, envelope.header);
  const replies = await Promise.all(
    envelope.requests.map(async (request): Promise<PeerReply> => {
      const isFree = request.kind === "healthCheck" || (request.kind === "beginLearning" && ctx.known.replica === null);
      return refusal === null || isFree ? answerSafely(ctx, request, envelope.header) : refusal;
    }),
  );
  const { replica } = ctx.known;
  return {
    header: {
      from: replica?.self ?? 0,
      incarnation: ctx.incarnation,
      epoch: replica?.epoch ?? 0,
      status: ownStatus(ctx),
      counter: ctx.store.counter(),
    },
    replies,
  };
}

/** Cluster, receiver, sender and the sender's disk; consensus section 5. */
function checkHeader(ctx: Context, header: RequestHeader): PeerReply | null {
  const { replica, members } = ctx.known;
  if (replica === null) return { kind: "notVoting", epoch: 0, status: "joining" };
  const refuse = (message: string, code = "forbidden"): PeerReply => ({ kind: "refused", code, message });
  if (header.clusterId !== replica.clusterId) return refuse(`this is cluster ${replica.clusterId}, not ${header.clusterId}`);
  if (header.to !== 0 && header.to !== replica.self) return refuse(`this is replica ${replica.self}, not ${header.to}`);
  if (members === null) return null; // still copying: only the chain's word, and nothing is voted here
  if (members.removed.includes(header.from))
    return refuse(`replica ${header.from} was removed from the cluster; its id is never used again`, REMOVED);
  const member = members.members.find(({ id }) => id === header.from);
  if (member === undefined) return refuse(`replica ${header.from} is not a member known here yet`);
  if (member.incarnation !== null && member.incarnation !== header.incarnation) {
    return refuse(`replica ${header.from} speaks from another disk than the one it joined with: remove it and add it anew`);
  }
  if (header.from !== replica.self) rememberDisk(ctx, header.from, header.incarnation, header.counter);
  return null;
}

async function answerSafely(ctx: Context, request: PeerRequest, header: RequestHeader): Promise<PeerReply> {
  try {
    return await answer(ctx, request, header);
  } catch (error) {
    if (error instanceof EpoxyError) return { kind: "refused", code: error.code, message: error.message };
    ctx.fatal(error);
    about(ctx.log, { ...instanceOf(request), peer: header.from }).error({ request: request.kind, err: error }, "a peer request failed");
    if (error instanceof Contradiction) return { kind: "refused", code: "contradiction", message: error.message };
    return { kind: "refused", code: "internal", message: "this replica could not answer; its log says why" };
  }
}

/** This replica's own answer, as if it had asked itself. */
export async function answerLocally(ctx: Context, request: PeerRequest): Promise<PeerReply> {
  const { replica } = ctx.known;
  if (replica === null) return { kind: "notVoting", epoch: 0, status: "joining" };
  return answer(ctx, request, {
    clusterId: replica.clusterId,
    from: replica.self,
    to: replica.self,
    incarnation: ctx.incarnation,
    epoch: replica.epoch,
    counter: 0,
  });
}

async function answer(ctx: Context, request: PeerRequest, header: RequestHeader): Promise<PeerReply> {
  switch (request.kind) {
    case "preAccept":
    case "accept":
    case "recover":
    case "validate":
      return barred(ctx) === null ? answerAcceptor(ctx, request) : noVote(ctx);
    case "commit":
    case "waiting":
      return answerAcceptor(ctx, request);
    case "readIndex":
      return barred(ctx) === null ? ctx.store.transact((tx) => readIndex(tx, request.epoch, request.footprints).reply) : noVote(ctx);
    case "sync":
      return answerSync(ctx, request, header.from);
    case "downloadInstances":
      return { kind: "instances", instances: await committedIn(ctx, request.ranges) };
    case "kvGet": {
      const [state] = await ctx.store.read("value", [request.key]);
      return { kind: "kvValue", value: state?.value ?? null, version: state?.version ?? 0 };
    }
    case "healthCheck": {
      // The members keep the name that is told here: one that only this process has drawn may lose to another one's.
      await nameDisk(ctx);
      const { replica } = ctx.known;
      return {
        kind: "healthOk",
        clusterId: replica?.clusterId ?? "",
        replica: replica?.self ?? 0,
        incarnation: ctx.incarnation,
        status: ownStatus(ctx),
        build: ctx.build,
      };
    }
    case "beginLearning":
      return answerBeginLearning(ctx, request, header);
    case "abortLearning":
      await ctx.workflows.abortLearning({ learnId: request.learnId });
      return { kind: "ok" };
    case "updateReplicaStatus":
      await ctx.workflows.replicaStatusChanged({
        id: request.replica,
        status: request.status,
        epoch: ctx.known.replica?.epoch ?? 0,
        learnId: request.learnId,
      });
      return { kind: "ok" };
    case "coordinatorRequest": {
      const { generation, id } = await ctx.workflows.coordinatorUpdate(request.name, parseArgument(request.argument));
      return { kind: "coordinatorReply", generation, id };
    }
    case "updateConfig":
      await learnChain(ctx, request.links);
      return { kind: "ok" };
    case "fetchConfig":
      return { kind: "config", links: ctx.known.chain.filter((link) => link.epoch > request.afterEpoch) };
    case "freeze":
      return barred(ctx) === null ? answerFreeze(ctx, request.epoch) : noVote(ctx);
    case "closePrepare":
    case "closeAccept":
      return barred(ctx) === null ? answerClose(ctx, request) : noVote(ctx);
    case "snapshotPage":
      assertSource(ctx);
      return answerSnapshotPage(ctx, request.cursor);
    case "snapshotChanges":
      assertSource(ctx);
      return answerChanges(ctx, request.after);
    default:
      return unreachable(request);
  }
}

function answerChanges(ctx: Context, after: string): Promise<PeerReply> {
  const epoch = parseEndPosition(after);
  return epoch === null ? answerSnapshotChanges(ctx, after) : answerEnd(ctx, epoch);
}

function parseArgument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EpoxyError("badRequest", "the argument of a request to the coordinator is no JSON");
  }
}

/** What is still being copied itself is no whole state. */
function assertSource(ctx: Context): void {
  if ((ctx.known.replica?.epoch ?? 0) === 0) throw new EpoxyError("notReady", "this replica is copying itself");
}

/** A disk that may have forgotten its promises gives none, and does not pass for a voter that is there. */
function noVote(ctx: Context): PeerReply {
  return { kind: "refused", code: "notReady", message: barred(ctx) ?? "this replica does not vote" };
}

/** What an acceptor step is about to look at. A pre-accept brings what its execution will need, which then need not wait. */
function touchedBy(request: AcceptorRequest): readonly RecordRef[] {
  switch (request.kind) {
    case "preAccept":
    case "validate":
      return [...touchedByRegistering(request.id, request.payload), ...touchedByExecuting(request.payload)];
    case "accept":
    case "commit":
      return request.value === "nop" ? [] : [...touchedByRegistering(request.id, request.value), ...touchedByExecuting(request.value)];
    default:
      return [];
  }
}

/** Steps of the acceptor, and with a commit its execution in the same transaction. */
export async function answerAcceptor(ctx: Context, request: AcceptorRequest): Promise<AcceptorReply> {
  const { reply, executed } = await ctx.store.transact((tx): { reply: AcceptorReply; executed: Executed | null } => {
    tx.need(touchedBy(request));
    const step = stepAcceptor(tx, request);
    applyWrites(tx, step.writes);
    const commits = request.kind === "commit" && step.writes.length > 0;
    return { reply: step.reply, executed: commits ? tryExecute(ctx, tx, request.id) : null };
  });
  if (reply.kind === "recoverOk" || reply.kind === "acceptOk") noteTended(ctx, request.id);
  // What follows a commit is no business of the sender's.
  if (executed !== null) void afterCommit(ctx, request.id, executed);
  if (reply.kind === "staleEpoch") ctx.meter.count("epoxy_stale_epoch_total");
  return reply;
}

async function afterCommit(ctx: Context, id: InstanceId, executed: Executed): Promise<void> {
  try {
    await afterExecution(ctx, id, executed);
    // It is committed now, which is what some others waited for.
    if (executed.kind === "blocked") await executeBlockedOn(ctx, id);
  } catch (error) {
    ctx.fatal(error);
    // The sweep tries again.
    about(ctx.log, { instance: id }).debug({ error: String(error) }, "execution put off");
  }
}
