/** The protocol as shipped: the replicas of proposals/ on disks in memory, every invariant of the simulator checked at each write. */
import { type PeerAnswer, type Peers, PeerUnreachable } from "../proposals/ports.ts";
import { createUnencodedSealing } from "../proposals/store/sealing.ts";
import { instanceName } from "../protocol/ids.ts";
import type { PeerRequest, RequestEnvelope } from "../protocol/messages.ts";
import type { Bytes, InstanceId, InstanceRecord, Key, ReplicaId } from "../protocol/types.ts";
import { encodeReply, encodeRequest, LATEST_VERSION } from "../protocol/wire/versioned.ts";
import { type Desired, startDriver } from "../sim/driver.ts";
import { createObserver } from "../sim/invariants/observer.ts";
import { createSite, openProcess, type Process, running, type Site } from "../sim/site.ts";
import { createTemporal } from "../sim/temporal.ts";
import { CALM } from "../sim/weather.ts";
import { pause, type World, within } from "../sim/world.ts";
import { oneWay } from "./delay.ts";
import { createGate } from "./gate.ts";
import { dueMs } from "./queuing.ts";
import type { Cluster, Operation, Setting } from "./setting.ts";

/** As long as the API lets a caller wait. */
const TIMEOUT_MS = 60_000;
const FORM_MS = 120_000;

/** What one disk tells: when its replica committed and executed what. */
type Seen = {
  readonly committedMs: Map<InstanceId, number>;
  readonly executed: Set<InstanceId>;
  readonly waits: Map<InstanceId, readonly InstanceId[]>;
  readonly depths: Map<InstanceId, number>;
  readonly order: Map<string, InstanceId[]>;
};

export function createShippedCluster(world: World, setting: Setting): Cluster {
  const observer = createObserver(world);
  const traffic = { messages: 0, bytes: 0 };
  const problems: string[] = [];
  const sites = setting.placement.map((_, i) => createSite({ number: i + 1, region: 0, sealing: createUnencodedSealing() }));
  const seen = sites.map((site): Seen => {
    const found: Seen = { committedMs: new Map(), executed: new Set(), waits: new Map(), depths: new Map(), order: new Map() };
    observer.siteOpened(site);
    const check = site.disk.watch;
    site.disk.watch = (applied) => {
      check?.(applied);
      readAlong(world, site, found, applied);
    };
    return found;
  });
  const peers = createPeers({ world, setting, sites, observer, traffic });
  const temporal = createTemporal(world);
  const desired: Desired = { wanted: new Map() };
  const isBounded = setting.protocol === "epaxos-star-bounded";
  const gates = sites.map(() => createGate());

  async function form(): Promise<void> {
    for (const site of sites) {
      const { replica } = openProcess(
        { world, weather: () => CALM, peers, workflows: temporal.workflows, busyShare: () => 0 },
        site,
        "server",
      );
      await replica.start();
      desired.wanted.set(site.number, { voter: true });
    }
    const [first] = sites as [Site];
    const input = { clusterName: "lab", name: "dc-1", peerUrl: first.url, apiUrl: first.apiUrl };
    await within(world, 10_000, processOf(first).replica.bootstrap(input));
    const driver = startDriver({ world, temporal, sites: () => sites, desired, dice: world.dice.fork("driver") }, first);
    for (let waited = 0; waited < FORM_MS && !driver.settled; waited += 100) await pause(world, 100);
    if (!driver.settled) throw new Error("the cluster did not form");
    driver.stopped = true;
    if (setting.down !== null) processOf(sites[setting.down] as Site).kill("it is down in this setting");
  }
  return {
    form,
    run: (operation) => {
      const ask = () => run(world, processOf(sites[operation.site] as Site), seen[operation.site] as Seen, operation, setting, problems);
      const gate = gates[operation.site];
      return isBounded && !operation.isRead && gate !== undefined ? gate.through(operation.key, ask) : ask();
    },
    orders: () => seen.filter((_, i) => i !== setting.down).map(({ order }) => order),
    traffic: () => ({ ...traffic }),
    problems,
  };
}

function processOf(site: Site): Process {
  const [process] = running(site);
  if (process === undefined) throw new Error(`datacenter ${site.number} is down`);
  return process;
}

async function run(world: World, process: Process, seen: Seen, operation: Operation, setting: Setting, problems: string[]): Promise<void> {
  const key = operation.key as Key;
  try {
    if (operation.isRead) {
      const { version } = await process.replica.read(key, "linearizable", TIMEOUT_MS);
      Object.assign(operation, { version, commitMs: world.schedule.nowMs() });
    } else {
      const value: Bytes = new Uint8Array(setting.workload.valueBytes);
      const input = { commands: [{ kind: "set", key, value } as const], idempotencyKey: null, timeoutMs: TIMEOUT_MS };
      const { instance, path } = await process.replica.propose(input);
      operation.version = (seen.order.get(key)?.indexOf(instance) ?? -1) + 1;
      operation.commitMs = seen.committedMs.get(instance) ?? null;
      operation.path = path === "fast" ? "fast" : "slow";
      operation.chain = seen.depths.get(instance) ?? 1;
      if (operation.version === 0) problems.push(`${instanceName(instance)} was answered and not executed`);
    }
    operation.endMs = world.schedule.nowMs();
  } catch (error) {
    // Without an end it counts as not answered.
    world.trace.line([], () => `operation ${operation.number}: ${error}`);
  }
}

type Applied = Parameters<NonNullable<Site["disk"]["watch"]>>[0];

function readAlong({ schedule }: World, { sealing }: Site, seen: Seen, { puts, appends }: Applied): void {
  for (const { name, bytes } of puts) {
    if (name[0] !== "i" || name[1] !== ":") continue;
    const record = sealing.unseal({ kind: "instance", name }, bytes).record as InstanceRecord;
    if (record.phase !== "committed" || seen.committedMs.has(record.id)) continue;
    seen.committedMs.set(record.id, schedule.nowMs());
    seen.waits.set(
      record.id,
      record.deps.explicit.filter((id) => !seen.executed.has(id)),
    );
  }
  for (const bytes of appends) {
    const { instance, writes } = sealing.unsealChange(0, bytes);
    seen.executed.add(instance);
    seen.depths.set(instance, 1 + Math.max(0, ...(seen.waits.get(instance) ?? []).map((id) => seen.depths.get(id) ?? 0)));
    seen.waits.delete(instance);
    for (const { kind, id } of writes) {
      if (kind !== "value" || id === "") continue;
      const order = seen.order.get(id) ?? [];
      seen.order.set(id, order);
      order.push(instance);
    }
  }
}

type PeersDeps = {
  readonly world: World;
  readonly setting: Setting;
  readonly sites: readonly Site[];
  readonly observer: ReturnType<typeof createObserver>;
  readonly traffic: { messages: number; bytes: number };
};

/** Ways without loss, as long as the matrix says; what is sent counts as it is encoded on the wire. */
function createPeers({ world, setting, sites, observer, traffic }: PeersDeps): (process: () => Process) => Peers {
  const dice = world.dice.fork("ways");
  const way = (from: Site, to: Site) => oneWay(setting, dice, from.number - 1, to.number - 1);
  const due = setting.protocol === "epaxos-star-toq" ? dueMs(setting) : null;
  const count = (bytes: Uint8Array) => {
    traffic.messages++;
    traffic.bytes += bytes.length;
  };
  type Options = Parameters<Peers["request"]>[2];
  const send = (from: Process, url: string, to: ReplicaId | 0, request: PeerRequest, { timeoutMs, signal }: Options) =>
    new Promise<PeerAnswer>((resolve, reject) => {
      if (!from.alive) return;
      const site = sites.find((each) => each.url === url);
      if (site === undefined || signal?.aborted === true) return reject(new PeerUnreachable(`nothing is sent to ${url}`));
      const fail = (why: string) => {
        world.schedule.cancel(timer);
        signal?.removeEventListener("abort", giveUp);
        if (from.alive) reject(new PeerUnreachable(why));
      };
      const giveUp = () => fail("given up");
      const timer = world.schedule.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
      signal?.addEventListener("abort", giveUp, { once: true });
      observer.onRequest(from, request);
      const envelope: RequestEnvelope = { header: from.replica.header(to), requests: [request] };
      count(encodeRequest(LATEST_VERSION, envelope));
      const isHeld = due !== null && request.kind === "preAccept";
      world.schedule.after(Math.max(way(from.site, site), isHeld ? (due[from.site.number - 1] as number) : 0), async () => {
        const [target] = running(site);
        if (target === undefined) return;
        const answer = await target.replica.handle(envelope);
        const [reply] = answer.replies;
        if (!target.alive || reply === undefined) return;
        observer.onReply(target, request, reply);
        count(encodeReply(LATEST_VERSION, answer));
        world.schedule.after(way(site, from.site), () => {
          if (!from.alive) return;
          world.schedule.cancel(timer);
          signal?.removeEventListener("abort", giveUp);
          resolve({ header: answer.header, reply });
        });
      });
    });
  return (process) => {
    let addresses: ReadonlyMap<ReplicaId, string> = new Map();
    return {
      request: async (to, request, options) => send(process(), addresses.get(to) ?? "", to, request, options),
      requestUrl: (url, to, request, options) => send(process(), url, to, request, options),
      setAddresses(next) {
        addresses = new Map(next);
      },
    };
  };
}
