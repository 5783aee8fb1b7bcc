/** A replica's durable state in Redis 7 or newer (or Valkey). One connection: what is asked for is executed in that order. */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { EpoxyError } from "../../protocol/errors.ts";
import type { Logger } from "../ports.ts";
import type { Backend } from "./backend.ts";
import { checkDurability } from "./durability.ts";
import { SETS } from "./keys.ts";
import { createSender, outcomeKeys, type Sender } from "./redis-sender.ts";
import { sealing } from "./sealing.ts";
import { createStore, type TransactionalStore } from "./transaction.ts";

export type RedisStoreOptions = {
  readonly url: string;
  /** In front of every name, so that several replicas may use one Redis; "" unless given. */
  readonly prefix?: string;
  /** Names this process in Redis beside a random part. */
  readonly processId: string;
  readonly log: Logger;
  /** Executed changes kept for watchers and learners: so many, or so many bytes of them. */
  readonly changesMax?: number;
  readonly changesBytesMax?: number;
  /** How long one command may take; then the connection is given up. */
  readonly commandTimeoutMs?: number;
  /** How long a batch without reply is kept for sending again, until it is given up as in doubt. */
  readonly resendMs?: number;
  /** How long opening may take. */
  readonly connectMs?: number;
  readonly cacheEntriesMax?: number;
  readonly cacheBytesMax?: number;
  readonly batchesInFlightMax?: number;
  readonly onStateChange?: (isReachable: boolean) => void;
};
export type RedisStore = TransactionalStore & {
  reachable(): boolean;
  /** What makes this Redis unfit to vote on, a sentence each with its cure. Empty: it keeps what it acknowledges. */
  checkDurability(): Promise<string[]>;
};

/** @throws EpoxyError notReady when Redis is not reached within `connectMs` */
export async function openRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const prefix = options.prefix ?? "";
  const processId = `${options.processId}:${randomBytes(8).toString("hex")}`;
  const redis = new Redis(options.url, {
    // The defaults would send a write again whose reply was lost, without knowing whether it happened. The sender does that, by number.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    lazyConnect: true,
    commandTimeout: options.commandTimeoutMs ?? 5_000,
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(20 * 2 ** Math.min(times, 5), 500),
  });
  const sender = createSender({ redis, keys: outcomeKeys({ prefix, processId }), options });
  try {
    await sender.open(options.connectMs ?? 10_000);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const store = createStore(redisBackend({ sender, redis, prefix, processId }), {
    ...options,
    counter: sender.counter(),
    sealing,
    // After this turn of the event loop: everything that one read of the network brought goes in one batch.
    defer: (run) => void setImmediate(run),
  });
  return { ...store, reachable: sender.isReachable, checkDurability: () => checkDurability((...command) => sender.call(command)) };
}

type BackendParts = { readonly sender: Sender; readonly redis: Redis; readonly prefix: string; readonly processId: string };

function redisBackend({ sender, redis, prefix, processId }: BackendParts): Backend {
  const key = (name: string) => Buffer.from(prefix + name, "latin1");
  const [open, state, changes, digest] = [key(SETS.open), key(SETS.state), key(SETS.changes), key(SETS.digest)];
  const members = async (command: (string | number | Buffer)[]) => {
    const found = (await sender.call(command)) as Buffer[];
    return found.map((member) => member.toString("latin1"));
  };
  return {
    processId,
    ready: sender.isReachable,
    async read(names) {
      if (names.length === 0) return [];
      return (await sender.call(["MGET", ...names.map(key)])) as (Buffer | null)[];
    },
    commit: (batch) => sender.commit(batch),
    openMembers: (after, limit) => members(["ZRANGEBYLEX", open, after === null ? "-" : lex("(", after), "+", "LIMIT", 0, limit]),
    stateMembers({ from, exclusive, before }, limit) {
      const [min, max] = [lex(exclusive ? "(" : "[", from), before === null ? "+" : lex("(", before)];
      return members(["ZRANGEBYLEX", state, min, max, "LIMIT", 0, limit]);
    },
    async entries(after, limit) {
      // The newest position first: what is appended between the two commands is among the entries, and does no harm.
      const newest = sender.call(["XREVRANGE", changes, "+", "-", "COUNT", 1]) as Promise<RawEntry[]>;
      const following = limit === 0 ? [] : (sender.call(["XRANGE", changes, `0-${after + 1}`, "+", "COUNT", limit]) as Promise<RawEntry[]>);
      const [[last], entries] = await Promise.all([newest, following]);
      return {
        last: last === undefined ? 0 : positionOf(last),
        entries: entries.map((entry) => ({ position: positionOf(entry), bytes: entry[1][1] })),
      };
    },
    async digest() {
      const sum = (await sender.call(["GET", digest])) as Buffer | null;
      return sum === null ? 0n : BigInt(`0x${sum.toString("hex")}`);
    },
    async stateCount() {
      try {
        return Number(await sender.call(["ZCARD", state]));
      } catch (error) {
        // A Redis user that was made for an older build.
        if (error instanceof EpoxyError && error.cause instanceof Error && error.cause.message.startsWith("NOPERM")) return null;
        throw error;
      }
    },
    async close() {
      sender.close();
      redis.disconnect();
    },
  };
}

/** Id, then field and value. */
type RawEntry = readonly [Buffer, readonly [Buffer, Buffer]];

function positionOf([id]: RawEntry): number {
  return Number(id.toString("latin1").slice(2));
}

function lex(bracket: "(" | "[", member: string): Buffer {
  return Buffer.from(bracket + member, "latin1");
}
