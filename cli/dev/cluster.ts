/** A whole local cluster: starts it, keeps it up, adds and kills datacenters, ends it. What `epoxy dev`, the demo and tests run. */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../client/client.ts";
import { RequestError } from "../../client/errors.ts";
import { CommandError } from "../exit.ts";
import { createDatacenter, type Datacenter, type DatacenterParts } from "./datacenter.ts";
import { addAll, until, untilAnswers, untilSettled, type Waiting } from "./join.ts";
import {
  apiUrl,
  type DatacenterPlace,
  host,
  type Layout,
  layoutOf,
  peerUrl,
  placeOf,
  portsOf,
  portsOfDatacenter,
  redisUrl,
  type Size,
} from "./layout.ts";
import { createLeash } from "./leash.ts";
import { findPrograms, namespace, portIsTaken, temporalIsUp, temporalSpec } from "./processes.ts";
import { openFolder, type Wanted, writeState } from "./state.ts";
import { type Died, type Supervised, supervise } from "./supervised.ts";
import { oneWayMs, type Region } from "./wan.ts";

export type ProcessKind = "server" | "worker" | "redis" | "temporal";
export type ClusterEvents = {
  /** A datacenter got further, in words; number 0 is Temporal. */
  readonly onProgress?: (number: number, text: string) => void;
  readonly onRestarted?: (event: { readonly datacenter: number; readonly process: ProcessKind; readonly pid: number }) => void;
  readonly onDied?: (died: Died) => void;
};
export type ClusterOptions = Wanted & {
  readonly regions?: readonly Region[] | null;
  readonly restart: boolean;
  /** Whoever starts the cluster passes on what arrives at the relay ports of its places. */
  readonly relayed?: boolean;
  readonly signal?: AbortSignal;
};

export type DatacenterView = {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly api: string;
  readonly peer: string;
  readonly redis: string;
  readonly pids: { readonly server: readonly number[]; readonly worker: readonly number[]; readonly redis: number | null };
};
export type ClusterView = {
  readonly datacenters: readonly DatacenterView[];
  readonly temporal: { readonly address: string; readonly ui: string; readonly namespace: string; readonly pid: number | null };
  readonly console: string;
};

export type LocalCluster = {
  readonly folder: string;
  readonly layout: Layout;
  /** What `epoxy dev --json` prints first. */
  describe(): Promise<ClusterView>;
  /** Starts one more datacenter's processes; it waits as `joining` until somebody adds it to the cluster. */
  startAnother(): Promise<DatacenterPlace>;
  /** kill -9 of all its processes, Redis among them. They stay down. */
  killDatacenter(number: number): Promise<void>;
  reviveDatacenter(number: number): Promise<void>;
  /** Its processes, each to be ended and started by itself. @throws RangeError where there is no such datacenter */
  partsOf(number: number): DatacenterParts;
  readonly temporal: Supervised;
  /** In order: workers and servers, then Temporal, then Redis. */
  stop(): Promise<void>;
};

const startMs = { base: 45_000, perDatacenter: 15_000 };
/** Processes that `kill -9` has just ended may hold their ports for a moment. */
const portsFreeMs = 3_000;
/** A process that dies so often before the cluster is up will not come up. */
const deathsAtStartMax = 3;

/** Resolves once all voters vote and are ready. @throws UsageError, CommandError; nothing is left running then */
export async function startCluster(options: ClusterOptions, events: ClusterEvents = {}): Promise<LocalCluster> {
  const programs = findPrograms();
  const opened = openFolder(options);
  const { folder } = opened;
  let { state } = opened;
  const { relayed = false } = options;
  const layout = layoutOf(state, folder, relayed);
  await claimPorts(portsOf(layout));

  const stopping = new AbortController();
  options.signal?.addEventListener("abort", () => stopping.abort(new CommandError("stopped before the cluster was up")), { once: true });
  if (options.signal?.aborted === true) throw new CommandError("stopped before the cluster was up");
  const starting = { is: true };
  const leash = createLeash();
  const onDied = (died: Died, deaths: number) => {
    events.onDied?.(died);
    if (starting.is && deaths >= deathsAtStartMax)
      stopping.abort(new CommandError(`${died.name} does not start (${died.how}): see ${died.logFile}`));
  };
  const watch = (datacenter: number, process: ProcessKind) => {
    let deaths = 0;
    return {
      leash,
      restart: options.restart,
      onDied: (died: Died) => onDied(died, options.restart || !starting.is ? ++deaths : deathsAtStartMax),
      onRestarted: (pid: number) => events.onRestarted?.({ datacenter, process, pid }),
    };
  };
  const peerUrls = layout.datacenters.map((place) => peerUrl(place));
  const make = (place: DatacenterPlace): Datacenter => {
    const wan = options.regions == null ? null : oneWayMs(options.regions, peerUrls, place.number - 1);
    return createDatacenter({ programs, layout, place, wan, watch: (kind) => watch(place.number, kind) });
  };

  const temporal = supervise(temporalSpec(programs, layout), watch(0, "temporal"));
  const all: Datacenter[] = layout.datacenters.map(make);
  const size: Size = state;

  async function stop(): Promise<void> {
    stopping.abort(new CommandError("stopped"));
    await Promise.all(all.map((each) => each.stopNodes()));
    await temporal.stop();
    await Promise.all(all.map((each) => each.stopRedis()));
    leash.end();
  }

  try {
    const waiting = waitingFor(layout.datacenters.length, stopping.signal, events);
    await bringUp({ all, layout, waiting });
    if (!state.formed) {
      await form(layout, waiting);
      state = { ...state, formed: true };
      writeState(folder, state);
    } else {
      await comeBack(layout, waiting);
    }
    starting.is = false;
  } catch (error) {
    await stop();
    if (error instanceof CommandError)
      throw new CommandError(`${error.message}; the logs are in ${folder}/logs`, error.exitCode, { cause: error });
    throw error;
  }

  return {
    folder,
    layout,
    describe: () => describe(layout, all, temporal.pid()),
    async startAnother() {
      const place = placeOf(all.length + 1, true, size, folder, relayed);
      await claimPorts(portsOfDatacenter(place));
      const added = make(place);
      all.push(added);
      const waiting = waitingFor(1, stopping.signal, events);
      await added.startNodes(waiting);
      await untilAnswers(place, waiting);
      return place;
    },
    async killDatacenter(number) {
      await all.find((each) => each.place.number === number)?.kill();
    },
    async reviveDatacenter(number) {
      await all.find((each) => each.place.number === number)?.revive(waitingFor(1, stopping.signal, events));
    },
    partsOf(number) {
      const found = all.find((each) => each.place.number === number);
      if (found === undefined) throw new RangeError(`there is no datacenter ${number}`);
      return found.parts();
    },
    temporal,
    stop,
  };
}

function waitingFor(datacenters: number, signal: AbortSignal, events: ClusterEvents): Waiting {
  const deadlineMs = performance.now() + startMs.base + startMs.perDatacenter * datacenters;
  return { deadlineMs, signal, say: (number, text) => events.onProgress?.(number, text) };
}

type Starting = { readonly all: readonly Datacenter[]; readonly layout: Layout; readonly waiting: Waiting };

/** Redis is up in a blink and Temporal in half a second: servers that find both need no second try of anything. */
async function bringUp({ all, layout, waiting }: Starting): Promise<void> {
  waiting.say(0, "starts");
  await until(waiting, () => temporalIsUp(layout.temporalPort)).catch((error) => {
    throw waiting.signal.aborted ? error : new CommandError(`Temporal does not come up; see ${layout.folder}/logs/temporal.log`);
  });
  waiting.say(0, "ready");
  await Promise.all(
    all.map(async (each) => {
      await each.startNodes(waiting);
      await untilAnswers(each.place, waiting);
      waiting.say(each.place.number, "up");
    }),
  );
}

async function form(layout: Layout, waiting: Waiting): Promise<void> {
  const [first, ...others] = layout.datacenters;
  if (first === undefined) throw new RangeError("a cluster has at least one datacenter");
  await untilSettled(first, "active", [first.name], waiting);
  await addAll(first, others, waiting);
  const voters = layout.datacenters.filter((place) => place.voter).map((place) => place.name);
  await Promise.all(
    layout.datacenters.map((place) => untilSettled(place, place.voter ? "active" : "learning", place.voter ? voters : [], waiting)),
  );
}

/** A formed cluster's own list counts: its datacenters may have been removed or changed since. */
async function comeBack(layout: Layout, waiting: Waiting): Promise<void> {
  await Promise.all(
    layout.datacenters.map(async (place) => {
      const client = createClient({ endpoints: [apiUrl(place)], timeoutMs: 2_000, triesMax: 1 });
      try {
        let status = "unknown";
        await until(waiting, async () => {
          status = (await client.cluster()).replica.status;
          waiting.say(place.number, status);
          if (status !== "active") return ["joining", "learning", "removed"].includes(status);
          await client.raw("/readyz");
          return true;
        });
        waiting.say(place.number, status === "active" ? "ready" : status);
      } finally {
        await client.close();
      }
    }),
  );
}

async function describe(layout: Layout, all: readonly Datacenter[], temporalPid: number | null): Promise<ClusterView> {
  const datacenters = await Promise.all(
    all.map(async ({ place, pids }): Promise<DatacenterView> => {
      const { id, status } = await identityOf(place);
      return { id, name: place.name, status, api: apiUrl(place), peer: peerUrl(place), redis: redisUrl(place), pids: pids() };
    }),
  );
  const temporal = { address: `${host}:${layout.temporalPort}`, ui: `http://${host}:${layout.uiPort}`, namespace, pid: temporalPid };
  return { datacenters, temporal, console: `${datacenters[0]?.api}/` };
}

async function identityOf(place: DatacenterPlace): Promise<{ id: number; status: string }> {
  const client = createClient({ endpoints: place.servers.map((_, index) => apiUrl(place, index)), timeoutMs: 3_000, triesMax: 3 });
  try {
    const { replica } = await client.cluster();
    return { id: replica.id, status: replica.status };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { id: place.number, status: "unreachable" };
  } finally {
    await client.close();
  }
}

/** @throws CommandError naming the port and what needs it */
async function claimPorts(ports: ReadonlyMap<number, string>): Promise<void> {
  const deadlineMs = performance.now() + portsFreeMs;
  for (const [port, what] of ports) {
    while (await portIsTaken(port)) {
      if (performance.now() > deadlineMs) {
        throw new CommandError(`port ${port} (${what}) is in use: end the process that listens there, or choose others with --port`);
      }
      await sleep(100);
    }
  }
}
