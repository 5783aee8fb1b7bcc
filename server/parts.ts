/** What a server and a worker process have in common: a replica over its store, its peers and its Temporal. */
import { existsSync, readFileSync } from "node:fs";
import type { Replica } from "../proposals/api.ts";
import type { Workflows } from "../proposals/ports.ts";
import { createReplica } from "../proposals/replica.ts";
import { openRedisStore, type RedisStore } from "../proposals/store/redis.ts";
import { Contradiction } from "../protocol/assert.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { systemClock, systemRandom } from "./clock.ts";
import type { Settings } from "./config.ts";
import { createLogger, printableUrl } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createHttpPeers, type HttpPeers } from "./peers.ts";
import { createTemporal, type Temporal } from "./temporal.ts";
import { createWanDelays } from "./wan.ts";

const DURABILITY_EVERY_MS = 5_000;
const CLOSE_PART_MS = 1_000;
const MEMBERS_MS = 5_000;

export type Parts = {
  readonly build: string;
  readonly settings: Settings;
  readonly log: ReturnType<typeof createLogger>;
  readonly metrics: Metrics;
  readonly store: RedisStore;
  readonly peers: HttpPeers;
  readonly temporal: Temporal;
  readonly replica: Replica;
  readonly wan: ReturnType<typeof createWanDelays> | null;
};

export async function assemble(settings: Settings, role: "server" | "worker"): Promise<Parts> {
  let replica: Replica | null = null;
  const log = createLogger({ level: settings.logLevel, fields: { role, name: settings.name }, self: () => replica?.report() ?? null });
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
  const build = buildName();
  const self = () => replica?.report().self ?? null;
  const hasCoordinator = async () => (await replica?.changeMembers(() => null, MEMBERS_MS))?.coordinator === self();
  const temporal = createTemporal({ settings: temporalSettings(settings), self, hasCoordinator, log });
  const workflows: Workflows = temporal.workflows;
  replica = createReplica(
    { store, peers, clock: systemClock, random: systemRandom, workflows, log, meter },
    {
      build,
      loops: role === "server" ? "all" : "sync",
      onFatal: (error) => (error instanceof Contradiction ? noteContradiction(error, log, meter) : endNow(error, log)),
    },
  );
  return { settings, build, log, metrics, store, peers, temporal, replica, wan };
}

/** Nothing of it was written: what is decided here stays, and somebody has to look who is wrong. */
function noteContradiction(error: Contradiction, log: Parts["log"], meter: Metrics["meter"]): void {
  meter.count("epoxy_contradictions_total");
  log.error(
    { err: error },
    "another replica calls something decided that is decided otherwise here: compare the two with `epoxy instance`",
  );
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

export function temporalSettings({ cluster, temporal }: Settings) {
  return { cluster, address: temporal.address, namespace: temporal.namespace, uiUrl: temporal.uiUrl };
}

/** Another datacenter's disk under this name would vote twice for one and never for the other. */
export function refuseForeignData({ replica, settings }: Parts): void {
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
export async function watchDurability({ store, replica, log }: Parts, signal: AbortSignal): Promise<() => readonly string[]> {
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

/** Whatever `work` does, not for longer than a part may take to close. */
export function bounded(work: Promise<unknown>): Promise<unknown> {
  return Promise.race([work, systemClock.sleep(CLOSE_PART_MS)]);
}

export function stopOnSignals(log: Parts["log"]): AbortController {
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      log.info({ signal: name }, "stopping");
      stopping.abort();
    });
  }
  return stopping;
}

export async function close({ replica, store, peers, temporal }: Parts): Promise<void> {
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
