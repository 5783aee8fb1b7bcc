/** A cluster in this process: real replicas over memory stores, in-process peers with links that can be cut, the real clock. */
import type { ProposeAnswer, Replica } from "../../proposals/api.ts";
import { type Clock, type Peers, PeerUnreachable, type Store } from "../../proposals/ports.ts";
import { createReplica } from "../../proposals/replica.ts";
import { createMemoryDisk, type MemoryDisk, type MemoryHooks, type MemoryStore, openMemoryStore } from "../../proposals/store/memory.ts";
import type { PeerRequest, ReplyEnvelope, RequestEnvelope } from "../../protocol/messages.ts";
import type { Command, EntryOutcome, Key, KeyState, ReplicaId } from "../../protocol/types.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest, LATEST_VERSION } from "../../protocol/wire/versioned.ts";
import { systemClock, systemRandom } from "../../server/clock.ts";

/** One server (or, with loops "sync", worker) process of a replica. */
export type Process = {
  readonly replica: Replica;
  readonly store: MemoryStore;
  /** Violations that would have ended a real process. */
  readonly fatal: unknown[];
  /** What its replica workflow was told to learn. */
  readonly learnings: string[];
  /** Messages of its log for which somebody is called. */
  readonly errors: string[];
  stop(): Promise<void>;
  /** As kill -9: nothing more reaches the disk, nothing more is answered. */
  kill(): Promise<void>;
};

/**
 * What becomes of one request on its way; `replyLost`: it is processed, and the sender does not hear of it; `refused`: as one that means
 * nothing to an older build; a number: ms it takes.
 */
export type Transit = "deliver" | "lost" | "replyLost" | "refused" | number;
export type Intercept = (message: {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly request: PeerRequest;
  /** Of the callers it is for. */
  readonly traces: readonly string[];
}) => Transit;

type Site = { readonly number: number; disk: MemoryDisk; processes: Process[]; hooks: MemoryHooks };
type StartOptions = { readonly loops?: "all" | "sync"; readonly store?: (store: Store) => Store };

export type MemoryCluster = Awaited<ReturnType<typeof createMemoryCluster>>;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const set = (key: string, value: string): Command => ({ kind: "set", key: key as Key, value: bytes(value) });
export const textOf = ({ value }: KeyState): string | null => (value === null ? null : new TextDecoder().decode(value));
export const kindOf = (outcome: EntryOutcome): string => (outcome.kind === "results" ? (outcome.results[0]?.kind ?? "none") : outcome.kind);

/** Three sites that all vote, unless told otherwise; stopped with the test. */
export async function formed(
  t: { after(fn: () => unknown): void },
  { voters, ...options }: Partial<Parameters<typeof createMemoryCluster>[0]> & { readonly voters?: number } = {},
): Promise<MemoryCluster> {
  const { sites = 3 } = options;
  const cluster = await createMemoryCluster({ ...options, sites });
  t.after(() => cluster.stop());
  await cluster.form(voters ?? sites);
  return cluster;
}

/** Empty sites 1 to `sites`; `form` makes them a cluster. Site numbers are replica ids as long as they join in order. */
export async function createMemoryCluster({
  sites: count,
  wallMs = () => systemClock.wallMs(),
  busyShare = () => 0,
  learns = true,
}: {
  readonly sites: number;
  readonly wallMs?: (site: number) => number;
  /** How busy every process says it is. All of them are this one, so the real share would mean nothing. */
  readonly busyShare?: () => number;
  /** A newcomer copies by itself, as its replica workflow does; else the test has it. */
  readonly learns?: boolean;
}) {
  const sites = new Map<number, Site>();
  const clock: Clock = systemClock;
  const cut = new Set<string>();
  let intercept: Intercept = () => "deliver";

  const urlOf = (site: number) => `http://site-${site}.test`;
  const siteAt = (url: string) => sites.get(Number(/^http:\/\/site-(\d+)\.test$/.exec(url)?.[1])) ?? null;
  const isUp = (from: number, to: number) => !cut.has(`${from}>${to}`);

  function peersOf(site: Site, replica: () => Replica): Peers {
    let addresses: ReadonlyMap<ReplicaId, string> = new Map();
    const send = async (
      url: string,
      to: ReplicaId | 0,
      request: PeerRequest,
      { timeoutMs, signal, traces }: Parameters<Peers["request"]>[2],
    ) => {
      // As the network does: whoever else is ready goes first.
      await new Promise((resolve) => setImmediate(resolve));
      const there = siteAt(url);
      const never = async () => {
        await clock.sleep(timeoutMs, signal);
        throw new PeerUnreachable(`${url} did not answer`);
      };
      const from = (replica().report().self ?? 0) as ReplicaId;
      const transit = intercept({ from, to: (there?.number ?? 0) as ReplicaId, request, traces: [...(traces ?? [])] });
      if (typeof transit === "number") await clock.sleep(transit, signal);
      const process = there?.processes.at(-1);
      if (there === null || process === undefined || !isUp(site.number, there.number) || transit === "lost") return never();
      const asked = decodeRequest(LATEST_VERSION, encodeRequest(LATEST_VERSION, { header: replica().header(to), requests: [request] }));
      const answered = await within(clock, answerOf(process, asked), timeoutMs, signal);
      if (answered === null || !isUp(there.number, site.number) || transit === "replyLost") return never();
      const { header, replies } = decodeReply(LATEST_VERSION, encodeReply(LATEST_VERSION, answered));
      if (transit === "refused") return { header, reply: { kind: "refused" as const, code: "badRequest", message: "not known here" } };
      return { header, reply: replies[0] as (typeof replies)[number] };
    };
    return {
      request: (to, request, options) => {
        const url = addresses.get(to);
        if (url === undefined) return Promise.reject(new PeerUnreachable(`replica ${to} has no address here`));
        return send(url, to, request, options);
      },
      requestUrl: (url, to, request, options) => send(url, to, request, options),
      setAddresses: (next) => {
        addresses = next;
      },
    };
  }

  async function start(number: number, { loops = "all", store: wrap = (store) => store }: StartOptions = {}): Promise<Process> {
    const site = siteOf(number);
    const store = openMemoryStore({
      disk: site.disk,
      processId: `site-${number}`,
      latency: () => site.hooks.latency?.() ?? Promise.resolve(),
      fate: (operation) => site.hooks.fate?.(operation) ?? "ok",
    });
    const fatal: unknown[] = [];
    const learnings: string[] = [];
    const errors: string[] = [];
    const quiet = () => {};
    const log = { debug: quiet, info: quiet, warn: quiet, error: (_fields: object, message: string) => void errors.push(message) };
    const verbose = globalThis.process.env as { EPOXY_TEST_LOG?: string };
    if (verbose.EPOXY_TEST_LOG !== undefined) {
      for (const level of ["debug", "info", "warn", "error"] as const)
        log[level] = ((fields: object, message: string) =>
          console.log(`${Math.round(clock.monotonicMs())} site-${number} ${level} ${message}`, fields)) as never;
    }
    const workflows = {
      beginLearning: async ({ learnId, sources }: { readonly learnId: string; readonly sources: readonly ReplicaId[] }) => {
        learnings.push(learnId);
        if (learns) void copy(() => replica, sources).catch(() => {});
      },
      abortLearning: async () => {},
      replicaStatusChanged: async () => {},
      coordinatorUpdate: () => Promise.reject(new Error("there is no coordinator here")),
    };
    const replica: Replica = createReplica(
      {
        store: wrap(store),
        peers: peersOf(site, () => replica),
        clock: { ...clock, wallMs: () => wallMs(number), busyShare },
        random: systemRandom,
        workflows,
        log,
        meter: { count: quiet, observe: quiet },
      },
      { build: "test", loops, onFatal: (error) => fatal.push(error) },
    );
    const leave = () => {
      site.processes = site.processes.filter((one) => one !== process);
    };
    const process: Process = {
      replica,
      store,
      fatal,
      learnings,
      errors,
      stop: async () => {
        leave();
        await replica.stop();
      },
      kill: async () => {
        leave();
        store.kill();
        void replica.stop();
      },
    };
    site.processes.push(process);
    await replica.start();
    return process;
  }

  /** What the replica workflow does: page after page, from the first source. */
  async function copy(replica: () => Replica, sources: readonly ReplicaId[]): Promise<void> {
    for (let cursor = "", done = false; !done; )
      ({ cursor, done } = await replica().learnPage({ source: sources[0] as ReplicaId, cursor }));
  }

  const siteOf = (number: number): Site => {
    const site = sites.get(number);
    if (site === undefined) throw new Error(`there is no site ${number}`);
    return site;
  };
  const processOf = (site: number): Process => {
    const [process] = siteOf(site).processes;
    if (process === undefined) throw new Error(`site ${site} is down`);
    return process;
  };
  const replicaOf = (site: number): Replica => processOf(site).replica;

  /** Adds a site as a member and has it learn; it does not vote yet. */
  async function join(site: number): Promise<ReplicaId> {
    const first = replicaOf(1);
    const { incarnation } = await first.healthCheck(urlOf(site));
    const member = { name: `dc-${site}`, peerUrl: urlOf(site), apiUrl: urlOf(site), voter: true, incarnation, leaving: false };
    const members = await first.changeMembers(
      (now) => ({ ...now, nextId: (now.nextId + 1) as ReplicaId, members: [...now.members, { ...member, id: now.nextId }] }),
      5_000,
    );
    const id = (members.nextId - 1) as ReplicaId;
    await first.beginLearning({ id, url: urlOf(site), learnId: `learn-${site}`, sources: [1 as ReplicaId] });
    if (learns) await until(`site ${site} has learned`, () => replicaOf(site).report().epoch > 0);
    return id;
  }

  /** Site 1 begins a cluster, and serves alone. */
  async function begin(): Promise<void> {
    await replicaOf(1).bootstrap({ clusterName: "test", name: "dc-1", peerUrl: urlOf(1), apiUrl: urlOf(1) });
    await until("site 1 serves", () => replicaOf(1).report().problems.length === 0);
  }

  for (let number = 1; number <= count; number++) {
    sites.set(number, { number, disk: createMemoryDisk(), processes: [], hooks: {} });
    await start(number);
  }

  return {
    site: siteOf,
    start,
    join,
    replica: replicaOf,
    process: processOf,
    begin,
    /** Site 1 begins a cluster; 2 to `voters` join it, and all of them vote. */
    async form(voters: number): Promise<void> {
      await begin();
      for (let site = 2; site <= voters; site++) await join(site);
      await replicaOf(1).changeVoters(
        Array.from({ length: voters }, (_, i) => (i + 1) as ReplicaId),
        { timeoutMs: 15_000 },
      );
      for (let site = 1; site <= voters; site++) await until(`site ${site} serves`, () => replicaOf(site).report().problems.length === 0);
    },
    /** Messages from one site to the other, in this direction. */
    cut: (from: number, to: number) => void cut.add(`${from}>${to}`),
    /** A site hears nobody and nobody hears it. */
    isolate(site: number): void {
      for (const other of sites.keys()) if (other !== site) for (const way of [`${site}>${other}`, `${other}>${site}`]) cut.add(way);
    },
    heal: () => cut.clear(),
    intercept(next: Intercept | null): void {
      intercept = next ?? (() => "deliver");
    },
    propose: (site: number, command: Command, timeoutMs = 5_000): Promise<ProposeAnswer> =>
      replicaOf(site).propose({ commands: [command], idempotencyKey: null, timeoutMs }),
    read: async (site: number, key: string, timeoutMs = 5_000): Promise<string | null> =>
      textOf(await replicaOf(site).read(key as Key, "linearizable", timeoutMs)),
    local: async (site: number, key: string): Promise<string | null> => textOf(await replicaOf(site).read(key as Key, "local", 1_000)),
    async stop(): Promise<void> {
      await Promise.all([...sites.values()].flatMap((site) => site.processes.map((process) => process.stop())));
    },
  };
}

async function answerOf(process: Process, envelope: RequestEnvelope): Promise<ReplyEnvelope | null> {
  try {
    return await process.replica.handle(envelope);
  } catch {
    return null; // as a 500 of the peer port
  }
}

async function within<T>(clock: Clock, promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | null> {
  const timer = new AbortController();
  const given = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  try {
    return await Promise.race([promise, clock.sleep(ms, given).then(() => null)]);
  } finally {
    timer.abort();
  }
}

/** Looks every 20 ms until it holds; fails with `what` after a while. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await systemClock.sleep(20);
  }
}

/** The code of the EpoxyError a promise fails with; "none" when it does not fail. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
