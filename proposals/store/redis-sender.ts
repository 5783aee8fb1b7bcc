/**
 * One connection to Redis that sends each batch exactly once as far as its effects go: a batch whose reply was lost is sent
 * again under its number when the connection is back, in the old order, and the script answers what it answered before.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { StoreInDoubt } from "../ports.ts";
import { BATCHES_REMEMBERED, type Batch, type BatchOutcome, CLAIM_MS, writesAnything } from "./backend.ts";
import { outcomesName, SETS } from "./keys.ts";
import { packBatch, parseOutcome } from "./pack.ts";
import type { RedisStoreOptions } from "./redis.ts";

const SCRIPT = readFileSync(new URL("./compare-and-write.lua", import.meta.url), "utf8");
const SCRIPT_HASH = createHash("sha1").update(SCRIPT).digest("hex");
const REMEMBERED_S = 24 * 60 * 60;
const TRANSMISSIONS_MAX = 5;
/** Replies by which Redis says that it did not begin to execute. */
const REFUSALS = /^(LOADING|MISCONF|READONLY|NOAUTH|NOPERM|BUSY|MASTERDOWN|WRONGPASS|NOREPLICAS|ERR max number of clients)/;

type Argument = string | number | Buffer;
type Outstanding = {
  readonly number: number;
  readonly args: readonly Argument[];
  /** How often it may have reached Redis. */
  transmissions: number;
  /** Redis lost the script: send the source. */
  bySource: boolean;
  resolve(outcome: BatchOutcome): void;
  reject(error: Error): void;
};

export type Sender = {
  /** Resolves at the first connection. @throws EpoxyError notReady */
  open(timeoutMs: number): Promise<void>;
  /** See Backend.commit. */
  commit(batch: Batch): Promise<BatchOutcome>;
  /** Anything that only reads. @throws EpoxyError notReady */
  call(command: readonly Argument[]): Promise<unknown>;
  isReachable(): boolean;
  counter(): number;
  close(): void;
};

/** What the script gets as KEYS. */
export function outcomeKeys({ prefix, processId }: { readonly prefix: string; readonly processId: string }): Buffer[] {
  const names = [outcomesName(processId), SETS.counter, SETS.digest, SETS.open, SETS.state, SETS.changes, SETS.turn, SETS.changesKept];
  return names.map((name) => Buffer.from(prefix + name, "latin1"));
}

export function createSender({
  redis,
  keys,
  options,
}: {
  readonly redis: Redis;
  readonly keys: readonly Buffer[];
  readonly options: RedisStoreOptions;
}): Sender {
  const { log, changesMax = limits.changesKept, changesBytesMax = limits.changesBytesKept, resendMs = 5_000 } = options;
  const outstanding = new Map<number, Outstanding>();
  let connection = 0;
  let isConnected = false;
  let isClosed = false;
  let isPutBack = false;
  let counter = 0;
  let doubtTimer: NodeJS.Timeout | null = null;

  function transmit(one: Outstanding): void {
    const mine = connection;
    one.transmissions++;
    const [command, script] = one.bySource ? ["EVAL", SCRIPT] : ["EVALSHA", SCRIPT_HASH];
    redis.callBuffer(command as string, script as string, keys.length, ...keys, ...one.args).then(
      (reply) => received(one, `${reply}`),
      (error: Error) => failed(one, error, mine),
    );
  }

  function received(one: Outstanding, reply: string): void {
    if (!outstanding.delete(one.number)) return;
    const outcome = parseOutcome(reply);
    counter = Math.max(counter, outcome.counter);
    one.resolve(outcome);
  }

  function failed(one: Outstanding, error: Error, sentOn: number): void {
    if (!outstanding.has(one.number)) return;
    if (error.name === "ReplyError") refused(one, error);
    else if (/isn't writeable/.test(error.message)) {
      one.transmissions--;
      if (one.transmissions === 0) giveUp(one, notReady(error));
    } else if (sentOn === connection && isConnected) {
      log.warn({ err: error }, "the connection to Redis is given up");
      // Not ended but destroyed: a Redis that does not answer would not take leave either.
      redis.stream.destroy();
    }
  }

  /** Redis answered that it did not execute it. Says nothing about an earlier transmission. */
  function refused(one: Outstanding, error: Error): void {
    if (error.message.startsWith("NOSCRIPT")) {
      one.bySource = true;
      one.transmissions--;
      if (isConnected) transmit(one);
      return;
    }
    giveUp(one, one.transmissions === 1 ? refusalOf(error) : inDoubt(error));
  }

  function giveUp(one: Outstanding, error: Error): void {
    if (outstanding.delete(one.number)) one.reject(error);
  }

  function doubt(): void {
    doubtTimer = null;
    for (const one of [...outstanding.values()]) giveUp(one, new StoreInDoubt("Redis went away before it answered"));
  }

  /** A new connection: nothing is sent on it before it is known that this is the Redis that was left. */
  async function connected(): Promise<void> {
    const mine = ++connection;
    const found = await redis.callBuffer("GET", keys[1] as Buffer);
    await redis.call("SCRIPT", "LOAD", SCRIPT);
    if (mine !== connection || isClosed) return;
    const now = found === null ? 0 : Number(`${found}`);
    isPutBack = now < counter;
    if (isPutBack) {
      log.error(
        { counter, found: now },
        "Redis holds less than it has acknowledged: its disk was put back or emptied; nothing is served from it",
      );
      doubt();
      return;
    }
    counter = now;
    isConnected = true;
    if (doubtTimer !== null) clearTimeout(doubtTimer);
    doubtTimer = null;
    for (const one of [...outstanding.values()]) {
      if (one.transmissions < TRANSMISSIONS_MAX) transmit(one);
      else giveUp(one, new StoreInDoubt("Redis went away too often before it answered"));
    }
    options.onStateChange?.(true);
  }

  function disconnected(): void {
    connection++;
    if (isConnected) {
      isConnected = false;
      log.warn({ unanswered: outstanding.size }, "Redis is not reachable");
      options.onStateChange?.(false);
    }
    if (outstanding.size > 0) doubtTimer ??= setTimeout(doubt, resendMs);
  }

  redis.on("ready", () => {
    connected().catch((error: Error) => {
      log.warn({ err: error }, "Redis does not take the script");
      redis.stream.destroy();
    });
  });
  redis.on("close", disconnected);
  // ioredis wants a listener; the connection's end is handled above.
  redis.on("error", (error) => log.debug({ err: error }, "Redis connection"));

  return {
    async open(timeoutMs) {
      const deadlineMs = performance.now() + timeoutMs;
      redis.connect().catch((error: Error) => log.debug({ err: error }, "Redis connection"));
      while (!isConnected) {
        if (performance.now() > deadlineMs) throw notReady(null);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    commit(batch) {
      const canWrite = writesAnything(batch) ? 1 : 0;
      const args = [
        batch.number,
        BATCHES_REMEMBERED,
        REMEMBERED_S,
        changesMax,
        canWrite,
        packBatch(batch.transactions, options.prefix ?? ""),
        CLAIM_MS,
        changesBytesMax,
      ];
      return new Promise((resolve, reject) => {
        const one = { number: batch.number, args, transmissions: 0, bySource: false, resolve, reject };
        outstanding.set(one.number, one);
        if (isConnected) transmit(one);
        else giveUp(one, notReady(null));
      });
    },
    async call([name, ...args]) {
      if (!isConnected) throw notReady(null);
      try {
        return await redis.callBuffer(name as string, ...args);
      } catch (error) {
        throw notReady(error);
      }
    },
    isReachable: () => isConnected,
    counter: () => counter,
    close() {
      isClosed = true;
      isConnected = false;
      if (doubtTimer !== null) clearTimeout(doubtTimer);
      doubt();
    },
  };
}

/** The script does its first write or none: with memory short, Redis stops it there. */
function refusalOf(error: Error): Error {
  if (/^OOM\b|\bOOM command not allowed/.test(error.message)) {
    return new EpoxyError("storageFull", "Redis is at its maxmemory", {}, { cause: error });
  }
  return REFUSALS.test(error.message) ? notReady(error) : inDoubt(error);
}

function inDoubt(cause: Error): StoreInDoubt {
  return new StoreInDoubt(`Redis answered ${cause.message}`, { cause });
}

function notReady(cause: unknown): EpoxyError {
  return new EpoxyError("notReady", "Redis cannot be reached", {}, { cause });
}
