/** Runs a model of a protocol over virtual ways, and checks as it runs that a decision is one decision. */
import type { Dice } from "../sim/random.ts";
import type { Schedule } from "../sim/schedule.ts";
import { oneWay } from "./delay.ts";
import type { Actor, Command, Decided, Io, Model } from "./model.ts";
import { accord } from "./protocols/accord.ts";
import { atlas } from "./protocols/atlas.ts";
import { epaxosBasic, epaxosOptimized, epaxosToq } from "./protocols/epaxos.ts";
import { multiPaxos } from "./protocols/multi-paxos.ts";
import { tempo } from "./protocols/tempo.ts";
import type { Cluster, Operation, ProtocolName, Setting, ShippedName } from "./setting.ts";

/** Each model has its own messages; here they are only carried. */
type AnyModel = Pick<Model<never>, "name" | "source"> & { readonly create: (io: Io<unknown>) => Actor<unknown> };

export function modelOf(name: Exclude<ProtocolName, ShippedName>, leader: number): AnyModel {
  const models = {
    "epaxos-optimized": () => epaxosOptimized,
    "epaxos-basic": () => epaxosBasic,
    "epaxos-toq": () => epaxosToq,
    "atlas-f1": () => atlas(1),
    "atlas-f2": () => atlas(2),
    "tempo-f1": () => tempo(1),
    "tempo-f2": () => tempo(2),
    accord: () => accord,
    "multi-paxos": () => multiPaxos(leader),
  };
  return models[name]() as AnyModel;
}

type Running = { readonly operation: Operation; readonly done: () => void };
type Replica = {
  readonly order: Map<string, number[]>;
  readonly executed: Set<number>;
  /** Of what is committed and not executed: what it waited for then. */
  readonly waits: Map<number, readonly number[]>;
  readonly depths: Map<number, number>;
};

export function createModelCluster(schedule: Schedule, dice: Dice, setting: Setting, model: AnyModel): Cluster {
  const n = setting.placement.length;
  const running = new Map<number, Running>();
  const decided = new Map<number, string>();
  const executions = new Map<number, number>();
  const traffic = { messages: 0, bytes: 0 };
  const problems: string[] = [];
  const replicas: Replica[] = setting.placement.map(() => ({
    order: new Map(),
    executed: new Set(),
    waits: new Map(),
    depths: new Map(),
  }));
  const isSettled = (id: number) => executions.get(id) === n;

  function onCommitted(self: number, command: Command, { value, deps, path }: Decided): void {
    const before = decided.get(command.id);
    if (before !== undefined && before !== value) problems.push(`command ${command.id} was decided as ${before} and as ${value}`);
    decided.set(command.id, value);
    const replica = replicas[self] as Replica;
    replica.waits.set(
      command.id,
      deps.filter((id) => !replica.executed.has(id)),
    );
    const own = running.get(command.id);
    if (own === undefined || self !== command.origin) return;
    own.operation.commitMs = schedule.nowMs();
    own.operation.path = path;
  }
  function onExecuted(self: number, command: Command): void {
    const replica = replicas[self] as Replica;
    if (replica.executed.has(command.id)) problems.push(`command ${command.id} was executed twice at ${self}`);
    replica.executed.add(command.id);
    executions.set(command.id, (executions.get(command.id) ?? 0) + 1);
    const depth = 1 + Math.max(0, ...(replica.waits.get(command.id) ?? []).map((id) => replica.depths.get(id) ?? 0));
    replica.depths.set(command.id, depth);
    replica.waits.delete(command.id);
    const writes = replica.order.get(command.key) ?? [];
    if (!command.isRead) replica.order.set(command.key, writes);
    if (!command.isRead) writes.push(command.id);
    const own = running.get(command.id);
    if (own === undefined || self !== command.origin) return;
    own.operation.version = writes.length;
    own.operation.chain = depth;
    own.done();
  }
  const deliver = (from: number, to: number, message: unknown) => {
    traffic.messages++;
    traffic.bytes += bytesOf(message, setting.workload.valueBytes);
    schedule.after(oneWay(setting, dice, from, to), () => actors[to]?.receive(from, message));
  };
  const actors: Actor<unknown>[] = setting.placement.map((_, self) =>
    model.create({
      self,
      n,
      nearest: nearestTo(setting, self),
      oneWayMs: (to) => oneWay({ ...setting, jitter: 0 }, null, self, to),
      send: (to, message) => deliver(self, to, message),
      committed: (command, value) => onCommitted(self, command, value),
      executed: (command) => onExecuted(self, command),
      isSettled,
      after: (ms, run) => void schedule.after(ms, run),
    }),
  );
  return {
    form: async () => {},
    run: (operation) =>
      new Promise((resolve) => {
        const { number: id, site: origin, key, isRead } = operation;
        const done = () => {
          operation.endMs = schedule.nowMs();
          running.delete(id);
          resolve();
        };
        running.set(id, { operation, done });
        actors[origin]?.submit({ id, origin, key, isRead, wallMs: schedule.nowMs() });
      }),
    orders: () => replicas.map(({ order }) => order),
    traffic: () => ({ ...traffic }),
    problems,
  };
}

function nearestTo(setting: Setting, self: number): number[] {
  const far = (to: number) => oneWay({ ...setting, jitter: 0 }, null, self, to);
  return setting.placement
    .map((_, i) => i)
    .filter((i) => i !== self)
    .sort((a, b) => far(a) - far(b) || a - b);
}

/** An estimate: 8 bytes a number, a command's value where it goes along, 64 for headers. */
function bytesOf(message: unknown, valueBytes: number): number {
  const size = (value: unknown): number => {
    if (typeof value === "number") return 8;
    if (typeof value === "string") return value.length;
    if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + size(each), 0);
    if (typeof value === "object" && value !== null) {
      const payload = "isRead" in value && value.isRead === false ? valueBytes : 0;
      return payload + Object.values(value).reduce<number>((sum, each) => sum + size(each), 0);
    }
    return 1;
  };
  return 64 + size(message);
}
