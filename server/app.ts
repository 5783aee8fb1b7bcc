/** The public API. Never listens: main.ts does, tests inject. */

import { isUtf8 } from "node:buffer";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { type FastifyInstance, fastify, LogController } from "fastify";
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { addLastAnswers } from "./closing.ts";
import { createOthers } from "./console/others.ts";
import { addBodyDrain } from "./drain.ts";
import { addEarlyRefusal, createAdmission } from "./routes/admission.ts";
import { addBackupRoute } from "./routes/backup.ts";
import { addClusterRoutes } from "./routes/cluster.ts";
import { addConsoleRoutes } from "./routes/console.ts";
import type { AppDeps } from "./routes/deps.ts";
import { addNotFound, answerClientError, asEpoxyError, createErrorHandler, ignoreExpectations, sendError } from "./routes/errors.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addInstanceRoutes } from "./routes/instances.ts";
import { expected } from "./routes/json.ts";
import { addKvRoutes, hideKey } from "./routes/kv.ts";
import { addProposalRoutes } from "./routes/proposals.ts";
import { addWatchRoute } from "./routes/watch.ts";
import { createTokenCheck } from "./security.ts";
import { addSlowRequestLog } from "./slow-requests.ts";

export type { AppDeps } from "./routes/deps.ts";

export function buildApp(deps: AppDeps): FastifyInstance {
  const app = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: limits.requestBytesMax,
    requestTimeout: deps.requestTimeoutMs,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: deps.requestTimeoutMs, requireHostHeader: false },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    rewriteUrl: (request) => hideKey(request.url ?? "/"),
    routerOptions: { maxParamLength: 4096 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      void sendError(reply, asEpoxyError(error) ?? new EpoxyError("badRequest", "the URL is not well-formed"));
    },
  });
  app.setErrorHandler(createErrorHandler(deps));
  addBodyDrain(app);
  addLastAnswers(app);
  ignoreExpectations(app);
  addNotFound(app);
  addJsonParser(app);
  addTokenCheck(app, deps);
  addRequestCount(app, deps);
  addSlowRequestLog(app, deps, STREAMS);
  app.register(swagger, {
    openapi: { info: { title: "Epoxy", description: "Geo-distributed, strongly consistent key-value store", version: "1" } },
  });
  app.register(async (scope) => addRoutes(scope, deps));
  return app;
}

async function addRoutes(app: FastifyInstance, deps: AppDeps): Promise<void> {
  const admission = createAdmission({
    clock: deps.clock,
    inFlightMax: deps.inFlightMax,
    inFlightMin: limits.inFlightMin,
    waitMaxMs: limits.overloadWaitMs,
    busyFromShare: limits.overloadFromShare,
  });
  // Queries and parameters are parsed from the raw URL, where bytes are still bytes: their schemas are for readers.
  const noCheck = () => true;
  app.addHook("onRoute", (route) => {
    if (route.schema?.body === undefined && route.validatorCompiler === undefined) route.validatorCompiler = () => noCheck;
  });
  addEarlyRefusal(app, admission);
  const others = createOthers(deps.clock);
  app.addHook("onClose", () => others.close());
  addProposalRoutes(app, deps, admission);
  await addKvRoutes(app, deps, admission);
  addClusterRoutes(app, deps, others);
  addInstanceRoutes(app, deps);
  addWatchRoute(app, deps);
  addBackupRoute(app, deps);
  addHealthRoutes(app, deps);
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  addConsoleRoutes(app, deps, others);
  await app.register(swaggerUi, { routePrefix: "/docs" });
}

/** JSON is UTF-8, and what is not must not be mended in silence: it would become another key. */
function addJsonParser(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(expected("the body", "JSON in UTF-8"), undefined);
    return parse(request, body.toString("utf8"), (error, value) => {
      if (error !== null)
        return done(new EpoxyError("badRequest", `the body must be JSON: ${jsonProblem(error)}`, { where: "body" }), undefined);
      return done(null, value);
    });
  });
}

/** V8's message quotes the body, which may hold values; keep the position only. */
function jsonProblem(error: Error): string {
  const position = /at position \d+/.exec(error.message)?.[0];
  return position === undefined ? "it cannot be parsed" : `it cannot be parsed ${position}`;
}

function addTokenCheck(app: FastifyInstance, { tokens }: AppDeps): void {
  const check = createTokenCheck(tokens);
  if (check === null) return;
  app.addHook("onRequest", async (request) => {
    const { scope } = request.routeOptions.config;
    if (scope !== undefined) check(request.headers.authorization, scope);
  });
}

/** They last as long as their reader wants. */
const STREAMS: ReadonlySet<string> = new Set(["/v1/watch", "/v1/backup"]);

function addRequestCount(app: FastifyInstance, { meter }: AppDeps): void {
  app.addHook("onResponse", (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? "none";
    meter.count("epoxy_http_requests_total", { method, route, status: String(reply.statusCode) });
    if (!STREAMS.has(route)) meter.observe("epoxy_http_request_seconds", reply.elapsedTime / 1000, { method, route });
    done();
  });
}
