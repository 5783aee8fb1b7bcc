/** A newcomer's side of the copy. The cursor says how far it is; a page stored twice changes nothing. RECONFIGURE step 3. */
import { stepAcceptor } from "../protocol/acceptor.ts";
import { copyDiffers, parseCutPosition } from "../protocol/epoch-end.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { covers } from "../protocol/frontier.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { CommittedInstance, PeerReply, PeerReplyOf, PeerRequest, ReplyHeader } from "../protocol/messages.ts";
import type { Epoch, InstanceId, ReplicaId, Slot, Write } from "../protocol/types.ts";
import type { LearnPage } from "./api.ts";
import { rangesOf } from "./catch-up.ts";
import { allOpen, applyWrites, type Context, identity } from "./context.ts";
import { digestText } from "./epoch-ends.ts";
import { about } from "./log-subject.ts";
import { loadMembers } from "./membership.ts";
import type { Transaction } from "./ports.ts";
import { refreshProgress } from "./progress.ts";
import { parseStateName } from "./state-names.ts";
import { loadIdentity, moveOn } from "./voter-duties.ts";

/** Where copy number `copy` stands: records up to `after` (all of them when null and `pages` is over), changes up to `position`. */
type Cursor = { readonly copy: number; readonly position: string } & (
  | { readonly stage: "records"; readonly after: string }
  | { readonly stage: "changes" }
);

/** Copies one page from `source`. A copy begun at one source goes on only there. */
export async function learnPage(ctx: Context, input: { readonly source: ReplicaId; readonly cursor: string }): Promise<LearnPage> {
  // Another process may have thrown away what was complete.
  if (input.cursor === "") await loadIdentity(ctx);
  if (identity(ctx).epoch > 0) return { cursor: "", copied: 0, done: true };
  if (input.cursor === "") return beginCopy(ctx, input.source);
  const cursor = JSON.parse(Buffer.from(input.cursor, "base64").toString("latin1")) as Cursor;
  return cursor.stage === "records" ? copyRecords(ctx, input.source, cursor) : copyChanges(ctx, input.source, cursor);
}

/**
 * Another source is another order of what commutes, so a new copy begins with nothing of the one before it. A copy is named
 * by a slot of this replica, which no instance ever uses: a page of an older copy that comes late is known by it.
 */
async function beginCopy(ctx: Context, source: ReplicaId): Promise<LearnPage> {
  const copy = await ctx.store.transact((tx) => {
    const isComplete = tx.get("progress", "") !== null || (tx.get("replica", "")?.epoch ?? 0) > 0;
    if (isComplete) return null;
    const next = ((tx.get("slots", "")?.next ?? 1) + 1) as Slot;
    tx.put({ kind: "slots", id: "", record: { next, epoch: 0 as Epoch } });
    return next;
  });
  if (copy === null) {
    await moveOn(ctx);
    return { cursor: "", copied: 0, done: true };
  }
  await forgetCopied(ctx, copy);
  const { position } = await ask(ctx, source, { kind: "snapshotChanges", after: "" }, "snapshotChangesOk");
  return { cursor: encode({ copy, stage: "records", position, after: "" }), copied: 0, done: false };
}

async function forgetCopied(ctx: Context, copy: number): Promise<void> {
  for (;;) {
    const names = await ctx.store.stateNames({ prefix: "", after: null, limit: limits.pageEntriesMax });
    if (names.length === 0) break;
    const writes = names.flatMap((name): Write[] => {
      const parsed = parseStateName(name);
      return parsed === null ? [] : [{ ...parsed, record: null } as Write];
    });
    await ctx.store.transact((tx) => {
      assertCopying(tx, copy);
      tx.need(writes);
      applyWrites(tx, writes);
    });
  }
  const open = await allOpen(ctx);
  for (let at = 0; at < open.length; at += limits.pageEntriesMax) {
    await ctx.store.transact((tx) => {
      assertCopying(tx, copy);
      for (const id of open.slice(at, at + limits.pageEntriesMax)) markExecuted(tx, id, false);
    });
  }
}

/** Only the newest copy writes, and none does once this replica executes by itself. */
function assertCopying(tx: Transaction, copy: number): void {
  if (tx.get("progress", "") === null && tx.get("slots", "")?.next === copy) return;
  throw new EpoxyError("notReady", "another copy has begun or is complete: this one is given up");
}

function markExecuted(tx: Transaction, id: InstanceId, executed: boolean): void {
  const record = tx.get("instance", instanceName(id));
  if (record?.phase === "committed" && record.executed !== executed)
    tx.put({ kind: "instance", id: instanceName(id), record: { ...record, executed } });
}

function encode(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor), "latin1").toString("base64");
}

type RecordsCursor = Cursor & { readonly stage: "records" };
type Page = PeerReplyOf<"snapshotRecords">;
/** The page that follows, asked for while the one before it is being stored: what one side does, the other need not wait for. */
export type PageAhead = { readonly source: ReplicaId; readonly copy: number; readonly after: string; readonly page: Promise<Page> };

function askPage(ctx: Context, source: ReplicaId, after: string): Promise<Page> {
  return ask(ctx, source, { kind: "snapshotPage", cursor: after }, "snapshotRecords");
}

/** One asked for by an older copy is older than this copy's cut. */
function pageAfter(ctx: Context, source: ReplicaId, { copy, after }: RecordsCursor): Promise<Page> {
  const ahead = ctx.pageAhead;
  ctx.pageAhead = null;
  if (ahead !== null && ahead.source === source && ahead.copy === copy && ahead.after === after) return ahead.page;
  return askPage(ctx, source, after);
}

function askAhead(ctx: Context, source: ReplicaId, copy: number, after: string): void {
  const page = askPage(ctx, source, after);
  // Whoever goes on with it hears of a failure, and asks again.
  page.catch(() => undefined);
  ctx.pageAhead = { source, copy, after, page };
}

async function copyRecords(ctx: Context, source: ReplicaId, cursor: RecordsCursor): Promise<LearnPage> {
  const { writes, cursor: next } = await pageAfter(ctx, source, cursor);
  if (next !== null) askAhead(ctx, source, cursor.copy, next);
  await ctx.store.transact((tx) => {
    assertCopying(tx, cursor.copy);
    // All at once: a page found missing one by one would be gone through as often as it has records.
    tx.need(writes);
    applyWrites(tx, writes);
  });
  const { copy, position } = cursor;
  return {
    cursor: encode(next === null ? { copy, stage: "changes", position } : { copy, stage: "records", position, after: next }),
    copied: writes.length,
    done: false,
  };
}

async function copyChanges(ctx: Context, source: ReplicaId, { copy, position }: Cursor): Promise<LearnPage> {
  const { header, reply: page } = await askWhere(ctx, source, { kind: "snapshotChanges", after: position }, "snapshotChangesOk");
  const writes = page.changes.flatMap((change) => change.writes);
  await ctx.store.transact((tx) => {
    assertCopying(tx, copy);
    tx.need(writes);
    for (const write of writes) if (isNewer(write, tx)) tx.put(write);
  });
  if (page.executed === null)
    return { cursor: encode({ copy, stage: "changes", position: page.position }), copied: writes.length, done: false };
  const problem = await problemOf(ctx, source, page.position);
  if (problem !== null) return { cursor: "", copied: 0, done: false, problem };
  await takeExecuted(ctx, { source, copy, executed: page.executed, copiedIn: header.epoch });
  return { cursor: "", copied: writes.length, done: true };
}

/** Step 3b: what was copied against what the source holds at the cut; null where they are the same, or the source does not tell. */
async function problemOf(ctx: Context, source: ReplicaId, position: string): Promise<string | null> {
  const cut = parseCutPosition(position);
  const count = (outcome: string) => ctx.meter.count("epoxy_digests_compared_total", { with: "source", outcome });
  if (cut === null) {
    count("unknown");
    return null;
  }
  const { digest, records } = await ctx.store.standing();
  const lacking = copyDiffers({ digest: digestText(digest), records }, cut);
  count(lacking === null ? "same" : "differs");
  if (lacking === null) return null;
  const problem = `what was copied from datacenter ${source} is not what it has: ${lacking}. It is thrown away and copied anew; should that come again, look at the Redis and the disk of both`;
  about(ctx.log, { peer: source }).error({}, problem);
  return problem;
}

/** Values go by version; rows and closed buckets come in their order. */
function isNewer(write: Write, tx: Transaction): boolean {
  if (write.kind !== "value" || write.record === null) return true;
  return write.record.version > (tx.get("value", write.id)?.version ?? 0);
}

type Cut = {
  readonly source: ReplicaId;
  readonly copy: number;
  readonly copiedIn: Epoch | 0;
  readonly executed: NonNullable<PeerReplyOf<"snapshotChangesOk">["executed"]>;
};

/** The copy is at the source's cut: from here this replica executes by itself. */
async function takeExecuted(ctx: Context, { source, copy, executed, copiedIn }: Cut): Promise<void> {
  const above = executed.listed.filter((id) => !covers(executed.prefix, id));
  for (let at = 0; at < above.length; ) {
    const page = above.slice(at, at + limits.catchUpBatch);
    const instances = await fetchInstances(ctx, source, page);
    await ctx.store.transact((tx) => {
      assertCopying(tx, copy);
      for (const instance of instances) {
        applyWrites(tx, stepAcceptor(tx, { kind: "commit", ...instance }).writes);
        markExecuted(tx, instance.id, true);
      }
    });
    at += page.length;
  }
  await ctx.store.transact((tx) => {
    assertCopying(tx, copy);
    tx.put({ kind: "progress", id: "", record: { executed: executed.prefix, globalFloor: [] } });
    tx.put({ kind: "ends", id: "", record: { copiedIn, differed: null, ends: [] } });
  });
  await refreshProgress(ctx);
  await loadMembers(ctx);
  await moveOn(ctx);
}

/** All of these: one that is executed in the copied state and not known to be would be executed a second time. */
async function fetchInstances(ctx: Context, source: ReplicaId, ids: readonly InstanceId[]): Promise<readonly CommittedInstance[]> {
  const found = new Map<InstanceId, CommittedInstance>();
  for (let left = ids; left.length > 0; left = left.filter((id) => !found.has(id))) {
    const { instances } = await ask(ctx, source, { kind: "downloadInstances", ranges: rangesOf(left) }, "instances");
    const isHelp = instances.some(({ id }) => !found.has(id) && ids.includes(id));
    if (!isHelp) throw new EpoxyError("notReady", `replica ${source} no longer holds what its snapshot ends with: begin anew`);
    for (const instance of instances) found.set(instance.id, instance);
  }
  return [...found.values()];
}

async function ask<K extends PeerReply["kind"]>(ctx: Context, source: ReplicaId, request: PeerRequest, kind: K): Promise<PeerReplyOf<K>> {
  return (await askWhere(ctx, source, request, kind)).reply;
}

type Answer<K extends PeerReply["kind"]> = { readonly header: ReplyHeader; readonly reply: PeerReplyOf<K> };

/** With the header, which says in which epoch the source is. */
async function askWhere<K extends PeerReply["kind"]>(ctx: Context, source: ReplicaId, request: PeerRequest, kind: K): Promise<Answer<K>> {
  const answer = await ctx.peers.request(source, request, { timeoutMs: limits.downloadTimeoutMs, signal: ctx.stop.signal });
  const { header, reply } = answer;
  if (reply.kind !== kind)
    throw new EpoxyError("notReady", `replica ${source} answered ${reply.kind === "refused" ? reply.message : reply.kind}`);
  return { header, reply: reply as PeerReplyOf<K> };
}
