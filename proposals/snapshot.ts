/** The source of a newcomer's state: pages of records in key order, and the changes since with the cut they lead to. RECONFIGURE step 3. */
import { cutPosition } from "../protocol/epoch-end.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerReply } from "../protocol/messages.ts";
import type { Change, InstanceId, Write } from "../protocol/types.ts";
import { allOpen, type Context } from "./context.ts";
import { digestText } from "./epoch-ends.ts";
import { parseStateName, writeBytes } from "./state-names.ts";
import { loadIdentity } from "./voter-duties.ts";

/** So many at once: few enough that the largest values of them fit into memory. More of them while records are small. */
const READ_TOGETHER = { least: 32, most: 128 };

/** `cursor`: the last name of the page before, "" for the first page. */
export async function answerSnapshotPage(ctx: Context, cursor: string): Promise<PeerReply> {
  const names = await ctx.store.stateNames({ prefix: "", after: cursor === "" ? null : cursor, limit: limits.snapshotPageEntries });
  const writes: Write[] = [];
  let bytes = 0;
  for (let at = 0, together: readonly string[] = []; at < names.length; at += together.length) {
    const areSmall = at > 0 && (bytes / at) * READ_TOGETHER.most < limits.pageBytesMax;
    together = names.slice(at, at + (areSmall ? READ_TOGETHER.most : READ_TOGETHER.least));
    const found = await readNamed(ctx, together);
    for (const [i, write] of found.entries()) {
      if (write === null) continue;
      bytes += writeBytes(write);
      if (writes.length > 0 && bytes > limits.pageBytesMax) return { kind: "snapshotRecords", writes, cursor: names[at + i - 1] ?? cursor };
      writes.push(write);
    }
  }
  const last = names.at(-1);
  return { kind: "snapshotRecords", writes, cursor: names.length < limits.snapshotPageEntries || last === undefined ? null : last };
}

/**
 * Changes after a position; with the page that reaches the end, the executed set there, and what is held there. "" asks for the
 * position now. The set is read before the end is looked for: each of its instances has its change in the stream by then.
 */
export async function answerSnapshotChanges(ctx: Context, after: string): Promise<PeerReply> {
  if (after === "") return { kind: "snapshotChangesOk", changes: [], position: await ctx.store.lastChange(), executed: null };
  const before = await executedSet(ctx);
  const standing = await ctx.store.standing();
  const page = await ctx.store.changes(after, limits.snapshotChangesEntries);
  if (page === null)
    return { kind: "refused", code: "notFound", message: "the changes since the copy began are no longer kept here: begin anew" };
  const changes: Change[] = [];
  let position = after;
  let bytes = 0;
  for (const one of page.changes) {
    if (position === standing.position) break;
    bytes += one.change.writes.reduce((sum, write) => sum + writeBytes(write), 32);
    if (changes.length > 0 && bytes > limits.pageBytesMax) break;
    changes.push(one.change);
    position = one.position;
  }
  if (position !== standing.position) return { kind: "snapshotChangesOk", changes, position, executed: null };
  const listed = new Set(before.listed);
  for (const { instance } of changes) listed.add(instance);
  const executed = { prefix: before.prefix, listed: [...listed].sort((a, b) => a - b) };
  // The header of the answer says in which epoch that was, or a later one.
  await loadIdentity(ctx);
  return { kind: "snapshotChangesOk", changes, position: cutPosition({ ...standing, digest: digestText(standing.digest) }), executed };
}

/** The records of these names, null where one has gone. */
async function readNamed(ctx: Context, names: readonly string[]): Promise<(Write | null)[]> {
  const parsed = names.map(parseStateName);
  const found: (Write | null)[] = names.map(() => null);
  for (const kind of ["bucket", "row", "value"] as const) {
    const places = parsed.flatMap((one, i) => (one?.kind === kind ? [i] : []));
    if (places.length === 0) continue;
    const records = await ctx.store.read(
      kind,
      places.map((i) => parsed[i]?.id ?? ""),
    );
    for (const [n, i] of places.entries()) {
      const record = records[n] ?? null;
      if (record !== null) found[i] = { kind, id: parsed[i]?.id ?? "", record } as Write;
    }
  }
  return found;
}

async function executedSet(ctx: Context) {
  const listed: InstanceId[] = [];
  const open = await allOpen(ctx);
  for (let at = 0; at < open.length; at += limits.pageEntriesMax) {
    const records = await ctx.store.read("instance", open.slice(at, at + limits.pageEntriesMax).map(instanceName));
    for (const record of records) if (record?.executed === true) listed.push(record.id);
  }
  // After the list: what left it since is under the prefix.
  const [progress] = await ctx.store.read("progress", [""]);
  return { prefix: progress?.executed ?? [], listed };
}
