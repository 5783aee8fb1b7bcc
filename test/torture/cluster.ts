/** The cluster of a campaign: real processes, each ended and started by itself, with a relay that owns every link between datacenters. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalCluster, startCluster } from "../../cli/dev/cluster.ts";
import type { DatacenterPlace } from "../../cli/dev/layout.ts";
import type { Died, Supervised } from "../../cli/dev/supervised.ts";
import { type Api, apiAt, eventually } from "../support/api.ts";
import { freeBase } from "../support/cluster.ts";
import { compileSynced } from "./disk/synced.ts";
import { createLinks, type Links } from "./proxy.ts";

export type Part = "server" | "worker" | "redis";
export const parts: readonly Part[] = ["server", "worker", "redis"];

export type TortureCluster = {
  readonly datacenters: readonly number[];
  readonly folder: string;
  readonly links: Links;
  /** Processes that ended without being asked to. */
  readonly died: readonly Died[];
  readonly temporal: Supervised;
  /** How many processes `kill` has ended so far. */
  readonly killed: Readonly<Record<Part, number>>;
  place(datacenter: number): DatacenterPlace;
  api(datacenter: number): Api;
  /** kill -9; they stay down until `start`. All parts unless named. */
  kill(datacenter: number, ...which: Part[]): Promise<void>;
  /** SIGTERM, and SIGKILL where that takes too long; as `kill` else. */
  stop(datacenter: number, ...which: Part[]): Promise<void>;
  start(datacenter: number, ...which: Part[]): void;
  pause(datacenter: number, ...which: Part[]): void;
  /** SIGCONT; without harm where nothing is stopped. */
  resume(datacenter: number, ...which: Part[]): void;
  pid(datacenter: number, part: Part): number | null;
  /** That process of it ends itself at the step whose name is written there. */
  failpointFile(datacenter: number, part: "server" | "worker"): string;
  /** What the wall clock of its processes shows, see failpoints/clock.mjs; absent: the right time. */
  clockFile(datacenter: number): string;
  /** Ends every fault: links whole, everything going and started. */
  heal(): void;
  /** Resolves with how long it took until all of them, or those named, said that they serve. @throws Error after `withinMs` */
  untilReady(withinMs: number, which?: readonly number[]): Promise<number>;
  /** One more datacenter, with a relay before it; it waits as `joining`. */
  startAnother(): Promise<DatacenterPlace>;
  /** What a process has printed. */
  log(name: string): string;
  end(): Promise<void>;
};

/** @throws CommandError when it does not come up */
export async function startTortureCluster(datacenters: number, { signed = false } = {}): Promise<TortureCluster> {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-torture-"));
  const failpoints = mkdtempSync(join(tmpdir(), "epoxy-failpoints-"));
  process.env["EPOXY_TEST_FAILPOINTS"] = failpoints;
  const preloads = [new URL("failpoints/hook.mjs", import.meta.url).href, new URL("failpoints/clock.mjs", import.meta.url).href];
  // A local cluster takes secrets away from its processes' environment: each puts this one back before it reads its settings.
  if (signed) preloads.push("data:text/javascript,process.env.EPOXY_PEER_SECRET=process.env.TORTURE_PEER_SECRET");
  process.env["TORTURE_PEER_SECRET"] = "the secret of a cluster that is tortured";
  process.env["NODE_OPTIONS"] = preloads.map((url) => `--import=${url}`).join(" ");
  const synced = compileSynced(failpoints);
  if (synced === null) delete process.env["LD_PRELOAD"];
  else process.env["LD_PRELOAD"] = synced;
  const port = await freeBase();
  const died: Died[] = [];
  const links = createLinks();
  for (let number = 1; number <= datacenters; number++) await links.open(number, relayPort(port, number), relayPort(port, number) - 2);
  let local: LocalCluster;
  try {
    local = await startCluster(
      { datacenters, learners: 0, servers: 1, port, data: folder, restart: false, relayed: true },
      { onDied: (death) => void died.push(death) },
    );
  } catch (error) {
    await links.close();
    throw error;
  }
  return handleOf(local, { links, died, port, failpoints });
}

/** As cli/dev/layout.ts lays them out; the relays have to listen before the first server asks for one. */
function relayPort(port: number, datacenter: number): number {
  return port + 10 * datacenter + 3;
}

type Around = { readonly links: Links; readonly died: Died[]; readonly port: number; readonly failpoints: string };

function handleOf(local: LocalCluster, { links, died, port, failpoints }: Around): TortureCluster {
  const datacenters = local.layout.datacenters.map(({ number }) => number);
  const supervised = (datacenter: number, which: readonly Part[]): Supervised[] => {
    const { redis, servers, workers } = local.partsOf(datacenter);
    const wanted = which.length === 0 ? parts : which;
    return wanted.flatMap((part) => (part === "redis" ? [redis] : part === "server" ? servers : workers));
  };
  const signal = (name: NodeJS.Signals, datacenter: number, which: readonly Part[]) => {
    for (const each of supervised(datacenter, which)) send(each, name);
  };
  const killed: Record<Part, number> = { server: 0, worker: 0, redis: 0 };
  const places = new Map(local.layout.datacenters.map((place) => [place.number, place]));
  const placeOf = (datacenter: number): DatacenterPlace => {
    const place = places.get(datacenter);
    if (place === undefined) throw new RangeError(`there is no datacenter ${datacenter}`);
    return place;
  };
  const api = (datacenter: number) => apiAt(`http://127.0.0.1:${placeOf(datacenter).servers[0]?.apiPort}`);
  const heal = () => {
    links.heal();
    if (local.temporal.pid() === null) local.temporal.start();
    for (const datacenter of datacenters) {
      signal("SIGCONT", datacenter, []);
      for (const each of supervised(datacenter, [])) each.start();
    }
  };
  return {
    datacenters,
    folder: local.folder,
    links,
    died,
    temporal: local.temporal,
    killed,
    place: placeOf,
    api,
    async kill(datacenter, ...which) {
      for (const part of which.length === 0 ? parts : which) if (supervised(datacenter, [part])[0]?.pid() != null) killed[part]++;
      await Promise.all(supervised(datacenter, which).map((each) => each.kill()));
    },
    async stop(datacenter, ...which) {
      await Promise.all(supervised(datacenter, which).map((each) => each.stop()));
    },
    start: (datacenter, ...which) => {
      for (const each of supervised(datacenter, which)) each.start();
    },
    pause: (datacenter, ...which) => signal("SIGSTOP", datacenter, which),
    resume: (datacenter, ...which) => signal("SIGCONT", datacenter, which),
    pid: (datacenter, part) => supervised(datacenter, [part])[0]?.pid() ?? null,
    failpointFile: (datacenter, part) => join(failpoints, `${placeOf(datacenter).name}.${part}`),
    clockFile: (datacenter) => join(failpoints, `${placeOf(datacenter).name}.clock`),
    heal,
    untilReady: (withinMs, which = datacenters) =>
      eventually(`datacenters ${which.join(", ")} are ready`, withinMs, async () =>
        (await Promise.all(which.map((each) => api(each).isReady()))).every(Boolean),
      ),
    async startAnother() {
      const number = datacenters.length + 1;
      await links.open(number, relayPort(port, number), relayPort(port, number) - 2);
      const place = await local.startAnother();
      places.set(number, place);
      datacenters.push(number);
      return place;
    },
    log: (name) => readFileSync(join(local.folder, "logs", `${name}.log`), "utf8"),
    async end() {
      heal();
      await local.stop();
      await links.close();
      delete process.env["LD_PRELOAD"];
      rmSync(failpoints, { recursive: true, force: true });
      if (process.env["EPOXY_TEST_KEEP"] === undefined) rmSync(local.folder, { recursive: true, force: true });
      else console.log(`kept ${local.folder}`);
    },
  };
}

function send(each: Supervised, signal: NodeJS.Signals): void {
  const pid = each.pid();
  if (pid === null) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}
