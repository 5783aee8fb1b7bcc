/** Reads that log nothing and delay no writer: PROPOSAL "reads", consensus section 9. */
import { isVoter } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { covers, frontierWithin } from "../protocol/frontier.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Frontier, InstanceId, Key, KeyState } from "../protocol/types.ts";
import type { ReadMode } from "./api.ts";
import { barred, type Context, currentLink, identity, quorumReachable, waitFor } from "./context.ts";
import { executeLater } from "./execute.ts";
import { gatherOnce } from "./gather.ts";
import { arrive, leave } from "./pause.ts";
import { StoreInDoubt } from "./ports.ts";
import { propose } from "./propose.ts";
import { askTogether } from "./read-index.ts";

const NEVER_WRITTEN: KeyState = { value: null, version: 0 };

export async function read(ctx: Context, key: Key, mode: ReadMode, timeoutMs: number): Promise<KeyState> {
  switch (mode) {
    case "linearizable":
      return readLinearizable(ctx, key, timeoutMs);
    case "local":
      return readLocal(ctx, key);
    case "optimistic":
      return readOptimistic(ctx, key);
  }
}

async function readLocal(ctx: Context, key: Key): Promise<KeyState> {
  const [state] = await ctx.store.read("value", [key]);
  return state ?? NEVER_WRITTEN;
}

function assertVoter(ctx: Context): void {
  const { self, epoch } = identity(ctx);
  if (ctx.removed || !isVoter(ctx.known.chain, epoch, self))
    throw new EpoxyError("notReady", `replica ${self} does not vote (it is learning or was removed): it answers local reads only`);
}

/** Waits for every write that slowQ voters know of, then answers from the own state; with adders it makes sure a second time. */
export async function readLinearizable(ctx: Context, key: Key, timeoutMs: number): Promise<KeyState> {
  const timer = new AbortController();
  arrive(ctx.reading.crowd, ctx.clock.monotonicMs());
  try {
    // A store that hangs must not keep the caller beyond his time.
    const late = ctx.clock.sleep(timeoutMs, timer.signal).then(() => null);
    const state = await Promise.race([readInTime(ctx, key, ctx.clock.monotonicMs() + timeoutMs), late, whileQuorum(ctx, timer.signal)]);
    if (state === null) throw new EpoxyError("noQuorum", "the read could not be answered in time; local reads still work");
    return state;
  } catch (error) {
    // A read leaves nothing behind, so nothing about it is in doubt.
    if (error instanceof StoreInDoubt) throw new EpoxyError("notReady", "the store went away during the read");
    if (!(error instanceof EpoxyError) || error.code !== "outcomeUnknown") throw error;
    throw new EpoxyError("noQuorum", "the read could not be ordered in time; local reads still work");
  } finally {
    leave(ctx.reading.crowd);
    timer.abort();
  }
}

async function readInTime(ctx: Context, key: Key, deadlineMs: number): Promise<KeyState> {
  const bar = barred(ctx);
  if (bar !== null) throw new EpoxyError("notReady", bar);
  assertVoter(ctx);
  assertQuorum(ctx);
  for (let rounds = 0; rounds < limits.readRounds; rounds++) {
    const first = await askTogether(ctx, key, deadlineMs);
    await waitExecuted(ctx, first.ids, deadlineMs);
    const executed = first.hasAdders ? await executedPrefix(ctx) : [];
    const state = await readLocal(ctx, key);
    if (!first.hasAdders) return state;
    const second = await askTogether(ctx, key, deadlineMs);
    const seen = new Set(first.ids);
    const complete = second.ids.every((id) => seen.has(id) || covers(executed, id)) && frontierWithin(second.globalFloor, executed);
    if (complete && second.epoch === first.epoch) return state;
  }
  // Adders keep coming: a read ordered among them.
  const { outcome } = await propose(ctx, {
    commands: [{ kind: "get", key }],
    idempotencyKey: null,
    timeoutMs: deadlineMs - ctx.clock.monotonicMs(),
  });
  const result = outcome.kind === "results" ? outcome.results[0] : undefined;
  if (result?.kind !== "value") throw new EpoxyError("noQuorum", "the read could not be ordered in time");
  return { value: result.value, version: result.version };
}

async function executedPrefix(ctx: Context): Promise<Frontier> {
  const [progress] = await ctx.store.read("progress", [""]);
  return progress?.executed ?? [];
}

function assertQuorum(ctx: Context): void {
  if (quorumReachable(ctx)) return;
  throw new EpoxyError("noQuorum", "too few datacenters can be reached for a linearizable read; local reads still work");
}

/** Ends as soon as it is known that no quorum is left to ask: waiting on would be in vain. */
async function whileQuorum(ctx: Context, signal: AbortSignal): Promise<null> {
  do {
    await ctx.clock.sleep(limits.syncEveryMs, signal);
    if (!signal.aborted) assertQuorum(ctx);
  } while (!signal.aborted);
  return null;
}

async function waitExecuted(ctx: Context, ids: readonly InstanceId[], deadlineMs: number): Promise<void> {
  await Promise.all(ids.map((id) => waitOne(ctx, id, deadlineMs)));
}

async function waitOne(ctx: Context, id: InstanceId, deadlineMs: number): Promise<void> {
  const isExecuted = () => ctx.executed.has(id);
  while (!isExecuted()) {
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0 || ctx.stop.signal.aborted)
      throw new EpoxyError("noQuorum", `the read waits for instance ${instanceName(id)}, which is not decided yet`);
    const woken = waitFor(ctx, id, Math.min(left, ctx.pollMs));
    const [record] = await ctx.store.read("instance", [instanceName(id)]);
    if (record?.executed === true) {
      ctx.executed.add(id);
      return;
    }
    if (record?.phase === "committed") await executeLater(ctx, [id]);
    else ctx.urgent.add(id);
    if (!isExecuted()) await woken;
  }
}

/**
 * For keys that are set once: the own value, else the first one any voter has, remembered until this replica executes a
 * change of the key. "Absent" is believed only of all voters or after a second, and never remembered. Step 61a.
 */
async function readOptimistic(ctx: Context, key: Key): Promise<KeyState> {
  assertVoter(ctx);
  const local = await readLocal(ctx, key);
  if (local.value !== null) return local;
  const remembered = ctx.optimistic.get(key);
  if (remembered !== undefined && remembered.version > local.version) return remembered;
  ctx.optimistic.delete(key);
  const { self } = identity(ctx);
  const others = (currentLink(ctx)?.voters ?? []).filter((id) => id !== self);
  if (others.length === 0) return local;
  const found = await gatherOnce<KeyState>(ctx, {
    to: others,
    request: { kind: "kvGet", key },
    timeoutMs: limits.optimisticReadMs,
    conclude: (answers) => {
      for (const reply of answers.values()) {
        if (reply.kind === "kvValue" && reply.value !== null && reply.version > local.version)
          return { value: reply.value, version: reply.version };
      }
      const absent = [...answers.values()].filter((reply) => reply.kind === "kvValue").length;
      return absent === others.length ? local : null;
    },
  });
  // Those who were asked may have said that this replica was removed.
  if (found === null) assertVoter(ctx);
  if (found === null || found.value === null) return local;
  if (ctx.optimistic.size >= limits.optimisticKeysMax) ctx.optimistic.delete(ctx.optimistic.keys().next().value as Key);
  ctx.optimistic.set(key, found);
  return found;
}
