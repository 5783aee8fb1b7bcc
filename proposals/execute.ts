/** From committed to executed: PROPOSAL "execution". One transaction applies whole components, or nothing. */
import { decodeMembers } from "../protocol/cluster.ts";
import { executeComponents, planExecution } from "../protocol/execution.ts";
import { frontierSlot } from "../protocol/frontier.ts";
import { instanceId, instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Change, EntryOutcome, InstanceId, InstanceRecord, Slot } from "../protocol/types.ts";
import { block, release, unblock } from "./blocked.ts";
import { applyWrites, type Context, wake } from "./context.ts";
import { observeSince } from "./latency.ts";
import type { RecordRef, Transaction } from "./ports.ts";
import { touchedByExecuting } from "./touched.ts";

/** What one attempt did, to be carried on once it is durable. */
export type Executed =
  | {
      readonly kind: "executed";
      readonly changes: readonly Change[];
      readonly ends: ReadonlyMap<InstanceId, OwnEnd>;
      readonly more: boolean;
      /** Instances of the largest component among them. */
      readonly largest: number;
    }
  | { readonly kind: "blocked"; readonly on: readonly InstanceId[]; readonly waiting: readonly InstanceId[] }
  | { readonly kind: "done" };

/** Inside a transaction: executes what `root` needs and `root`, if all of it is committed. */
export function tryExecute(
  ctx: Context,
  tx: Transaction,
  root: InstanceId,
  seen: ReadonlyMap<InstanceId, InstanceId> = new Map(),
): Executed {
  const waitsFor = (id: InstanceId) => seen.get(id) ?? ctx.blocked.by.get(id);
  // What is known to wait is planned at a glance.
  if (waitsFor(root) === undefined) tx.need(ahead(ctx, tx, root));
  const plan = planExecution(tx, root, {
    executedHint: (id) => ctx.executed.has(id),
    executedFrontier: ctx.executed.frontier(),
    waitsFor,
    visitMax: limits.visitMax,
  });
  if (plan.kind !== "ready") return plan;
  const components = firstComponents(plan.components);
  tx.need(components.flat().flatMap((id) => touchedByExecuting(tx.get("instance", instanceName(id))?.value ?? null)));
  const { writes, changes } = executeComponents(tx, components);
  applyWrites(tx, writes);
  for (const change of changes) tx.append(change);
  const ends = new Map<InstanceId, OwnEnd>();
  for (const { instance } of changes) {
    if (!ctx.answers.has(instance)) continue;
    const record = tx.get("instance", instanceName(instance));
    const end = record === null ? null : endOf(record);
    if (end !== null) ends.set(instance, end);
  }
  const largest = components.reduce((most, { length }) => Math.max(most, length), 0);
  return { kind: "executed", changes, ends, more: !changes.some((change) => change.instance === root), largest };
}

/**
 * What a plan looks at first. A step that lacks a record begins anew when it is there, so a process with nothing in memory
 * would plan once for each instance that is not executed yet.
 */
function ahead(ctx: Context, tx: Transaction, root: InstanceId): RecordRef[] {
  const record = tx.get("instance", instanceName(root));
  if (record === null || record.phase !== "committed" || record.value === "nop") return [];
  const ids = [...record.deps.explicit];
  const executed = ctx.executed.frontier();
  for (const [replica, top] of record.deps.floor) {
    const from = frontierSlot(executed, replica) + 1;
    const to = Math.min(top, from + limits.planAheadMax - 1);
    for (let slot = from; slot <= to; slot++) ids.push(instanceId(replica, slot as Slot));
  }
  return ids.filter((id) => !ctx.executed.has(id)).map((id) => ({ kind: "instance", id: instanceName(id) }));
}

/** How an own instance ended, for the caller who waits for it. */
export type OwnEnd =
  | { readonly kind: "executed"; readonly path: "fast" | "slow" | "recovered"; readonly outcomes: readonly EntryOutcome[] }
  | { readonly kind: "nop" };

/** null while it has not ended. */
export function endOf(record: InstanceRecord): OwnEnd | null {
  if (record.phase !== "committed") return null;
  if (record.value === "nop") return { kind: "nop" };
  if (!record.executed || record.outcomes === null) return null;
  return { kind: "executed", path: record.path ?? "recovered", outcomes: record.outcomes };
}

/** A component is never cut; a long row of them is spread over several transactions. */
function firstComponents(components: readonly (readonly InstanceId[])[]): readonly (readonly InstanceId[])[] {
  let count = 0;
  let instances = 0;
  while (count < components.length && (count === 0 || instances < limits.executeBatchMax)) {
    instances += components[count]?.length ?? 0;
    count++;
  }
  return components.slice(0, count);
}

/** After the transaction is durable: tells those who wait, and tries what waited for these. */
export async function afterExecution(ctx: Context, root: InstanceId, result: Executed): Promise<void> {
  switch (result.kind) {
    case "done":
      noteExecuted(ctx, root);
      break;
    case "executed":
      ctx.meter.observe("epoxy_execution_cycle_instances", result.largest);
      for (const [id, end] of result.ends) if (ctx.answers.has(id)) ctx.answers.set(id, end);
      for (const change of result.changes) {
        noteMembers(ctx, change);
        noteExecuted(ctx, change.instance);
      }
      if (result.more) await execute(ctx, [root]);
      break;
    case "blocked":
      noteBlocked(ctx, root, result);
      return;
  }
  await executeBlockedOn(ctx, root, ...(result.kind === "executed" ? result.changes.map((change) => change.instance) : []));
}

/**
 * Tries to execute these committed instances now, many in one transaction; quietly does nothing where one is not committed.
 * One that waits for another is not tried: `executeBlockedOn` does that.
 */
export async function execute(ctx: Context, roots: readonly InstanceId[]): Promise<void> {
  for (let left = roots; left.length > 0; ) {
    left = left.filter((id) => !ctx.executed.has(id) && !ctx.blocked.by.has(id));
    if (left.length === 0 || ctx.stop.signal.aborted) return;
    const batch = left;
    const results = await ctx.store.transact((tx) => tryMany(ctx, tx, batch));
    for (const [id, result] of results) await afterExecution(ctx, id, result);
    left = left.slice(results.length);
  }
}

/** As many of them from the front as make no transaction too large. */
function tryMany(ctx: Context, tx: Transaction, roots: readonly InstanceId[]): (readonly [InstanceId, Executed])[] {
  const results: (readonly [InstanceId, Executed])[] = [];
  const seen = new Map<InstanceId, InstanceId>();
  let executed = 0;
  for (const root of roots.slice(0, limits.executeRootsMax)) {
    const result = tryExecute(ctx, tx, root, seen);
    const blocker = result.kind === "blocked" ? result.on.at(-1) : undefined;
    if (result.kind === "blocked" && blocker !== undefined) for (const id of [root, ...result.waiting]) seen.set(id, blocker);
    results.push([root, result]);
    if (result.kind === "executed") executed += result.changes.length;
    if (executed >= limits.executeBatchMax) break;
  }
  return results;
}

/** These were committed or executed: what waited for them may go on. */
export async function executeBlockedOn(ctx: Context, ...ids: readonly InstanceId[]): Promise<void> {
  const waiting = ids.flatMap((id) => release(ctx.blocked, id));
  if (waiting.length > 0) await execute(ctx, waiting);
}

/** For whoever waits for these instances: another process may have brought what they wait for, which nobody here is told of. */
export async function executeLater(ctx: Context, ids: readonly InstanceId[]): Promise<void> {
  await execute(ctx, ids);
  const blockers = [...new Set(ids.flatMap((id) => ctx.blocked.by.get(id) ?? []))];
  if (blockers.length === 0) return;
  const records = await ctx.store.read("instance", blockers.map(instanceName));
  await executeBlockedOn(ctx, ...blockers.filter((id, i) => records[i]?.phase === "committed" || ctx.executed.has(id)));
}

function noteExecuted(ctx: Context, id: InstanceId): void {
  ctx.urgent.delete(id);
  unblock(ctx.blocked, id);
  ctx.executed.add(id);
  observeSince(ctx, id, "epoxy_execute_seconds");
  wake(ctx, id);
}

function noteBlocked(ctx: Context, root: InstanceId, { on, waiting }: Extract<Executed, { readonly kind: "blocked" }>): void {
  for (const blocker of on) if (blocker !== root) ctx.urgent.add(blocker);
  // All of them are needed, so one look is enough, when the last one named is there: mostly the others are by then.
  const blocker = on.at(-1);
  if (blocker === undefined) return;
  block(ctx.blocked, root, blocker);
  for (const id of waiting) if (!ctx.executed.has(id)) block(ctx.blocked, id, blocker);
}

/** The members key is replicated state like any other; whom to talk to follows it at once. */
function noteMembers(ctx: Context, change: Change): void {
  for (const write of change.writes) {
    if (write.kind !== "value" || write.id !== "" || write.record === null || write.record.value === null) continue;
    // Two executions may be told of in another order than they happened in.
    if (write.record.version <= ctx.membersVersion) continue;
    ctx.membersVersion = write.record.version;
    ctx.known.members = decodeMembers(write.record.value);
    ctx.membersChanged();
  }
}
