/** A replica for tests of what stands above it: one map, every command applied at once, and everything asked written down. */
import { pino } from "pino";
import type { ProposeInput, Replica, ReplicaReport } from "../../proposals/api.ts";
import type { Meter } from "../../proposals/ports.ts";
import { instanceId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Change, Command, CommandResult, EntryOutcome, Expectation, Key, KeyState, ReplicaId, Slot } from "../../protocol/types.ts";
import { type AppDeps, buildApp } from "../../server/app.ts";
import { systemClock, systemRandom } from "../../server/clock.ts";

export const anInstance = instanceId(1 as ReplicaId, 7 as Slot);
export const silentLog = pino({ level: "silent" });

export function fakeReport(change: Partial<ReplicaReport> = {}): ReplicaReport {
  const member = (id: number) => ({
    id: id as ReplicaId,
    name: `dc-${id}`,
    peerUrl: `http://127.0.0.1:${7101 + 10 * id}`,
    apiUrl: `http://127.0.0.1:${7100 + 10 * id}`,
    voter: true,
    incarnation: null,
    leaving: id === 4,
  });
  return {
    status: "active",
    clusterId: "c1",
    clusterName: "default",
    self: 1 as ReplicaId,
    incarnation: "i",
    epoch: 2 as ReplicaReport["epoch"],
    frozen: false,
    voters: [1, 2, 4] as ReplicaId[],
    members: { coordinator: 1 as ReplicaId, nextId: 6 as ReplicaId, members: [1, 2, 3, 4, 5].map(member), removed: [] },
    peers: [{ id: 3 as ReplicaId, reachable: true, lastSeenMs: 1, roundTripMs: 60, epoch: 2, status: "learning", lag: 5 }],
    quorum: true,
    problems: [],
    openInstances: 0,
    inFlight: 0,
    ...change,
  };
}

export type FakeReplica = Replica & {
  readonly proposed: ProposeInput[];
  readonly asked: { readonly name: string; readonly argument: unknown }[];
  readonly state: Map<Key, KeyState>;
};

export function fakeReplica(change: Partial<Replica> = {}): FakeReplica {
  const state = new Map<Key, KeyState>();
  const proposed: ProposeInput[] = [];
  const asked: { name: string; argument: unknown }[] = [];
  const missing = () => Promise.reject(new Error("not in this test"));
  return {
    state,
    proposed,
    asked,
    async propose(input) {
      proposed.push(input);
      const outcome: EntryOutcome = { kind: "results", results: input.commands.map((command) => apply(state, command)) };
      return { instance: anInstance, path: "fast", outcome };
    },
    read: async (key) => state.get(key) ?? { value: null, version: 0 },
    async list(prefix, after, limit) {
      const keys = [...state.keys()]
        .filter((key) => key.startsWith(prefix) && (after === null || key > after) && state.get(key)?.value !== null)
        .sort();
      return { entries: keys.slice(0, limit).map((key) => ({ key, ...(state.get(key) as KeyState) })), more: keys.length > limit };
    },
    handle: missing,
    instance: async () => null,
    recover: missing,
    report: () => fakeReport(),
    stuck: () => [],
    async coordinatorRequest(name, argument) {
      asked.push({ name, argument });
      return { generation: 3, id: name === "addReplica" ? 6 : 0 };
    },
    ...change,
    // What the server's routes never call is left out.
  } satisfies Partial<FakeReplica> as FakeReplica;
}

function holds(state: KeyState, expect: Expectation): boolean {
  if (expect.kind === "version") return state.version === expect.version;
  return expect.values.some((value) =>
    value === null || state.value === null ? value === state.value : Buffer.compare(value, state.value) === 0,
  );
}

function apply(state: Map<Key, KeyState>, command: Command): CommandResult {
  if (command.kind === "closeBucket") throw new Error("not in this test");
  if (command.kind === "txn") {
    const failed = command.checks.findIndex((check) => !holds(state.get(check.key) ?? { value: null, version: 0 }, check.expect));
    if (failed === -1) return { kind: "txn", results: command.commands.map((inner) => apply(state, inner)) };
    const now = state.get(command.checks[failed]?.key as Key) ?? { value: null, version: 0 };
    return { kind: "checkFailed", failed, current: now.value, version: now.version };
  }
  const now = state.get(command.key) ?? { value: null, version: 0 };
  const write = (value: Uint8Array | null): CommandResult => {
    state.set(command.key, { value, version: now.version + 1 });
    return { kind: "written", version: now.version + 1 };
  };
  switch (command.kind) {
    case "set":
      return write(command.value);
    case "delete":
      return write(null);
    case "checkAndSet":
      return holds(now, command.expect)
        ? write(command.newValue)
        : { kind: "expectedValueDoesNotMatch", current: now.value, version: now.version };
    case "get":
      return { kind: "value", ...now };
    case "add":
      if (Buffer.from(now.value ?? "0").toString() === "x") return { kind: "notACounter" };
      write(Buffer.from(String(command.delta)));
      return { kind: "added" };
  }
}

/** A stream of changes as the store keeps it; positions `0-1`, `0-2`, … as the real one's, from `kept` on. */
export function fakeChanges(): AppDeps["store"] & { push(change: Change): void; forgetBefore(position: number): void } {
  const all: Change[] = [];
  let kept = 1;
  return {
    push: (change) => void all.push(change),
    forgetBefore: (position) => {
      kept = position;
    },
    lastChange: async () => `0-${all.length}`,
    stateNames: async () => [],
    read: async () => [],
    openInstances: async () => [],
    async changes(after, limit) {
      const from = Number(after.split("-")[1] ?? 0);
      if (from < kept - 1) return null;
      return { changes: all.slice(from, from + limit).map((change, i) => ({ position: `0-${from + i + 1}`, change })) };
    },
  };
}

export const noMeter: Meter = { count: () => {}, observe: () => {} };

export function fakeDeps(change: Partial<AppDeps> = {}): AppDeps {
  return {
    build: "0.0.0",
    replica: fakeReplica(),
    store: fakeChanges(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    meter: noMeter,
    metrics: { contentType: "text/plain", metrics: async () => "epoxy_up 1\n" },
    figures: async () => ({
      commits: { fast: 0, slow: 0, recovered: 0, nop: 0 },
      latency: { upToSeconds: [], counts: [] },
      recoveries: 0,
    }),
    tokens: [],
    reconfiguration: async () => null,
    readyProblems: async () => [],
    takeover: async () => 1,
    inFlightMax: limits.inFlightMax,
    slowRequestMs: limits.slowRequestMs,
    requestTimeoutMs: 30_000,
    ...change,
  };
}

export function fakeApp(change: Partial<AppDeps> = {}) {
  const replica = (change.replica ?? fakeReplica()) as FakeReplica;
  const app = buildApp(fakeDeps({ ...change, replica }));
  return { app, replica };
}
