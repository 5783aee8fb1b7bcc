/** The ways between datacenters: as long as the map says, lossy, cut in one direction or both, and now and then very slow. */
import { type PeerAnswer, type Peers, PeerUnreachable } from "../proposals/ports.ts";
import type { PeerReply, PeerRequest, ReplyEnvelope, RequestEnvelope } from "../protocol/messages.ts";
import type { InstanceId, ReplicaId } from "../protocol/types.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest, LATEST_VERSION } from "../protocol/wire/versioned.ts";
import type { Event } from "./schedule.ts";
import { type Process, running, type Site } from "./site.ts";
import { short } from "./trace.ts";
import type { Weather } from "./weather.ts";
import { violate, type World } from "./world.ts";

/** Round trips in milliseconds between nine regions (public measurements between clouds' regions, rounded). */
const ROUND_TRIPS: readonly (readonly number[])[] = [
  [1, 60, 141, 21, 112, 170, 138, 200, 230],
  [60, 1, 71, 73, 152, 210, 198, 115, 190],
  [141, 71, 1, 127, 204, 175, 255, 180, 125],
  [21, 73, 127, 1, 101, 160, 140, 180, 220],
  [112, 152, 204, 101, 1, 70, 105, 260, 130],
  [170, 210, 175, 160, 70, 1, 92, 325, 60],
  [138, 198, 255, 140, 105, 92, 1, 310, 150],
  [200, 115, 180, 180, 260, 325, 310, 1, 300],
  [230, 190, 125, 220, 130, 60, 150, 300, 1],
];
export const REGIONS = ROUND_TRIPS.length;

export type Network = {
  peers(process: () => Process): Peers;
  /** From one site to another, that way only. */
  cut(from: Site, to: Site): void;
  mend(from: Site, to: Site): void;
  mendAll(): void;
  /** Messages delivered. */
  count(): number;
};

export type NetworkDeps = {
  readonly world: World;
  readonly weather: () => Weather;
  readonly sites: () => readonly Site[];
  /** Messages are encoded and decoded as between real processes. */
  readonly encodes: boolean;
  /** Everything takes so much less time. */
  readonly haste: number;
  readonly onRequest: (from: Process, request: PeerRequest) => void;
  /** A reply leaves its replica. */
  readonly onReply: (from: Process, request: PeerRequest, reply: PeerReply) => void;
};

type Options = { readonly timeoutMs: number; readonly signal?: AbortSignal };

export function createNetwork(deps: NetworkDeps): Network {
  const { world } = deps;
  const dice = world.dice.fork("network");
  const spoilDice = world.dice.fork("spoilt copies");
  const spoilt = new Set<Site>();
  const cuts = new Set<number>();
  const way = (from: Site, to: Site) => from.number * 1024 + to.number;
  let delivered = 0;

  function delay(from: Site, to: Site): number {
    const { slow, slowMs } = deps.weather();
    const oneWay = (ROUND_TRIPS[from.region]?.[to.region] ?? 100) / 2 / deps.haste;
    const ordinary = oneWay * (1 + 0.1 * dice.next()) + 0.05;
    if (!dice.chance(slow)) return ordinary;
    world.cover.count("message", "late");
    return ordinary + dice.next() * slowMs;
  }
  const passes = (from: Site, to: Site, loss: number) => !cuts.has(way(from, to)) && !dice.chance(loss);

  /** One copy of a request, to whichever process of the site takes it. */
  function deliver(call: Call, envelope: RequestEnvelope): void {
    const { from, to, request } = call;
    if (!passes(from.site, to, deps.weather().loss)) return world.cover.count("message", "lost");
    world.schedule.after(delay(from.site, to), () => {
      const servers = running(to);
      if (servers.length === 0) {
        world.cover.count("message", "nobody there");
        if (dice.chance(0.5)) call.fail(`nobody listens at ${to.url}`);
        return;
      }
      const target = dice.pick(servers);
      delivered++;
      world.trace.mix(request.kind, from.site.number, to.number, instanceOf(request) ?? 0);
      world.trace.line(idsOf(request), () => `${from.name} -> ${target.name}  ${short(request)}`);
      void serve(call, target, envelope);
    });
  }
  async function serve(call: Call, target: Process, envelope: RequestEnvelope): Promise<void> {
    let answer: ReplyEnvelope;
    try {
      answer = await target.replica.handle(
        deps.encodes ? decodeRequest(LATEST_VERSION, encodeRequest(LATEST_VERSION, envelope)) : envelope,
      );
      if (deps.encodes) answer = decodeReply(LATEST_VERSION, encodeReply(LATEST_VERSION, answer));
    } catch (error) {
      violate(world, "crash", `${target.name} could not answer ${short(call.request)}: ${error instanceof Error ? error.stack : error}`);
      return;
    }
    if (!target.alive) return;
    const { header, replies } = answer;
    const [said] = replies;
    if (said === undefined) return violate(world, "crash", `${target.name} gave no reply`);
    deps.onReply(target, call.request, said);
    const reply = spoil(call.from.site, said);
    const { loss, replyLoss } = deps.weather();
    if (!passes(target.site, call.from.site, 1 - (1 - loss) * (1 - replyLoss))) return world.cover.count("message", "answer lost");
    world.schedule.after(delay(target.site, call.from.site), () => {
      if (!call.from.alive) return;
      world.trace.mix(reply.kind, target.site.number, call.from.site.number, instanceOf(reply) ?? 0);
      world.trace.line(idsOf(call.request), () => `${call.from.name} <- ${target.name}  ${short(reply)}`);
      call.succeed({ header, reply });
    });
  }

  function spoil(newcomer: Site, reply: PeerReply): PeerReply {
    const { spoils, silent } = deps.weather();
    if (reply.kind === "snapshotChangesOk" && reply.executed !== null && silent)
      return { ...reply, position: reply.position.split(" ")[0] ?? "" };
    if (reply.kind !== "snapshotRecords" || spoilt.has(newcomer)) return reply;
    // What is not in the digest, and not told either, nobody could miss.
    const places = reply.writes.flatMap(({ kind }, i) => (kind === "value" || !silent ? [i] : []));
    if (places.length === 0 || !spoilDice.chance(spoils)) return reply;
    spoilt.add(newcomer);
    const gone = spoilDice.pick(places);
    world.cover.count("copy", silent ? "record lost in silence" : "record lost");
    world.trace.line([], () => `datacenter ${newcomer.number} is not given ${short(reply.writes[gone])}`);
    return { ...reply, writes: reply.writes.filter((_, i) => i !== gone) };
  }

  function send(from: Process, url: string, to: ReplicaId | 0, request: PeerRequest, { timeoutMs, signal }: Options): Promise<PeerAnswer> {
    return new Promise((resolve, reject) => {
      // A process that has ended says nothing, and nobody waits for what it would hear.
      if (!from.alive) return;
      if (signal?.aborted === true) return reject(new PeerUnreachable("given up before it was sent"));
      const site = deps.sites().find((each) => each.url === url);
      if (site === undefined) return reject(new PeerUnreachable(`there is nothing at ${url}`));
      const end = () => {
        world.schedule.cancel(timer);
        signal?.removeEventListener("abort", giveUp);
      };
      const fail = (why: string) => {
        end();
        if (from.alive) reject(new PeerUnreachable(why));
      };
      const giveUp = () => fail("given up");
      const timer: Event = world.schedule.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
      signal?.addEventListener("abort", giveUp, { once: true });
      const succeed = (answer: PeerAnswer) => {
        end();
        resolve(answer);
      };
      deps.onRequest(from, request);
      const call: Call = { from, to: site, request, succeed, fail };
      const envelope: RequestEnvelope = { header: from.replica.header(to), requests: [request] };
      deliver(call, envelope);
      if (!dice.chance(deps.weather().duplicate)) return;
      world.cover.count("message", "twice");
      deliver(call, envelope);
    });
  }

  return {
    peers(process) {
      let addresses: ReadonlyMap<ReplicaId, string> = new Map();
      return {
        async request(to, request, options) {
          const url = addresses.get(to);
          if (url === undefined) throw new PeerUnreachable(`replica ${to} has no known address`);
          return send(process(), url, to, request, options);
        },
        requestUrl: (url, to, request, options) => send(process(), url, to, request, options),
        setAddresses(next) {
          addresses = new Map(next);
        },
      };
    },
    cut: (from, to) => void cuts.add(way(from, to)),
    mend: (from, to) => void cuts.delete(way(from, to)),
    mendAll: () => cuts.clear(),
    count: () => delivered,
  };
}

type Call = {
  readonly from: Process;
  readonly to: Site;
  readonly request: PeerRequest;
  readonly succeed: (answer: PeerAnswer) => void;
  readonly fail: (why: string) => void;
};

function instanceOf(message: PeerRequest | PeerReply): InstanceId | null {
  return "id" in message && typeof message.id === "number" ? (message.id as InstanceId) : null;
}

function idsOf(request: PeerRequest): readonly InstanceId[] {
  const id = instanceOf(request);
  // Nobody wants to read heartbeats: filed under an instance that does not exist.
  return id === null ? [0 as InstanceId] : [id];
}
