/** Everything that is answered when something is wrong: {"error":{"code","message",…}}, from one table (protocol/errors.ts). */
import type { Socket } from "node:net";
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { about } from "../../proposals/log-subject.ts";
import type { Random } from "../../proposals/ports.ts";
import { EpoxyError, ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { InstanceId } from "../../protocol/types.ts";

export type ErrorBody = { readonly error: { readonly code: ErrorCode; readonly message: string; readonly [detail: string]: unknown } };

/** What an EpoxyError says, without the stack: to refuse under overload must cost little. */
export type Refusal = Pick<EpoxyError, "code" | "message" | "details">;

/** Seconds after which a caller may try again what was refused with 429 or 503, unless the refusal knows better. */
const RETRY_AFTER_SECONDS = 1;

export function errorBody(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}): ErrorBody {
  const { instance } = details;
  const named = typeof instance === "number" ? { instance: instanceName(instance as InstanceId) } : {};
  return { error: { ...details, ...named, code, message } };
}

/** Anything thrown on the way, as one of the table; null for what nobody foresaw. */
export function asEpoxyError(error: FastifyError | EpoxyError): EpoxyError | null {
  if (error instanceof EpoxyError) return error;
  if (error.validation !== undefined) return validationError(error);
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return null;
  // What is left are Fastify's own refusals; their messages are about the request alone.
  const code = (Object.keys(ERRORS) as ErrorCode[]).find((name) => ERRORS[name].status === status) ?? "badRequest";
  return new EpoxyError(code, error.message);
}

/** Of a body that was not taken: what would have been. */
function refusedBody(error: FastifyError, { routeOptions }: FastifyRequest): EpoxyError | null {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new EpoxyError("tooLarge", `the body has more bytes than this path takes, which is ${routeOptions.bodyLimit}`);
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return new EpoxyError("unsupportedMediaType", `this path takes ${routeOptions.config.takes ?? "application/json"}`);
  return null;
}

function validationError(error: FastifyError): EpoxyError {
  const [first] = error.validation ?? [];
  const part = error.validationContext ?? "body";
  if (first === undefined) return new EpoxyError("badRequest", error.message);
  const path = first.instancePath.replace(/\/(\d+)/g, "[$1]").replaceAll("/", ".");
  const where = `${part}${path}`;
  return new EpoxyError("badRequest", `${where} ${complaint(first)}`, { where });
}

function complaint({ message = "is not valid", params }: NonNullable<FastifyError["validation"]>[number]): string {
  const { additionalProperty, allowedValue } = params as { additionalProperty?: string; allowedValue?: unknown };
  if (additionalProperty !== undefined) return `has a field that is not known: ${JSON.stringify(additionalProperty.slice(0, 64))}`;
  return allowedValue === undefined ? message : `must be ${JSON.stringify(allowedValue)}`;
}

export function sendError(reply: FastifyReply, error: Refusal): FastifyReply {
  const { retryAfterSeconds = RETRY_AFTER_SECONDS } = error.details as { retryAfterSeconds?: number };
  const { status } = ERRORS[error.code];
  if (status === 503 || status === 429) reply.header("retry-after", retryAfterSeconds);
  if (status === 401) reply.header("www-authenticate", "Bearer");
  return reply
    .code(status)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(errorBody(error.code, error.message, error.details)));
}

export function createErrorHandler(deps: { readonly random: Random; readonly log: FastifyBaseLogger }) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const known = refusedBody(error, request) ?? asEpoxyError(error);
    const { instance } = known?.details ?? {};
    if (typeof instance === "number") request.instance = instance as InstanceId;
    if (known !== null) return sendError(reply, known);
    const id = deps.random.id();
    about(deps.log, { instance: request.instance }).error(
      { err: error, id, method: request.method, route: request.routeOptions.url },
      "a request failed in a way nobody foresaw",
    );
    return sendError(reply, new EpoxyError("internal", "something went wrong here; the log has it under this id", { id }));
  };
}

/** 405 where the path is known under other methods, 404 else. Call it before the routes are registered. */
export function addNotFound(app: FastifyInstance): void {
  const known: { readonly path: RegExp; readonly methods: Set<string> }[] = [];
  app.addHook("onRoute", (route) => {
    const source = route.url
      .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
      .replace(/:[A-Za-z]+/g, "[^/]+")
      .replaceAll("*", ".*");
    known.push({ path: new RegExp(`^${source}$`), methods: new Set([route.method].flat()) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const methods = new Set(known.filter((route) => route.path.test(path)).flatMap((route) => [...route.methods]));
    if (methods.size === 0) return sendError(reply, new EpoxyError("notFound", "there is nothing at this path; see /docs"));
    const allowed = [...methods].sort().join(", ");
    reply.header("allow", allowed);
    return sendError(reply, new EpoxyError("methodNotAllowed", `this path takes ${allowed}`));
  });
}

/** Of other expectations than `100-continue`, which Node would refuse without a word in the answer. */
export function ignoreExpectations(app: FastifyInstance): void {
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
}

/** What is not even HTTP, or too slow, or has headers without end: answered on the bare socket. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, message] = clientError(error.code);
  const body = JSON.stringify(errorBody(code, message));
  const { status } = ERRORS[code];
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function clientError(code: string | undefined): readonly [ErrorCode, string] {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return ["requestTimeout", "the request did not arrive in time"];
  if (code === "HPE_HEADER_OVERFLOW") return ["tooLarge", "the request's line and headers are too large"];
  return ["badRequest", "this is not a well-formed HTTP request"];
}
