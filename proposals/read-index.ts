/** Which writes a linearizable read has to wait for: PROPOSAL 58 to 61. Readers who come together ask together. */
import { keyFootprint } from "../protocol/conflict.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { maxFrontier } from "../protocol/frontier.ts";
import { limits } from "../protocol/limits.ts";
import type { Epoch, Frontier, InstanceId, Key } from "../protocol/types.ts";
import { type Context, identity, votersOf } from "./context.ts";
import { gatherOnce } from "./gather.ts";
import { type Crowd, pauseMs } from "./pause.ts";

export type Index = {
  readonly epoch: Epoch;
  readonly ids: readonly InstanceId[];
  readonly hasAdders: boolean;
  readonly globalFloor: Frontier;
};

type Reader = {
  readonly key: Key;
  readonly deadlineMs: number;
  readonly answer: (index: Index | Promise<Index>) => void;
};
export type Reading = { waiting: Reader[]; departing: boolean; readonly crowd: Crowd };

/**
 * The union of slowQ voters' indexes of the key, all in one epoch, this replica's own among them, all asked after this call.
 * While the process is busy it waits for more readers first, and what they need comes in one answer.
 *
 * @throws EpoxyError noQuorum when too few answered in time
 */
export function askTogether(ctx: Context, key: Key, deadlineMs: number): Promise<Index> {
  return new Promise((answer) => {
    ctx.reading.waiting.push({ key, deadlineMs, answer });
    if (!ctx.reading.departing) void departAll(ctx);
  });
}

async function departAll(ctx: Context): Promise<void> {
  const { reading } = ctx;
  reading.departing = true;
  while (reading.waiting.length > 0) {
    for (const readers of inGroups(reading.waiting.splice(0))) askFor(ctx, readers);
    const ms = pauseMs(ctx.clock, reading.crowd, limits.readPauseMaxMs);
    if (ms > 0) await ctx.clock.sleep(ms, ctx.stop.signal);
  }
  reading.departing = false;
}

/** By key, so many keys in one group as one request may name. */
function inGroups(readers: readonly Reader[]): Map<Key, Reader[]>[] {
  const groups: Map<Key, Reader[]>[] = [];
  for (const reader of readers) {
    const last = groups.at(-1);
    const group = last !== undefined && (last.has(reader.key) || last.size < limits.readKeysMax) ? last : new Map<Key, Reader[]>();
    if (group !== last) groups.push(group);
    group.set(reader.key, [...(group.get(reader.key) ?? []), reader]);
  }
  return groups;
}

/** What all of them have to wait for has been executed, then it is no matter whose it was; else each key asks for itself. */
function askFor(ctx: Context, readers: ReadonlyMap<Key, readonly Reader[]>): void {
  const deadlineMs = Math.max(...[...readers.values()].flat().map((reader) => reader.deadlineMs));
  const asked = ask(ctx, [...readers.keys()], deadlineMs);
  for (const [key, same] of readers) {
    const index = asked.then((all) => (readers.size === 1 || isOver(ctx, all) ? all : ask(ctx, [key], deadlineMs)));
    for (const { answer } of same) answer(index);
  }
}

function isOver(ctx: Context, { ids, hasAdders }: Index): boolean {
  return !hasAdders && ids.every((id) => ctx.executed.has(id));
}

async function ask(ctx: Context, keys: readonly Key[], deadlineMs: number): Promise<Index> {
  for (;;) {
    const { epoch } = identity(ctx);
    const { voters, need } = votersOf(ctx, epoch);
    const left = deadlineMs - ctx.clock.monotonicMs();
    if (left <= 0 || ctx.stop.signal.aborted) throw new EpoxyError("noQuorum", "too few datacenters answered the read in time");
    const index = await gatherOnce<Index | "epochMoved">(ctx, {
      to: voters,
      request: { kind: "readIndex", epoch, footprints: keys.map(keyFootprint) },
      timeoutMs: left,
      conclude: (answers) => {
        const oks = [...answers.values()].flatMap((reply) => (reply.kind === "readIndexOk" ? [reply] : []));
        if ([...answers.values()].some((reply) => reply.kind === "staleEpoch" || reply.kind === "frozen")) return "epochMoved";
        if (oks.length < need.slow || answers.get(identity(ctx).self)?.kind !== "readIndexOk") return null;
        return {
          epoch,
          ids: [...new Set(oks.flatMap((reply) => reply.ids))],
          hasAdders: oks.some((reply) => reply.hasAdders),
          globalFloor: maxFrontier(oks.map((reply) => reply.globalFloor)),
        };
      },
      again: (reply) => reply.kind === "notVoting" || reply.kind === "refused",
    });
    if (index !== null && index !== "epochMoved") return index;
    if (index === "epochMoved") await ctx.clock.sleep(Math.min(50, Math.max(1, left)), ctx.stop.signal);
  }
}
