/** A whole cluster: formed by its own means, with somebody who changes its members, and hands to break it. */
import { createUnencodedSealing, sealing as encodedSealing } from "../proposals/store/sealing.ts";
import { type Desired, type Driver, startDriver } from "./driver.ts";
import { createNetwork, type Network, type NetworkDeps, REGIONS } from "./network.ts";
import { createSite, openProcess, type Process, type Role, running, type Site, type SiteDeps } from "./site.ts";
import { createTemporal } from "./temporal.ts";
import { CALM, type Weather } from "./weather.ts";
import { pause, type World, within } from "./world.ts";

export type ClusterOptions = {
  readonly replicas: number;
  /** Server processes of each site, and whether a worker process runs beside them. */
  readonly servers: number;
  readonly worker: boolean;
  readonly encodes: boolean;
  readonly haste: number;
  readonly watch: Pick<NetworkDeps, "onRequest" | "onReply"> & { siteOpened(site: Site): void };
};

export type Cluster = {
  readonly sites: readonly Site[];
  readonly network: Network;
  readonly desired: Desired;
  readonly drivers: Driver[];
  weather: Weather;
  /** A new datacenter with an empty disk and its processes, wanted by nobody yet. */
  addSite(): Site;
  /** Starts what the site lacks of processes. */
  boot(site: Site): void;
  startProcess(site: Site, role: Role): Process;
  drive(site: Site): Driver;
  /** Bootstraps the first site and brings in the others. False: it did not form within the time. */
  form(): Promise<boolean>;
};

export function createCluster(world: World, options: ClusterOptions): Cluster {
  const dice = world.dice.fork("cluster");
  const sites: Site[] = [];
  const temporal = createTemporal(world);
  const desired: Desired = { wanted: new Map() };
  const network = createNetwork({
    world,
    weather: () => cluster.weather,
    sites: () => sites,
    encodes: options.encodes,
    haste: options.haste,
    ...options.watch,
  });
  const deps: SiteDeps = {
    world,
    weather: () => cluster.weather,
    peers: network.peers,
    workflows: temporal.workflows,
    // A third of them, so that callers and readers wait for each other.
    busyShare: ({ number, opened }) => ((number + opened) % 3 === 0 ? 0.9 : 0),
  };

  const startProcess = (site: Site, role: Role): Process => {
    const process = openProcess(deps, site, role);
    // A process that cannot start ends, and is started again.
    process.replica.start().catch((error) => process.kill(`it could not start: ${error}`));
    return process;
  };
  const cluster: Cluster = {
    sites,
    network,
    desired,
    drivers: [],
    weather: CALM,
    addSite() {
      const sealing = options.encodes ? encodedSealing : createUnencodedSealing();
      const site = createSite({ number: sites.length + 1, region: dice.between(0, REGIONS - 1), sealing });
      sites.push(site);
      options.watch.siteOpened(site);
      cluster.boot(site);
      return site;
    },
    boot(site) {
      if (site.lost) return;
      for (let servers = running(site).length; servers < options.servers; servers++) startProcess(site, "server");
      if (options.worker && running(site, "worker").length === 0) startProcess(site, "worker");
    },
    startProcess,
    drive(site) {
      const driver = startDriver(
        { world, temporal, sites: () => sites, desired, dice: dice.fork(`driver ${cluster.drivers.length}`) },
        site,
      );
      cluster.drivers.push(driver);
      return driver;
    },
    form: () => form(world, cluster, options.replicas),
  };
  return cluster;
}

async function form(world: World, cluster: Cluster, replicas: number): Promise<boolean> {
  const all = Array.from({ length: replicas }, () => cluster.addSite());
  const [first] = all as [Site];
  const [process] = running(first) as [Process];
  await pause(world, 1);
  const input = { clusterName: "sim", name: "dc-1", peerUrl: first.url, apiUrl: first.apiUrl };
  await within(world, 10_000, process.replica.bootstrap(input));
  for (const site of all) cluster.desired.wanted.set(site.number, { voter: true });
  const driver = cluster.drive(first);
  for (let waited = 0; waited < 60_000 && !driver.settled && world.violation === null; waited += 100) await pause(world, 100);
  return driver.settled;
}
