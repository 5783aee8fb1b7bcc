/** From committed to executed: PROPOSAL "execution". One transaction applies whole components, or nothing. */
import { decodeMembers } from "../protocol/cluster.ts";
import { executeComponents, planExecution } from "../protocol/execution.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Change, EntryOutcome, InstanceId, InstanceRecord } from "../protocol/types.ts";
import { applyWrites, type Context, wake } from "./context.ts";
import { observeSince } from "./latency.ts";
import type { Transaction } from "./ports.ts";
import { touchedByExecuting } from "./touched.ts";

/** What one attempt did, to be carried on once it is durable. */
export type Executed =
  | {
      readonly kind: "executed";
      readonly changes: readonly Change[];
      readonly ends: ReadonlyMap<InstanceId, OwnEnd>;
      readonly more: boolean;
    }
  | { readonly kind: "blocked"; readonly on: readonly InstanceId[] }
  | { readonly kind: "done" };

/** Inside a transaction: executes what `root` needs and `root`, if all of it is committed. */
export function tryExecute(ctx: Context, tx: Transaction, root: InstanceId): Executed {
  const plan = planExecution(tx, root, {
    executedHint: (id) => ctx.executed.has(id),
    executedFrontier: ctx.executed.frontier(),
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
  return { kind: "executed", changes, ends, more: !changes.some((change) => change.instance === root) };
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
      for (const [id, end] of result.ends) if (ctx.answers.has(id)) ctx.answers.set(id, end);
      for (const change of result.changes) {
        noteMembers(ctx, change);
        noteExecuted(ctx, change.instance);
      }
      if (result.more) await execute(ctx, root);
      break;
    case "blocked":
      noteBlocked(ctx, root, result.on);
      return;
  }
  const next = [root, ...(result.kind === "executed" ? result.changes.map((change) => change.instance) : [])];
  await Promise.all(next.map((id) => executeBlockedOn(ctx, id)));
}

/** Tries to execute one committed instance now; quietly does nothing where it is not committed. */
export async function execute(ctx: Context, root: InstanceId): Promise<void> {
  if (ctx.stop.signal.aborted) return;
  const result = await ctx.store.transact((tx) => tryExecute(ctx, tx, root));
  await afterExecution(ctx, root, result);
}

/** `id` was committed or executed: what waited for it may go on. */
export async function executeBlockedOn(ctx: Context, id: InstanceId): Promise<void> {
  const waiting = ctx.blocked.get(id);
  if (waiting === undefined) return;
  ctx.blocked.delete(id);
  for (const root of waiting) if (!ctx.executed.has(root)) await execute(ctx, root);
}

function noteExecuted(ctx: Context, id: InstanceId): void {
  ctx.urgent.delete(id);
  ctx.executed.add(id);
  observeSince(ctx, id, "epoxy_execute_seconds");
  wake(ctx, id);
}

function noteBlocked(ctx: Context, root: InstanceId, on: readonly InstanceId[]): void {
  for (const blocker of on) if (blocker !== root) ctx.urgent.add(blocker);
  // All of them are needed, so it is enough to look again when one of them is there: once a blocker, not once for each pair.
  const blocker = on[0];
  if (blocker === undefined) return;
  const waiting = ctx.blocked.get(blocker) ?? new Set();
  waiting.add(root);
  ctx.blocked.set(blocker, waiting);
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
