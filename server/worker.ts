/** One `epoxy worker`: runs this datacenter's workflows and their activities. Stateless; any number may run. */
import { Connection, isGrpcServiceError } from "@temporalio/client";
import { IllegalStateError } from "@temporalio/common";
import { encodeSearchAttributeIndexedValueType } from "@temporalio/common/lib/search-attributes.js";
import { NativeConnection, Runtime, type RuntimeOptions, Worker } from "@temporalio/worker";
import { createActivities } from "../activities/index.ts";
import type { Replica } from "../proposals/api.ts";
import type { Logger } from "../proposals/ports.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { searchAttributes, taskQueueName } from "../workflows/messages.ts";
import { connectionSettings, RECONNECT, type TemporalSettings } from "./temporal.ts";
import { workflowBundle } from "./workflow-bundle.ts";

const LOOK_EVERY_MS = 500;
const CONNECT_EVERY_MS = 1_000;
const SETUP_MS = 5_000;
const PROBE_EVERY_MS = 1_000;
const PROBE_MS = 2_000;
/** After so long Temporal has given up what a worker was doing for it, since that beats as often. */
const AWAY_MS = 5_000;

export type WorkerDeps = {
  readonly settings: TemporalSettings;
  readonly replica: Replica;
  readonly log: Logger;
  /** Ends the worker in order: no new tasks, running activities are told and get shutdownGraceMs. */
  readonly signal: AbortSignal;
  readonly shutdownGraceMs?: number;
};

/**
 * Waits until this replica has an identity and Temporal can be reached, then works until `signal` aborts. Where Temporal was away,
 * it works anew from the moment it is back: the former worker asks again only after ten seconds, and ends in its own time.
 *
 * @throws when the worker itself fails; its process should then end and be started again
 */
export async function startWorker(deps: WorkerDeps): Promise<void> {
  const { settings, replica, log, signal } = deps;
  installRuntime(log);
  const self = await waitForIdentity(replica, log, signal);
  const { connection: options } = connectionSettings(settings);
  const former: Promise<void>[] = [];
  while (self !== null) {
    const connection = await connect(options, log, signal);
    if (connection === null) break;
    const replaced = new AbortController();
    const ends = AbortSignal.any([signal, replaced.signal]);
    try {
      const running = work(deps, { self, connection, ends });
      const isBack = await Promise.race([running.then(() => false), untilBack(options, ends)]);
      if (!isBack) return await running;
      log.info({}, "Temporal was away and is back: working anew");
      former.push(running.catch((error: unknown) => log.warn({ error: String(error) }, "the worker of before did not end in order")));
    } finally {
      replaced.abort();
    }
  }
  await Promise.all(former);
}

type Round = { readonly self: ReplicaId; readonly connection: NativeConnection; readonly ends: AbortSignal };

async function work({ settings, replica, log, shutdownGraceMs = 5_000 }: WorkerDeps, { self, connection, ends }: Round): Promise<void> {
  const { connection: options, namespace } = connectionSettings(settings);
  try {
    await registerSearchAttributes(options, namespace, log);
    const taskQueue = taskQueueName(settings.cluster, self);
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities: createActivities({ replica, log }),
      shutdownGraceTime: shutdownGraceMs,
      shutdownForceTime: shutdownGraceMs + 5_000,
      maxCachedWorkflows: 200,
      // Tasks for what a killed worker had in memory go to another one after this; its successor replays the history.
      stickyQueueScheduleToStartTimeout: "2 seconds",
      // So that the phase of a change of voters is seen while it lasts.
      maxHeartbeatThrottleInterval: 500,
    });
    const stop = () => {
      if (worker.getState() === "RUNNING") worker.shutdown();
    };
    const running = worker.run();
    ends.addEventListener("abort", stop, { once: true });
    if (ends.aborted) stop();
    log.info({ taskQueue, namespace }, "the worker runs");
    await running;
  } finally {
    await connection.close();
  }
}

/** True once Temporal answers that did not for a while; false when `signal` aborts first. */
async function untilBack(options: ReturnType<typeof connectionSettings>["connection"], signal: AbortSignal): Promise<boolean> {
  const connection = Connection.lazy({ ...options, channelArgs: RECONNECT });
  let answeredMs = performance.now();
  try {
    for (;;) {
      await sleep(PROBE_EVERY_MS, signal);
      if (signal.aborted) return false;
      try {
        await connection.withDeadline(Date.now() + PROBE_MS, () => connection.workflowService.getSystemInfo({}));
      } catch {
        continue;
      }
      const silentMs = performance.now() - answeredMs;
      if (silentMs > AWAY_MS) return true;
      answeredMs += silentMs;
    }
  } finally {
    await connection.close();
  }
}

let installed = false;

/** A process may install one. Signals are the process's business, not the runtime's. */
function installRuntime(log: Logger): void {
  if (installed) return;
  installed = true;
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: object) => log[level](fields ?? {}, message);
  const [debug, info, warn, error] = [write("debug"), write("info"), write("warn"), write("error")];
  const logger: NonNullable<RuntimeOptions["logger"]> = {
    trace: debug,
    debug,
    info: debug,
    warn,
    error,
    log: (level, message, fields) =>
      (level === "ERROR" ? error : level === "WARN" ? warn : level === "INFO" ? info : debug)(message, fields),
  };
  try {
    Runtime.install({ logger, shutdownSignals: [] });
  } catch (error) {
    // Whoever embeds this may have its own.
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

/** The coordinator gives it when the replica is added; null when the process ends first. */
async function waitForIdentity(replica: Replica, log: Logger, signal: AbortSignal): Promise<ReplicaId | null> {
  let told = false;
  while (!signal.aborted) {
    const { self } = replica.report();
    if (self !== null) return self;
    if (!told) log.info({}, "waiting until the coordinator adds this replica");
    told = true;
    await sleep(LOOK_EVERY_MS, signal);
  }
  return null;
}

async function connect(
  options: ReturnType<typeof connectionSettings>["connection"],
  log: Logger,
  signal: AbortSignal,
): Promise<NativeConnection | null> {
  let told = "";
  while (!signal.aborted) {
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== told) log.warn({ address: options.address, error: message }, "Temporal cannot be reached; trying on");
      told = message;
      await sleep(CONNECT_EVERY_MS, signal);
    }
  }
  return null;
}

/** A dev server lets us; elsewhere an operator has made them, and then there is nothing to do. Workflows cannot run without them. */
async function registerSearchAttributes(
  options: ReturnType<typeof connectionSettings>["connection"],
  namespace: string,
  log: Logger,
): Promise<void> {
  const connection = await Connection.connect(options);
  try {
    await connection.withDeadline(Date.now() + SETUP_MS, async () => {
      const known = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = Object.values(searchAttributes).filter(({ name }) => known.customAttributes[name] === undefined);
      if (missing.length === 0) return;
      const wanted = Object.fromEntries(missing.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type) ?? 0]));
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: wanted });
      log.info({ searchAttributes: missing.map(({ name }) => name) }, "search attributes were registered");
    });
  } catch (error) {
    // Two workers that start at once both try.
    if (isGrpcServiceError(error) && error.code === 6) return;
    const names = Object.values(searchAttributes)
      .map(({ name, type }) => `${name} ${type}`)
      .join(", ");
    log.warn(
      { error: error instanceof Error ? error.message : String(error) },
      `the search attributes could not be registered; ask Temporal's operator for: ${names}`,
    );
  } finally {
    await connection.close();
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
