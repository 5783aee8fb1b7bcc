/** Where a script is played: replicas that do nothing unasked, a network that holds everything, and every invariant of the simulator. */
import { firstClosedHour } from "../../proposals/closed-hours.ts";
import { MEMBERS_KEY } from "../../proposals/context.ts";
import { sha256 } from "../../proposals/hash.ts";
import { syncStep } from "../../proposals/loops.ts";
import { openMemoryStore } from "../../proposals/store/memory.ts";
import { createUnencodedSealing } from "../../proposals/store/sealing.ts";
import { encodeMembers, linkText } from "../../protocol/cluster.ts";
import { ownerOf } from "../../protocol/ids.ts";
import { NOTHING_SETTLED } from "../../protocol/settled.ts";
import type { ChainLink, Command, Epoch, InstanceRecord, Member, Members, ReplicaId, Write } from "../../protocol/types.ts";
import { createCover } from "../../sim/cover.ts";
import { createObserver, type Observer } from "../../sim/invariants/observer.ts";
import { createDice } from "../../sim/random.ts";
import { createSchedule } from "../../sim/schedule.ts";
import { createSite, type Site } from "../../sim/site.ts";
import { createTrace } from "../../sim/trace.ts";
import type { World } from "../../sim/world.ts";
import { createNames, type Names } from "./names.ts";
import { createNetwork, type MessageEvent, type Network } from "./network.ts";
import { type Node, openNode, WALL_START_MS } from "./node.ts";
import { ScriptError } from "./script-error.ts";

/**
 * The hour before the first one of a script is closed, a day early, so that a script need not close a day of them. An hour is
 * looked up by its last bucket, which stands for all 256 here: they would take most of the time.
 */
const CLOSED_HOUR = firstClosedHour(WALL_START_MS + 24 * 3_600_000).at(-1) as Write;

/** Somebody who waits for an answer. */
export type Caller = { readonly at: Node; state: "waits" | "answered" | "failed"; text: string };

export type Stage = {
  readonly world: World;
  readonly observer: Observer;
  readonly names: Names;
  readonly network: Network;
  readonly sites: Map<number, Site>;
  readonly callers: Map<string, Caller>;
  /** Commands of each proposal: the instances that carry them are known by it. */
  readonly proposed: Map<readonly Command[], string>;
  /** @throws ScriptError when it is down or was never there */
  node(site: number): Node;
  live(): Node[];
  addSite(number: number): Promise<Node>;
  restart(site: number): Promise<Node>;
  /** Everything that can happen without a message or a timer. */
  rest(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** Messages about nothing but who is there, to all and back, in no time. */
  sync(sites: readonly number[]): Promise<void>;
};

export function createStage(watch: (event: MessageEvent) => void = () => {}): Stage {
  const schedule = createSchedule();
  const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: true });
  const world: World = { schedule, dice: createDice("scenario"), trace, cover: createCover(), violation: null };
  const observer = createObserver(world);
  const names = createNames();
  const sites = new Map<number, Site>();
  const nodes = new Map<number, Node>();
  const proposed = new Map<readonly Command[], string>();

  const advance = async (ms: number) => {
    let isThere = false;
    schedule.after(ms, () => {
      isThere = true;
    });
    await schedule.run(() => isThere);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const rest = () => advance(0);
  const alive = (number: number) => {
    const node = nodes.get(number);
    return node?.alive === true ? node : null;
  };
  const network = createNetwork({ watch, world, observer, names, node: alive, siteAt: (url) => Number(/\d+/.exec(url)?.[0] ?? 0), rest });
  const open = async (site: Site): Promise<Node> => {
    const node = await openNode(world, site, network.peers);
    nodes.set(site.number, node);
    return node;
  };
  const stage: Stage = {
    world,
    observer,
    names,
    network,
    sites,
    callers: new Map(),
    proposed,
    node(number) {
      const node = alive(number);
      if (node === null) throw new ScriptError(`replica ${number} is not there`);
      return node;
    },
    live: () => [...nodes.values()].filter((node) => node.alive),
    async addSite(number) {
      if (sites.has(number)) throw new ScriptError(`there is a replica ${number} already`);
      const site = createSite({ number, region: 0, sealing: createUnencodedSealing() });
      sites.set(number, site);
      observer.siteOpened(site);
      followNames(stage, site);
      return open(site);
    },
    async restart(number) {
      const site = sites.get(number);
      if (site === undefined || alive(number) !== null) throw new ScriptError(`replica ${number} is not down`);
      return open(site);
    },
    rest,
    advance,
    async sync(numbers) {
      const walks = Promise.all(numbers.map((number) => syncStep(stage.node(number).ctx)));
      let isDone = false;
      void walks.then(() => {
        isDone = true;
      });
      for (let rounds = 0; rounds < 20 && !isDone; rounds++) {
        await rest();
        for (const kind of ["sync", "fetchConfig"]) {
          for (const message of network.matching({ from: "*", to: "*", kind, id: null }, "sent")) {
            if ((await network.arrive(message)) !== null) await network.comeBack(message);
          }
        }
      }
      // One that does not answer is waited for as long as a round lasts.
      if (!isDone) await advance(600);
    },
  };
  return stage;
}

/** A name is bound when its instance is first written; what is proposed again after a Nop is called x', x'' and so on. */
function followNames({ proposed, names }: Stage, site: Site): void {
  const check = site.disk.watch;
  site.disk.watch = (applied) => {
    for (const { name, bytes } of applied.puts) {
      if (!name.startsWith("i:")) continue;
      const { id, initPayload } = site.sealing.unseal({ kind: "instance", name }, bytes).record as InstanceRecord;
      if (ownerOf(id) !== site.number || names.isBound(id)) continue;
      for (const { commands } of initPayload?.entries ?? []) {
        const called = proposed.get(commands);
        if (called === undefined) continue;
        names.bind(called, id);
        proposed.set(commands, `${called}'`);
      }
    }
    check?.(applied);
  };
}

/** A cluster as it is right after its first epoch began, with these voters. */
export async function formCluster(stage: Stage, voters: number): Promise<void> {
  const ids = Array.from({ length: voters }, (_, i) => (i + 1) as ReplicaId);
  const memberOf = (id: ReplicaId): Member => ({
    id,
    name: `dc-${id}`,
    peerUrl: `http://dc-${id}.peer`,
    apiUrl: `http://dc-${id}.api`,
    voter: true,
    incarnation: `disk-${id}`,
    leaving: false,
  });
  const members: Members = { coordinator: 1 as ReplicaId, nextId: (voters + 1) as ReplicaId, members: ids.map(memberOf), removed: [] };
  const unhashed = { epoch: 1 as Epoch, voters: ids, settled: NOTHING_SETTLED, members, previousHash: "" };
  const link: ChainLink = { ...unhashed, hash: sha256(linkText(unhashed)) };
  for (const self of ids) {
    const site = createSite({ number: self, region: 0, sealing: createUnencodedSealing() });
    stage.sites.set(self, site);
    stage.observer.siteOpened(site);
    followNames(stage, site);
    const store = openMemoryStore({ disk: site.disk, sealing: site.sealing, processId: "genesis" });
    await store.transact((tx) => {
      const identity = { clusterId: "c", clusterName: "scenario", self, incarnation: `disk-${self}` };
      tx.put({ kind: "replica", id: "", record: { ...identity, epoch: 1 as Epoch, frozen: false, reported: null } });
      tx.put({ kind: "chain", id: "", record: { links: [link] } });
      tx.put({ kind: "progress", id: "", record: { executed: [], globalFloor: [] } });
      tx.put({ kind: "value", id: MEMBERS_KEY, record: { value: encodeMembers(members), version: 1 } });
      tx.put(CLOSED_HOUR);
    });
    await stage.restart(self);
  }
  // Twice: the second time each has heard what the others saw of it, so the fence is lifted.
  await stage.sync(ids);
  await stage.sync(ids);
}
