/** A small typed client of one Epoxy cluster over its HTTP API. */
import { randomUUID } from "node:crypto";
import { keyPath, queryOf, toBytes, toWire } from "./bytes.ts";
import { createEndpoints } from "./endpoints.ts";
import { NothingHappened } from "./errors.ts";
import { createReservations } from "./reservations.ts";
import { type Answer, type Call, call, createAgent, type Transport } from "./transport.ts";
import type {
  ChangeAnswer,
  ClusterAnswer,
  CommandJson,
  Expect,
  InstanceAnswer,
  KeyAnswer,
  ListAnswer,
  NewMember,
  ProposalAnswer,
  ReadMode,
  TxnJson,
  WatchEvent,
  WriteAnswer,
} from "./types.ts";
import { type WatchOptions, watch } from "./watch.ts";

export { fromWire, textOf, toWire, type WireBytes } from "./bytes.ts";
export { NothingHappened, OutcomeUnknown, RequestError } from "./errors.ts";
export type { Reservation, ReserveOptions } from "./reservations.ts";
export type * from "./types.ts";
export type { WatchOptions } from "./watch.ts";

export type ClientOptions = {
  /** Base URLs, the nearest datacenter's first. Where that one fails, the nearest healthy one of the others is asked. */
  readonly endpoints: readonly string[];
  readonly token?: string | null;
  /** For a request and all its retries together. */
  readonly timeoutMs?: number;
  readonly triesMax?: number;
};
export type WriteOptions = { readonly idempotencyKey?: string; readonly timeoutMs?: number };
export type Condition = { readonly ifAbsent?: boolean; readonly ifVersion?: number };
export type Bytes = string | Uint8Array;

export type Client = ReturnType<typeof createClient>;

export function createClient(options: ClientOptions) {
  if (options.endpoints.length === 0) throw new TypeError("a client needs at least one endpoint");
  const agent = createAgent();
  const transport: Transport = {
    endpoints: createEndpoints(options.endpoints, agent),
    token: options.token ?? null,
    timeoutMs: options.timeoutMs ?? 10_000,
    triesMax: options.triesMax ?? Math.max(4, options.endpoints.length * 2),
    agent,
  };
  const ask = (what: Call): Promise<Answer> => call(transport, what);
  const operations = { ...proposals(ask), ...reads(ask) };
  return {
    ...operations,
    ...createReservations(operations),
    ...administration(ask),
    /**
     * Changes as one datacenter executes them, for ever: a stream that breaks is taken up again after the last event. Another
     * datacenter's stream has positions of its own, so a move to one begins with an event `gap`, and so does a return after
     * too long: list again then. Ends when `signal` is aborted.
     * @throws NothingHappened when the request is refused, nobody answers at first, or all have been away for a minute
     */
    watch: (given: WatchOptions = {}): AsyncGenerator<WatchEvent> => watch(transport, given),
    /** Any path, for what has no method here. An answer that is an error is thrown. */
    async raw(path: string): Promise<Answer> {
      return ask({ method: "GET", path, effect: "read" });
    },
    async close(): Promise<void> {
      transport.endpoints.close();
      await agent.close();
    },
  };
}

function proposals(ask: (what: Call) => Promise<Answer>) {
  async function propose(commands: readonly CommandJson[], options: WriteOptions = {}): Promise<ProposalAnswer> {
    return json(
      await ask({ method: "POST", path: "/v1/proposals", ...jsonBody({ commands }, keyed(options)), ...timeout(options), effect: "keyed" }),
    );
  }
  async function write(
    call: { method: "PUT" | "DELETE"; key: Bytes; value: Bytes | null },
    options: WriteOptions & Condition,
  ): Promise<WriteAnswer> {
    const { method, key, value } = call;
    // A URL cannot carry these two keys: every parser takes them for folders.
    if (isDotSegment(key)) return writeByProposal(await propose([dotCommand(key, value, options)], options));
    const headers: Record<string, string> = { ...keyed(options) };
    if (options.ifAbsent === true) headers["if-none-match"] = "*";
    if (options.ifVersion !== undefined) headers["if-match"] = `"${options.ifVersion}"`;
    if (value !== null) headers["content-type"] = "application/octet-stream";
    const body = value === null ? {} : { body: toBytes(value) };
    return json(await ask({ method, path: `/v1/kv/${keyPath(key)}`, headers, ...body, ...timeout(options), effect: "keyed" }));
  }
  return {
    propose,
    put: (key: Bytes, value: Bytes, options: WriteOptions & Condition = {}) => write({ method: "PUT", key, value }, options),
    delete: (key: Bytes, options: WriteOptions & Condition = {}) => write({ method: "DELETE", key, value: null }, options),
    checkAndSet: (key: Bytes, expect: Expect, newValue: Bytes | null, options: WriteOptions = {}) =>
      propose([{ kind: "checkAndSet", key: toWire(key), ...expect, newValue: newValue === null ? null : toWire(newValue) }], options),
    add: (key: Bytes, delta: number | bigint, options: WriteOptions = {}) =>
      propose([{ kind: "add", key: toWire(key), delta: typeof delta === "bigint" ? delta.toString() : delta }], options),
    txn: (txn: Omit<TxnJson, "kind">, options: WriteOptions = {}) => propose([{ kind: "txn", ...txn }], options),
  };
}

function reads(ask: (what: Call) => Promise<Answer>) {
  return {
    /** null: the key is absent. */
    async get(key: Bytes, options: { readonly read?: ReadMode; readonly timeoutMs?: number } = {}): Promise<KeyAnswer | null> {
      if (isDotSegment(key)) return getByProposal(ask, key);
      const query = options.read === undefined ? "" : `?read=${options.read}`;
      const answer = await ask({
        method: "GET",
        path: `/v1/kv/${keyPath(key)}${query}`,
        headers: { accept: "application/json" },
        ...timeout(options),
        effect: "read",
        mayBeAbsent: true,
      });
      return answer.status === 404 ? null : json(answer);
    },
    /** One page of the keys of the datacenter that answers, in byte order; `cursor` is null after the last one. */
    async list(options: { readonly prefix?: Bytes; readonly limit?: number; readonly cursor?: string } = {}): Promise<ListAnswer> {
      const { prefix, limit, cursor } = options;
      const query = queryOf({ prefix, limit: limit?.toString(), cursor });
      return json(await ask({ method: "GET", path: `/v1/kv?${query}`, effect: "read" }));
    },
    async instance(id: string): Promise<InstanceAnswer | null> {
      const answer = await ask({ method: "GET", path: `/v1/instances/${id}`, effect: "read", mayBeAbsent: true });
      return answer.status === 404 ? null : json(answer);
    },
    /** Explicit prepare, now. Deciding what is already decided changes nothing, so it counts as a read. */
    async recover(id: string): Promise<InstanceAnswer> {
      return json(await ask({ method: "POST", path: `/v1/instances/${id}/recover`, effect: "read" }));
    },
  };
}

function administration(ask: (what: Call) => Promise<Answer>) {
  const change = async (method: Call["method"], path: string, body: object | null = null): Promise<ChangeAnswer> =>
    json(await ask({ method, path: `/v1/cluster${path}`, ...(body === null ? {} : jsonBody(body)), effect: "once", timeoutMs: 15_000 }));
  return {
    cluster: async (): Promise<ClusterAnswer> => json(await ask({ method: "GET", path: "/v1/cluster", effect: "read" })),
    addReplica: (member: NewMember) => change("POST", "/replicas", member),
    removeReplica: (id: number) => change("DELETE", `/replicas/${id}`),
    replaceReplica: (id: number, by: NewMember) => change("POST", `/replicas/${id}/replace`, by),
    setReplicas: (desired: object) => change("PUT", "/replicas", desired),
    cancelReconfiguration: (generation: number) => change("POST", "/cancel", { generation }),
    takeover: () => change("POST", "/takeover"),
  };
}

function json<T>(answer: Answer): T {
  return JSON.parse(Buffer.from(answer.bytes).toString("utf8")) as T;
}

function jsonBody(value: object, headers: Record<string, string> = {}): { headers: Record<string, string>; body: string } {
  return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** Every proposal has a key, so that asking again can never do it twice. */
function keyed(options: WriteOptions): Record<string, string> {
  return { "idempotency-key": options.idempotencyKey ?? randomUUID() };
}

function timeout(options: { readonly timeoutMs?: number }): { timeoutMs?: number } {
  return options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
}

function isDotSegment(key: Bytes): boolean {
  const path = keyPath(key);
  return path === "." || path === "..";
}

function dotCommand(key: Bytes, value: Bytes | null, condition: Condition): CommandJson {
  const wire = { key: toWire(key) };
  const newValue = value === null ? null : toWire(value);
  if (condition.ifAbsent === true) return { kind: "checkAndSet", ...wire, expectOneOf: [null], newValue };
  if (condition.ifVersion !== undefined) return { kind: "checkAndSet", ...wire, expectVersion: condition.ifVersion, newValue };
  return { kind: "set", ...wire, value: newValue };
}

async function getByProposal(ask: (what: Call) => Promise<Answer>, key: Bytes): Promise<KeyAnswer | null> {
  const commands = [{ kind: "get", key: toWire(key) }];
  const answer = json<ProposalAnswer>(
    await ask({ method: "POST", path: "/v1/proposals", ...jsonBody({ commands }, keyed({})), effect: "read" }),
  );
  const result = answer.results[0];
  if (result?.ok !== true || result.value === undefined || result.value === null) return null;
  return { key: toWire(key), value: result.value, version: result.version ?? 0 };
}

function writeByProposal(answer: ProposalAnswer): WriteAnswer {
  const result = answer.results[0];
  if (result?.ok === true) return { version: result.version ?? 0, instance: answer.instance };
  throw new NothingHappened({
    code: "preconditionFailed",
    message: "the condition was not met",
    status: 412,
    endpoint: "",
    details: { ...result },
  });
}
