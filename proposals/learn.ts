/** A newcomer's side of the copy. The cursor says how far it is; a page stored twice changes nothing. RECONFIGURE step 3. */
import { EpoxyError } from "../protocol/errors.ts";
import { covers } from "../protocol/frontier.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply, PeerReplyOf, PeerRequest } from "../protocol/messages.ts";
import type { InstanceId, ReplicaId, Write } from "../protocol/types.ts";
import type { LearnPage } from "./api.ts";
import { rangesOf } from "./catch-up.ts";
import { applyWrites, type Context, identity } from "./context.ts";
import { answerAcceptor } from "./handle-message.ts";
import { loadMembers } from "./membership.ts";
import { refreshProgress } from "./progress.ts";
import { moveOn } from "./voter-duties.ts";

/** Where a copy stands: records up to `after` (all of them when null and `pages` is over), changes up to `position`. */
type Cursor =
  | { readonly stage: "records"; readonly position: string; readonly after: string }
  | { readonly stage: "changes"; readonly position: string };

/** Copies one page from `source`. A copy begun at one source goes on only there. */
export async function learnPage(ctx: Context, input: { readonly source: ReplicaId; readonly cursor: string }): Promise<LearnPage> {
  if (identity(ctx).epoch > 0) return { cursor: "", copied: 0, done: true };
  if (input.cursor === "") {
    const { position } = await ask(ctx, input.source, { kind: "snapshotChanges", after: "" }, "snapshotChangesOk");
    return { cursor: encode({ stage: "records", position, after: "" }), copied: 0, done: false };
  }
  const cursor = JSON.parse(Buffer.from(input.cursor, "base64").toString("latin1")) as Cursor;
  return cursor.stage === "records" ? copyRecords(ctx, input.source, cursor) : copyChanges(ctx, input.source, cursor);
}

function encode(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor), "latin1").toString("base64");
}

async function copyRecords(ctx: Context, source: ReplicaId, cursor: Cursor & { stage: "records" }): Promise<LearnPage> {
  const { writes, cursor: next } = await ask(ctx, source, { kind: "snapshotPage", cursor: cursor.after }, "snapshotRecords");
  await ctx.store.transact((tx) => applyWrites(tx, writes));
  const { position } = cursor;
  return {
    cursor: encode(next === null ? { stage: "changes", position } : { stage: "records", position, after: next }),
    copied: writes.length,
    done: false,
  };
}

async function copyChanges(ctx: Context, source: ReplicaId, cursor: Cursor & { stage: "changes" }): Promise<LearnPage> {
  const page = await ask(ctx, source, { kind: "snapshotChanges", after: cursor.position }, "snapshotChangesOk");
  const writes = page.changes.flatMap((change) => change.writes);
  await ctx.store.transact((tx) => {
    for (const write of writes) if (isNewer(write, tx)) tx.put(write);
  });
  if (page.executed === null) return { cursor: encode({ stage: "changes", position: page.position }), copied: writes.length, done: false };
  await takeExecuted(ctx, source, page.executed);
  return { cursor: "", copied: writes.length, done: true };
}

/** Values go by version; a row or a closed bucket never changes once written. */
function isNewer(write: Write, tx: Parameters<Parameters<Context["store"]["transact"]>[0]>[0]): boolean {
  if (write.kind !== "value" || write.record === null) return true;
  return write.record.version > (tx.get("value", write.id)?.version ?? 0);
}

/** The copy is at the source's cut: from here this replica executes by itself. */
async function takeExecuted(
  ctx: Context,
  source: ReplicaId,
  executed: NonNullable<PeerReplyOf<"snapshotChangesOk">["executed"]>,
): Promise<void> {
  const above = executed.listed.filter((id) => !covers(executed.prefix, id));
  const instances = await fetchInstances(ctx, source, above);
  for (const instance of instances) {
    await ctx.store.transact((tx) => {
      const record = tx.get("instance", instanceName(instance.id));
      if (record !== null && record.phase === "committed")
        tx.put({ kind: "instance", id: instanceName(instance.id), record: { ...record, executed: true } });
    });
  }
  await ctx.store.transact((tx) => tx.put({ kind: "progress", id: "", record: { executed: executed.prefix, globalFloor: [] } }));
  await refreshProgress(ctx);
  await loadMembers(ctx);
  await moveOn(ctx);
}

/** The instances themselves: their values may be asked for later. Those below the source's prefix by now are among them too. */
async function fetchInstances(ctx: Context, source: ReplicaId, ids: readonly InstanceId[]) {
  const found: { id: InstanceId }[] = [];
  for (let at = 0; at < ids.length; ) {
    const page = ids.slice(at, at + limits.pageEntriesMax);
    const { instances } = await ask(ctx, source, { kind: "downloadInstances", ranges: rangesOf(page) }, "instances");
    if (instances.length === 0)
      throw new EpoxyError("notReady", `replica ${source} no longer holds what its snapshot ends with: begin anew`);
    for (const instance of instances) await answerAcceptor(ctx, { kind: "commit", ...instance });
    found.push(...instances);
    at += instances.length;
  }
  return found;
}

async function ask<K extends PeerReply["kind"]>(ctx: Context, source: ReplicaId, request: PeerRequest, kind: K): Promise<PeerReplyOf<K>> {
  const { reply } = await ctx.peers.request(source, request, { timeoutMs: limits.downloadTimeoutMs, signal: ctx.stop.signal });
  if (reply.kind !== kind)
    throw new EpoxyError("notReady", `replica ${source} answered ${reply.kind === "refused" ? reply.message : reply.kind}`);
  return reply as PeerReplyOf<K>;
}
