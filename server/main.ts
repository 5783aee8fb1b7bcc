/** A server process: its parts put together, its two ports, its background work, and its end. */
import type { FastifyInstance } from "fastify";
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { buildApp } from "./app.ts";
import { systemClock, systemRandom } from "./clock.ts";
import { closeGently } from "./closing.ts";
import { loadDesiredReplicas, type Settings } from "./config.ts";
import { readFigures } from "./console/figures.ts";
import { assemble, bounded, close, type Parts, refuseForeignData, stopOnSignals, watchDurability } from "./parts.ts";
import { buildPeerApp } from "./peer-app.ts";

const ENSURE_EVERY_MS = 2_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PUBLIC_MS = 5_000;
const CLOSE_PEERS_MS = 500;
const TAKEOVER_MS = 10_000;
const DESIRED_AGAIN_MS = 5_000;

/** Runs `epoxy server` until a signal ends it. */
export async function runServer(settings: Settings): Promise<void> {
  const parts = await assemble(settings, "server");
  const { log, replica } = parts;
  const stopping = stopOnSignals(log);
  const durability = await watchDurability(parts, stopping.signal);
  await replica.start();
  if (settings.bootstrap)
    await replica.bootstrap({ clusterName: settings.cluster, name: settings.name, peerUrl: settings.peerUrl, apiUrl: settings.apiUrl });
  refuseForeignData(parts);
  const publicApp = await listenPublic(parts, durability);
  const peerApp = await listenPeers(parts);
  log.info({ apiUrl: settings.apiUrl, peerUrl: settings.peerUrl }, "epoxy server is up");
  void keepWorkflows(parts, stopping.signal);
  applyDesired(parts, stopping.signal);

  await new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve(), { once: true }));
  // Callers first, while this replica can still answer them; then the other datacenters.
  await closeGently(publicApp, systemClock, CLOSE_PUBLIC_MS);
  await bounded(replica.stop());
  await closeGently(peerApp, systemClock, CLOSE_PEERS_MS);
  await close(parts);
}

async function listenPublic(parts: Parts, durability: () => readonly string[]): Promise<FastifyInstance> {
  const { settings, build, replica, store, log, metrics, temporal } = parts;
  const app = buildApp({
    build,
    replica,
    store,
    clock: systemClock,
    random: systemRandom,
    log,
    meter: metrics.meter,
    metrics: metrics.registry,
    figures: () => readFigures(metrics.registry),
    tokens: settings.tokens,
    reconfiguration: () => temporal.reconfiguration(),
    takeover: () => takeover(parts),
    readyProblems: async () => durability(),
    inFlightMax: limits.inFlightMax,
    slowRequestMs: limits.slowRequestMs,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  await listen(app, settings.apiListen, "the API");
  return app;
}

async function listenPeers({ settings, replica, log, metrics, wan }: Parts): Promise<FastifyInstance> {
  const app = buildPeerApp({
    replica,
    clock: systemClock,
    random: systemRandom,
    log,
    meter: metrics.meter,
    secrets: settings.peerSecrets,
    wan,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  await listen(app, settings.peerListen, "peers");
  return app;
}

async function listen(app: FastifyInstance, at: Settings["apiListen"], what: string): Promise<void> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    throw new EpoxyError(
      "notReady",
      `cannot listen for ${what} on ${at.host}:${at.port}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Starts the workflows this datacenter holds, again and again: it may become the coordinator's, and Temporal may come late. */
async function keepWorkflows({ temporal, replica, log }: Parts, signal: AbortSignal): Promise<void> {
  let told = "";
  while (!signal.aborted) {
    try {
      const { self, members } = replica.report();
      await temporal.ensureWorkflows({ self, members });
      told = "";
    } catch (error) {
      const message = withCause(error);
      if (message !== told) log.warn({ error: message }, "Temporal cannot be reached: reconfiguration waits, the key-value side does not");
      told = message;
    }
    await systemClock.sleep(ENSURE_EVERY_MS, signal);
  }
}

/** The client's own message says what it tried, the cause why that failed. */
function withCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Members first: a coordinator that is not theirs stops by itself. Its workflow goes on from the replicas' config chain. */
async function takeover({ replica, temporal, log }: Parts): Promise<number> {
  const self = replica.report().self;
  if (self === null) throw new EpoxyError("notReady", "this replica is joining: another datacenter must take over");
  const members = await replica.changeMembers((now) => (now.coordinator === self ? null : { ...now, coordinator: self }), TAKEOVER_MS);
  await temporal.ensureWorkflows({ self, members });
  log.warn({}, "this datacenter holds the coordinator now");
  return (await temporal.reconfiguration())?.generation ?? 0;
}

/** The leader's config file as `setReplicas`, at start and on SIGHUP. */
function applyDesired({ settings, replica, log }: Parts, signal: AbortSignal): void {
  const { configFile } = settings;
  if (configFile === null) return;
  let latest = 0;
  const apply = async () => {
    const mine = ++latest;
    // Temporal and the worker may come later than this server.
    for (let told = ""; mine === latest && !signal.aborted; await systemClock.sleep(DESIRED_AGAIN_MS, signal)) {
      const { self, members } = replica.report();
      if (self === null || members?.coordinator !== self) return;
      try {
        const replicas = loadDesiredReplicas(configFile);
        if (replicas === null) return;
        const { generation } = await replica.coordinatorRequest("setReplicas", { replicas });
        return log.info({ generation }, "the config file's replicas are desired now");
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== told) log.error({ error: message }, "the config file's replicas were not taken");
        told = message;
        if (!(error instanceof EpoxyError) || error.status !== 503) return;
      }
    }
  };
  const onHangup = () => void apply();
  process.on("SIGHUP", onHangup);
  signal.addEventListener("abort", () => process.off("SIGHUP", onHangup), { once: true });
  void apply();
}
