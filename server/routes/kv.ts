/** One key by its URL, and the list of keys. A key is all that follows `/v1/kv/`, percent-decoded to bytes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { ReadMode } from "../../proposals/api.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { instanceName } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, Expectation, Key } from "../../protocol/types.ts";
import { traceOf } from "../trace.ts";
import type { Admission, Cost } from "./admission.ts";
import { resultsOf } from "./commands.ts";
import type { AppDeps } from "./deps.ts";
import { errorBody } from "./errors.ts";
import { checkKey, expected, keyToJson, parseQuery, percentDecode, valueToJson } from "./json.ts";
import { firstInstance } from "./repeated.ts";
import { conditionOf, idempotencyKeyOf, timeoutOf, wantsJson } from "./request.ts";
import { answers, ListAnswer, WriteAnswer } from "./schemas.ts";

const KV = "/v1/kv/";
const READ_MODES = ["linearizable", "local", "optimistic"] as const satisfies readonly ReadMode[];
const LIST_DEFAULT = 100;

/** A request line may name the server too (`GET http://host/path`), which every server must take. */
function withoutServer(url: string): string {
  return url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "");
}

/** The router decodes paths as UTF-8 and refuses the rest, so it never sees the key. */
export function hideKey(rawUrl: string): string {
  const url = withoutServer(rawUrl);
  if (!url.startsWith(KV)) return url;
  const query = url.indexOf("?");
  return query === -1 ? `${KV}-` : `${KV}-${url.slice(query)}`;
}

/** @throws EpoxyError badRequest */
export function keyOfUrl(originalUrl: string): Key {
  const url = withoutServer(originalUrl);
  const query = url.indexOf("?");
  return checkKey(percentDecode(url.slice(KV.length, query === -1 ? undefined : query), "the key"), "the key");
}

export async function addKvRoutes(app: FastifyInstance, deps: AppDeps, admission: Admission): Promise<void> {
  addListRoute(app, deps);
  // A plugin of its own: only here is a body of whatever type just bytes.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.addHook("onRequest", async (request) => {
      // Also a content type that nobody can parse.
      if (request.headers["content-type"] !== undefined) request.headers["content-type"] = "application/octet-stream";
    });
    addReadRoute(scope, deps, admission);
    addWriteRoutes(scope, deps, admission);
  });
}

/** As far as the URL tells at a glance; `admission.run` knows better. */
function costOfRead(url: string): Cost {
  return url.endsWith("read=local") ? "cheap" : "shared";
}

function addReadRoute(app: FastifyInstance, { replica }: AppDeps, admission: Admission): void {
  const schema = {
    tags: ["kv"],
    summary: "Read one key",
    params: Type.Object({ "*": Type.String({ description: "The key, percent-encoded." }) }),
    querystring: Type.Object({ read: Type.Optional(Type.Union(READ_MODES.map((mode) => Type.Literal(mode)))) }),
    produces: ["application/octet-stream", "application/json"],
  };
  app.get("/v1/kv/*", { config: { scope: "read", cost: costOfRead }, schema }, async (request, reply) => {
    const key = keyOfUrl(request.originalUrl);
    const { read = "linearizable" } = parseQuery(request.originalUrl, ["read"]);
    const mode = READ_MODES.find((known) => known === read);
    if (mode === undefined) throw expected("query.read", `one of ${READ_MODES.join(", ")}`);
    const timeoutMs = timeoutOf(request.headers);
    const { value, version } = await admission.run(() => replica.read(key, mode, timeoutMs), {
      cost: mode === "local" ? "cheap" : "shared",
    });
    if (value === null) throw new EpoxyError("notFound", "there is no such key", { version });
    reply.header("etag", `"${version}"`).header("vary", "accept");
    if (wantsJson(request.headers.accept)) return { key: keyToJson(key), value: valueToJson(value), version };
    // What a user stored is never a page of ours.
    reply.header("x-content-type-options", "nosniff").type("application/octet-stream");
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  });
}

function addWriteRoutes(app: FastifyInstance, deps: AppDeps, admission: Admission): void {
  const params = Type.Object({ "*": Type.String({ description: "The key, percent-encoded." }) });
  const common = { tags: ["kv"], params, response: answers({ 200: WriteAnswer }) };
  app.put(
    "/v1/kv/*",
    {
      config: { scope: "write", cost: () => "shared" },
      bodyLimit: limits.valueBytesMax,
      schema: { ...common, summary: "Write one key; the body is the value, of any content type" },
    },
    async (request, reply) => {
      const key = keyOfUrl(request.originalUrl);
      const value = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const expect = conditionOf(request.headers);
      return write(
        deps,
        admission,
        expect === null ? { kind: "set", key, value } : { kind: "checkAndSet", key, expect, newValue: value },
        request,
        reply,
      );
    },
  );
  app.delete(
    "/v1/kv/*",
    { config: { scope: "write", cost: () => "shared" }, schema: { ...common, summary: "Delete one key" } },
    async (request, reply) => {
      const key = keyOfUrl(request.originalUrl);
      const expect: Expectation | null = conditionOf(request.headers);
      return write(
        deps,
        admission,
        expect === null ? { kind: "delete", key } : { kind: "checkAndSet", key, expect, newValue: null },
        request,
        reply,
      );
    },
  );
}

async function write(
  deps: AppDeps,
  admission: Admission,
  command: Command,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  parseQuery(request.originalUrl, []);
  const input = {
    commands: [command],
    idempotencyKey: idempotencyKeyOf(request.headers),
    timeoutMs: timeoutOf(request.headers),
    trace: traceOf(request.headers),
  };
  const { instance, outcome } = await admission.run(() => deps.replica.propose(input));
  request.instance = instance;
  const [result] = resultsOf(outcome);
  if (result?.kind === "written") {
    reply.header("etag", `"${result.version}"`);
    return { version: result.version, instance: instanceName(await firstInstance(deps, input.idempotencyKey, instance)) };
  }
  if (result?.kind !== "expectedValueDoesNotMatch") throw new Error(`a write has the result ${result?.kind}`);
  const body = {
    ...errorBody("preconditionFailed", "the key is not what the condition asks for; nothing was written"),
    current: valueToJson(result.current),
    version: result.version,
  };
  return reply.code(412).type("application/json; charset=utf-8").send(JSON.stringify(body));
}

function addListRoute(app: FastifyInstance, { replica }: AppDeps): void {
  const querystring = Type.Object({
    prefix: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.listEntriesMax, default: LIST_DEFAULT })),
    cursor: Type.Optional(Type.String()),
  });
  const schema = {
    tags: ["kv"],
    summary: "Keys of this replica in byte order; a local read",
    querystring,
    response: answers({ 200: ListAnswer }),
  };
  app.get("/v1/kv", { config: { scope: "read" }, schema, serializerCompiler: () => JSON.stringify }, async (request) => {
    const { prefix = "", limit, cursor = "" } = parseQuery(request.originalUrl, ["prefix", "limit", "cursor"]);
    if (prefix.length > limits.keyBytesMax) throw expected("query.prefix", `at most ${limits.keyBytesMax} bytes`);
    const count = limit === undefined || limit === "" ? LIST_DEFAULT : /^[1-9]\d{0,3}$/.test(limit) ? Number(limit) : 0;
    if (count < 1 || count > limits.listEntriesMax) throw expected("query.limit", `an integer from 1 to ${limits.listEntriesMax}`);
    const { entries, more } = await replica.list(prefix, cursorKey(cursor), count);
    const last = entries.at(-1);
    return {
      entries: entries.map(({ key, value, version }) => ({ key: keyToJson(key), value: valueToJson(value), version })),
      cursor: more && last !== undefined ? Buffer.from(last.key, "latin1").toString("base64url") : null,
    };
  });
}

function cursorKey(cursor: string): Key | null {
  if (cursor === "") return null;
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.toString("base64url") !== cursor || bytes.length > limits.keyBytesMax)
    throw expected("query.cursor", "one that an earlier list answered");
  return bytes.toString("latin1") as Key;
}
