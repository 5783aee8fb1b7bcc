/** The source of a newcomer's state: pages of records in key order, and the changes since with the cut they lead to. RECONFIGURE step 3. */
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply } from "../protocol/messages.ts";
import type { Change, InstanceId, Write } from "../protocol/types.ts";
import type { Context } from "./context.ts";
import { parseStateName, writeBytes } from "./state-names.ts";

/** `cursor`: the last name of the page before, "" for the first page. */
export async function answerSnapshotPage(ctx: Context, cursor: string): Promise<PeerReply> {
  const names = await ctx.store.stateNames({ prefix: "", after: cursor === "" ? null : cursor, limit: limits.snapshotPageEntries });
  const writes: Write[] = [];
  let bytes = 0;
  for (const [i, name] of names.entries()) {
    const parsed = parseStateName(name);
    if (parsed === null) continue;
    const [record] = await ctx.store.read(parsed.kind, [parsed.id]);
    if (record === null || record === undefined) continue;
    const write = { kind: parsed.kind, id: parsed.id, record } as Write;
    bytes += writeBytes(write);
    if (writes.length > 0 && bytes > limits.pageBytesMax) return { kind: "snapshotRecords", writes, cursor: names[i - 1] ?? cursor };
    writes.push(write);
  }
  const last = names.at(-1);
  return { kind: "snapshotRecords", writes, cursor: names.length < limits.snapshotPageEntries || last === undefined ? null : last };
}

/**
 * Changes after a position; with the page that reaches the end, the executed set there. "" asks for the position now.
 * The set is read before the changes: each of its instances has its change in the stream by then.
 */
export async function answerSnapshotChanges(ctx: Context, after: string): Promise<PeerReply> {
  if (after === "") return { kind: "snapshotChangesOk", changes: [], position: await ctx.store.lastChange(), executed: null };
  const before = await executedSet(ctx);
  const page = await ctx.store.changes(after, limits.snapshotChangesEntries);
  if (page === null)
    return { kind: "refused", code: "notFound", message: "the changes since the copy began are no longer kept here: begin anew" };
  const changes: Change[] = [];
  let position = after;
  let bytes = 0;
  for (const one of page.changes) {
    bytes += one.change.writes.reduce((sum, write) => sum + writeBytes(write), 32);
    if (changes.length > 0 && bytes > limits.pageBytesMax) break;
    changes.push(one.change);
    position = one.position;
  }
  const atEnd = changes.length === page.changes.length && page.changes.length < limits.snapshotChangesEntries;
  if (!atEnd) return { kind: "snapshotChangesOk", changes, position, executed: null };
  const listed = new Set(before.listed);
  for (const { instance } of changes) listed.add(instance);
  return { kind: "snapshotChangesOk", changes, position, executed: { prefix: before.prefix, listed: [...listed].sort((a, b) => a - b) } };
}

async function executedSet(ctx: Context) {
  const listed: InstanceId[] = [];
  const open = await ctx.store.openInstances(null, limits.openScanMax);
  const records = await ctx.store.read("instance", open.map(instanceName));
  for (const record of records) if (record?.executed === true) listed.push(record.id);
  // After the list: what left it since is under the prefix.
  const [progress] = await ctx.store.read("progress", [""]);
  return { prefix: progress?.executed ?? [], listed };
}
