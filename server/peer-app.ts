/** What other datacenters reach: `POST /v{version}/epoxy/message`, BARE bytes in and out. Knows bytes and versions, nothing else. */
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from "fastify";
import type { Replica } from "../proposals/api.ts";
import { about } from "../proposals/log-subject.ts";
import type { Clock, Meter, Random } from "../proposals/ports.ts";
import { EpoxyError, MalformedError } from "../protocol/errors.ts";
import { instanceName } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { RequestEnvelope } from "../protocol/messages.ts";
import { decodeRequest, encodeReply, LATEST_VERSION, SUPPORTED_VERSIONS } from "../protocol/wire/versioned.ts";
import { addLastAnswers } from "./closing.ts";
import { addBodyDrain } from "./drain.ts";
import { PEER_CONTENT_TYPE, peerPath, VERSIONS_HEADER } from "./peer-paths.ts";
import {
  addNotFound,
  answerClientError,
  asEpoxyError,
  createErrorHandler,
  errorBody,
  ignoreExpectations,
  sendError,
} from "./routes/errors.ts";
import { checkPeerHeaders, checkPeerSender, checkPeerSignature, type Secret } from "./security.ts";
import { tracesOf } from "./trace.ts";
import type { WanDelays } from "./wan.ts";

export type PeerAppDeps = {
  readonly replica: Pick<Replica, "handle">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: FastifyBaseLogger;
  readonly meter: Meter;
  /** None: the port is open, which config.ts allows on loopback only. */
  readonly secrets: readonly Secret[];
  /** null: no artificial distance. */
  readonly wan: WanDelays | null;
  /** For a request to arrive whole. */
  readonly requestTimeoutMs: number;
};

type Versioned = { Params: { version: string } };

export function buildPeerApp(deps: PeerAppDeps): FastifyInstance {
  const app = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: limits.peerMessageBytesMax,
    requestTimeout: deps.requestTimeoutMs,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: deps.requestTimeoutMs, requireHostHeader: false },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    exposeHeadRoutes: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      void sendError(reply, asEpoxyError(error) ?? new EpoxyError("badRequest", "the URL is not well-formed"));
    },
  });
  const handleError = createErrorHandler(deps);
  app.setErrorHandler((error: Parameters<typeof handleError>[0], request, reply) => {
    const known = asEpoxyError(error);
    deps.meter.count("epoxy_peer_refused_total", { reason: known?.code ?? "internal" });
    return handleError(error, request, reply);
  });
  addBodyDrain(app);
  addLastAnswers(app);
  ignoreExpectations(app);
  addNotFound(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(PEER_CONTENT_TYPE, { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.post<Versioned>(
    "/v:version/epoxy/message",
    { config: { takes: PEER_CONTENT_TYPE }, onRequest: async (request, reply) => beforeBody(deps, request, reply) },
    async (request, reply) => {
      const version = Number(request.params.version);
      if (!Buffer.isBuffer(request.body))
        throw new EpoxyError("badRequest", `the body must be a BARE message, sent as ${PEER_CONTENT_TYPE}`);
      checkPeerSignature(deps.secrets, { path: peerPath(version), headers: request.headers, body: request.body });
      const envelope = decode(version, request.body);
      checkPeerSender(deps.secrets, request.headers, envelope.header);
      for (const { kind } of envelope.requests) deps.meter.count("epoxy_peer_handled_total", { kind });
      const traces = tracesOf(request.headers);
      if (traces.length > 0)
        about(deps.log, { peer: envelope.header.from, epoch: envelope.header.epoch }).debug({ ...contentOf(envelope), traces }, "asked");
      const answer = encodeReply(version, await deps.replica.handle(envelope));
      // The answer is a message too: whoever sends one waits half the round trip.
      const delayMs = deps.wan?.toReplica(envelope.header.from) ?? 0;
      if (delayMs > 0) await deps.clock.sleep(delayMs);
      // Whoever has learned to speak less of an older build of ours may speak more now.
      if (version < LATEST_VERSION) reply.header(VERSIONS_HEADER, SUPPORTED_VERSIONS.join(","));
      return reply.type(PEER_CONTENT_TYPE).send(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
    },
  );
  return app;
}

/** Strangers and other versions are told so before their body is read. */
async function beforeBody(deps: PeerAppDeps, request: FastifyRequest<Versioned>, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const { version } = request.params;
  if (!/^[1-9]\d{0,4}$/.test(version) || !SUPPORTED_VERSIONS.includes(Number(version))) {
    deps.meter.count("epoxy_peer_refused_total", { reason: "unsupportedVersion" });
    const body = {
      ...errorBody("unsupportedVersion", `this build speaks version ${SUPPORTED_VERSIONS.join(", ")}`),
      versions: SUPPORTED_VERSIONS,
    };
    return reply.code(404).type("application/json; charset=utf-8").send(JSON.stringify(body));
  }
  checkPeerHeaders(deps.secrets, request.headers, deps.clock.wallMs());
  return undefined;
}

/** Which instances, and what is asked of them. */
function contentOf({ requests }: RequestEnvelope): { readonly instances: readonly string[]; readonly kinds: readonly string[] } {
  const named = requests.flatMap((request) => ("id" in request ? [request] : []));
  return { instances: named.map(({ id }) => instanceName(id)), kinds: named.map(({ kind }) => kind) };
}

function decode(version: number, body: Uint8Array): RequestEnvelope {
  try {
    return decodeRequest(version, body);
  } catch (error) {
    if (error instanceof MalformedError) throw new EpoxyError("badRequest", `malformed message: ${error.message}`);
    throw error;
  }
}
