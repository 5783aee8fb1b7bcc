/** Where a server or worker process is put together; besides cli/dev the only place where everything meets. */
import { existsSync, readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import type { Replica } from "../proposals/api.ts";
import type { Workflows } from "../proposals/ports.ts";
import { createReplica } from "../proposals/replica.ts";
import { openRedisStore, type RedisStore } from "../proposals/store/redis.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { buildApp } from "./app.ts";
import { systemClock, systemRandom } from "./clock.ts";
import { loadDesiredReplicas, type Settings } from "./config.ts";
import { createLogger, printableUrl } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { buildPeerApp } from "./peer-app.ts";
import { createHttpPeers, type HttpPeers } from "./peers.ts";
import { createTemporal, type Temporal } from "./temporal.ts";
import { createWanDelays } from "./wan.ts";
import { startWorker } from "./worker.ts";

const ENSURE_EVERY_MS = 2_000;
const DURABILITY_EVERY_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_PUBLIC_MS = 5_000;
const CLOSE_PEERS_MS = 500;
const CLOSE_PART_MS = 1_000;
const TAKEOVER_MS = 10_000;

type Parts = {
  readonly settings: Settings;
  readonly log: ReturnType<typeof createLogger>;
  readonly metrics: Metrics;
  readonly store: RedisStore;
  readonly peers: HttpPeers;
  readonly temporal: Temporal;
  readonly replica: Replica;
  readonly wan: ReturnType<typeof createWanDelays> | null;
};

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
  log.info({ name: settings.name, api: settings.apiUrl, peer: settings.peerUrl, replica: replica.report().self }, "epoxy server is up");
  void keepWorkflows(parts, stopping.signal);
  applyDesired(parts, stopping.signal);

  await new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve(), { once: true }));
  // Callers first, while this replica can still answer them; then the other datacenters.
  await closeApp(publicApp, CLOSE_PUBLIC_MS);
  await bounded(replica.stop());
  await closeApp(peerApp, CLOSE_PEERS_MS);
  await close(parts);
}

/** Lets requests under way end, for so long; connections that wait for a next request are closed at once. */
async function closeApp(app: FastifyInstance, ms: number): Promise<void> {
  const done = new AbortController();
  const closing = app.close().finally(() => done.abort());
  const deadlineMs = systemClock.monotonicMs() + ms;
  while (!done.signal.aborted && systemClock.monotonicMs() < deadlineMs) {
    app.server.closeIdleConnections();
    await systemClock.sleep(50, done.signal);
  }
  app.server.closeAllConnections();
  await bounded(closing);
}

function bounded(work: Promise<unknown>): Promise<unknown> {
  return Promise.race([work, systemClock.sleep(CLOSE_PART_MS)]);
}

/** Runs `epoxy worker` until a signal ends it. */
export async function runWorker(settings: Settings): Promise<void> {
  const parts = await assemble(settings, "worker");
  const { log, replica } = parts;
  const stopping = stopOnSignals(log);
  await watchDurability(parts, stopping.signal);
  await replica.start();
  refuseForeignData(parts);
  await startWorker({ settings: temporalSettings(settings), replica, log, signal: stopping.signal });
  await close(parts);
}

async function assemble(settings: Settings, role: "server" | "worker"): Promise<Parts> {
  const log = createLogger({ level: settings.logLevel, fields: { role, name: settings.name } });
  let replica: Replica | null = null;
  const metrics = createMetrics(() => replica?.report() ?? null);
  const { meter } = metrics;
  const wan = settings.wanOneWayMs.size === 0 ? null : createWanDelays(settings.wanOneWayMs, () => replica?.report().members ?? null);
  const store = await openStore(settings, role, log);
  const peers = createHttpPeers({
    header: (to) => (replica as Replica).header(to),
    clock: systemClock,
    meter,
    secrets: settings.peerSecrets,
    wan,
  });
  const temporal = createTemporal({ settings: temporalSettings(settings), self: () => replica?.report().self ?? null, log });
  const workflows: Workflows = temporal.workflows;
  replica = createReplica(
    { store, peers, clock: systemClock, random: systemRandom, workflows, log, meter },
    { build: buildName(), loops: role === "server" ? "all" : "sync", onFatal: (error) => endNow(error, log) },
  );
  return { settings, log, metrics, store, peers, temporal, replica, wan };
}

/** Our own code is wrong: what this process would do next is not to be trusted. Its state is in Redis, and another one goes on. */
function endNow(error: Error, log: Parts["log"]): never {
  log.error({ err: error }, "an invariant is violated: this process ends");
  process.exit(70);
}

async function openStore(settings: Settings, role: string, log: Parts["log"]): Promise<RedisStore> {
  const url = printableUrl(settings.redisUrl);
  try {
    return await openRedisStore({
      url: settings.redisUrl,
      processId: `${role}-${process.pid}`,
      log,
      onStateChange: (isReachable) =>
        isReachable
          ? log.info({ redis: url }, "Redis can be reached")
          : log.warn({ redis: url }, "Redis cannot be reached: this replica does not vote"),
    });
  } catch (error) {
    throw new EpoxyError(
      "notReady",
      `Redis at ${url} cannot be reached (${error instanceof Error ? error.message : String(error)}): start it, or give another --redis`,
    );
  }
}

function temporalSettings({ cluster, temporal }: Settings) {
  return { cluster, address: temporal.address, namespace: temporal.namespace, uiUrl: temporal.uiUrl };
}

/** Another datacenter's disk under this name would vote twice for one and never for the other. */
function refuseForeignData({ replica, settings }: Parts): void {
  const { self, clusterName, members } = replica.report();
  if (self === null) return;
  if (clusterName !== settings.cluster) {
    throw new EpoxyError(
      "badRequest",
      `this Redis holds replica ${self} of cluster "${clusterName}", not of "${settings.cluster}": give the right --redis or --cluster`,
    );
  }
  const member = members?.members.find(({ id }) => id === self);
  if (member !== undefined && member.name !== settings.name) {
    throw new EpoxyError(
      "badRequest",
      `this Redis holds replica ${self}, datacenter "${member.name}", not "${settings.name}": give the right --redis or --name`,
    );
  }
}

/** Looks at the Redis settings now and then; while they may lose data, this replica does not vote. */
async function watchDurability({ store, replica, log }: Parts, signal: AbortSignal): Promise<() => readonly string[]> {
  let problems: readonly string[] = [];
  const look = async () => {
    try {
      const found = await store.checkDurability();
      if (found.length > 0 && found.join() !== problems.join()) log.error({}, `this replica does not vote: ${found.join("; ")}`);
      if (found.length === 0 && problems.length > 0) log.info({}, "Redis keeps what it acknowledges again");
      problems = found;
      replica.setUnfit(found.length === 0 ? null : found.join("; "));
    } catch {
      // Not reachable: told by the store itself.
    }
  };
  await look();
  void (async () => {
    for (;;) {
      await systemClock.sleep(DURABILITY_EVERY_MS, signal);
      if (signal.aborted) return;
      await look();
    }
  })();
  return () => (store.reachable() ? problems : ["Redis cannot be reached"]);
}

async function listenPublic(parts: Parts, durability: () => readonly string[]): Promise<FastifyInstance> {
  const { settings, replica, store, log, metrics, temporal } = parts;
  const app = buildApp({
    replica,
    store,
    clock: systemClock,
    random: systemRandom,
    log,
    meter: metrics.meter,
    metrics: metrics.registry,
    tokens: settings.tokens,
    reconfiguration: () => temporal.reconfiguration(),
    takeover: () => takeover(parts),
    readyProblems: async () => durability(),
    inFlightMax: limits.inFlightMax,
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
      const message = error instanceof Error ? error.message : String(error);
      if (message !== told) log.warn({ error: message }, "Temporal cannot be reached: reconfiguration waits, the key-value side does not");
      told = message;
    }
    await systemClock.sleep(ENSURE_EVERY_MS, signal);
  }
}

/** Members first: a coordinator that is not theirs stops by itself. Its workflow goes on from the replicas' config chain. */
async function takeover({ replica, temporal, log }: Parts): Promise<number> {
  const self = replica.report().self;
  if (self === null) throw new EpoxyError("notReady", "this replica is joining: another datacenter must take over");
  const members = await replica.changeMembers((now) => (now.coordinator === self ? null : { ...now, coordinator: self }), TAKEOVER_MS);
  await temporal.ensureWorkflows({ self, members });
  log.warn({ replica: self }, "this datacenter holds the coordinator now");
  return (await temporal.reconfiguration())?.generation ?? 0;
}

/** The leader's config file as `setReplicas`, at start and on SIGHUP. */
function applyDesired({ settings, replica, log }: Parts, signal: AbortSignal): void {
  const { configFile } = settings;
  if (configFile === null) return;
  const apply = async () => {
    const { self, members } = replica.report();
    if (self === null || members?.coordinator !== self) return;
    try {
      const replicas = loadDesiredReplicas(configFile);
      if (replicas === null) return;
      const { generation } = await replica.coordinatorRequest("setReplicas", { replicas });
      log.info({ generation }, "the config file's replicas are desired now");
    } catch (error) {
      log.error({ error: error instanceof Error ? error.message : String(error) }, "the config file's replicas were not taken");
    }
  };
  const onHangup = () => void apply();
  process.on("SIGHUP", onHangup);
  signal.addEventListener("abort", () => process.off("SIGHUP", onHangup), { once: true });
  void apply();
}

function stopOnSignals(log: Parts["log"]): AbortController {
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      log.info({ signal: name }, "stopping");
      stopping.abort();
    });
  }
  return stopping;
}

async function close({ replica, store, peers, temporal }: Parts): Promise<void> {
  await bounded(replica.stop());
  await bounded(Promise.all([peers.close(), store.close()]));
  await bounded(temporal.close());
}

/** The package's version; the compiled tree lies one folder deeper than the sources. */
function buildName(): string {
  const url = ["../package.json", "../../package.json"]
    .map((path) => new URL(path, import.meta.url))
    .find((candidate) => existsSync(candidate));
  if (url === undefined) return "unknown";
  return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
}
