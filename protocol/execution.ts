/**
 * From committed to executed: consensus section 1.5. Which instances may run now and in which order, then running them.
 * An edge to an instance of an epoch that is over is dropped: what K names was executed before the next epoch began here,
 * what it lacks is Nop (section 4.2 R4, R7).
 */
import { assert } from "./assert.ts";
import { linkOf } from "./cluster.ts";
import { NO_DEPS } from "./deps.ts";
import { covers, maxFrontier } from "./frontier.ts";
import { instanceId, instanceName, ownerOf } from "./ids.ts";
import { overlay } from "./overlay.ts";
import { inSettled } from "./settled.ts";
import { applyEntry } from "./state-machine.ts";
import type {
  ChainLink,
  Change,
  EntryOutcome,
  Epoch,
  Frontier,
  InstanceId,
  InstanceRecord,
  Progress,
  ReplicaId,
  Slot,
  Step,
  View,
  Write,
} from "./types.ts";

/** How many blockers a plan names at most, and how many instances it looks at once it has one: it runs again when that is gone. */
const BLOCKERS_MAX = 8;
const BLOCKED_VISIT_MAX = 64;
const NO_PROGRESS: Progress = { executed: [], globalFloor: [] };

export type ExecutionPlan =
  /** Closed under dependencies: each component needs only itself and those before it. Run all, then plan the root again. */
  | { readonly kind: "ready"; readonly components: readonly (readonly InstanceId[])[] }
  /**
   * These are not committed here, so what the root depends on is not known; empty while its epoch is not activated here.
   * `waiting` are the root and the others that were seen to need the last of them.
   */
  | { readonly kind: "blocked"; readonly on: readonly InstanceId[]; readonly waiting: readonly InstanceId[] }
  | { readonly kind: "done" };

export type PlanOptions = {
  /** Whether this id is known, from memory, to be executed here. False is always safe. */
  readonly executedHint: (id: InstanceId) => boolean;
  /** Everything up to here is known, from memory, to be executed here: ahead of the durable prefix. Empty is always safe. */
  readonly executedFrontier?: Frontier;
  /** What this id was seen to wait for, if anything: where that is still not committed, the plan looks no further. None is always safe. */
  readonly waitsFor?: (id: InstanceId) => InstanceId | undefined;
  /** After so many instances it stops at the first completed component, so that one plan stays small. */
  readonly visitMax: number;
};

/** What one plan looks up and remembers. */
type Graph = {
  readonly view: View;
  readonly options: PlanOptions;
  readonly progress: Progress;
  readonly epoch: number;
  readonly links: readonly ChainLink[];
  readonly nodes: Map<InstanceId, Node>;
  /** Columns up to where everything is executed: floors need not be walked below. */
  readonly passed: ReadonlyMap<ReplicaId, number>;
  /** `EPOCH.COLUMN` -> up to where floors of that epoch's instances were walked. */
  readonly entered: Map<string, number>;
};

type Node = {
  readonly id: InstanceId;
  readonly seq: number;
  /** What its floor adds, before the explicit ones. */
  readonly floors: Iterator<InstanceId, void, undefined>;
  readonly explicit: readonly InstanceId[];
  /** Of `explicit`, those walked; -1 while its floor is walked. */
  walked: number;
  /** Whether an edge to this id is one; another epoch's is none. */
  readonly counts: (other: InstanceId) => boolean;
  /** It was reached by a floor edge of the node before it on the path. */
  readonly byFloor: boolean;
  readonly index: number;
  low: number;
  /** Its component is complete. */
  done: boolean;
};

/** Plans the execution of everything that `root` needs, and of `root`. */
export function planExecution(view: View, root: InstanceId, options: PlanOptions): ExecutionPlan {
  const progress = view.get("progress", "") ?? NO_PROGRESS;
  const epoch = view.get("replica", "")?.epoch ?? 0;
  const links = view.get("chain", "")?.links ?? [];
  const graph: Graph = {
    view,
    options,
    progress,
    epoch,
    links,
    nodes: new Map(),
    passed: new Map(maxFrontier([progress.executed, progress.globalFloor, options.executedFrontier ?? []])),
    entered: new Map(),
  };
  if (isExecuted(graph, root)) return { kind: "done" };
  return walk(graph, root);
}

function isExecuted({ view, options, progress }: Graph, id: InstanceId): boolean {
  if (covers(progress.executed, id) || covers(progress.globalFloor, id) || options.executedHint(id)) return true;
  return view.get("instance", instanceName(id))?.executed ?? false;
}

function committed({ view }: Graph, id: InstanceId): InstanceRecord | null {
  const record = view.get("instance", instanceName(id));
  return record?.phase === "committed" ? record : null;
}

/** Tarjan's algorithm with its own stack: chains of dependencies are longer than the call stack. */
function walk(graph: Graph, root: InstanceId): ExecutionPlan {
  const { nodes, options } = graph;
  const components: InstanceId[][] = [];
  const blockers = new Set<InstanceId>();
  const path: Node[] = [];
  const open: Node[] = [];
  let waits = false;
  let isKnown = false;
  let waiting: InstanceId[] = [];

  const blockOn = (blocker: InstanceId): void => {
    blockers.add(blocker);
    // Each one on the path depends on the next.
    waiting = path.map(({ id }) => id);
  };
  const enter = (to: InstanceId, floor: boolean): void => {
    const record = committed(graph, to);
    const blocker = options.waitsFor?.(to);
    if (record === null) blockOn(to);
    else if (blocker !== undefined && committed(graph, blocker) === null) {
      blockOn(blocker);
      isKnown = true;
    } else if (record.epoch > graph.epoch) waits = true;
    else {
      const node = makeNode(graph, record, floor);
      nodes.set(to, node);
      path.push(node);
      open.push(node);
    }
  };

  enter(root, false);
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    const blocked = waits || blockers.size > 0;
    if (isKnown || blockers.size >= BLOCKERS_MAX || (blocked && nodes.size >= BLOCKED_VISIT_MAX)) break;
    const to = nextEdge(node);
    if (to !== null) {
      const seen = nodes.get(to);
      const byFloor = node.walked < 0;
      if (seen === undefined) {
        if (!blockers.has(to) && !isExecuted(graph, to)) enter(to, byFloor);
      } else if (!seen.done) {
        assertNoCycle(byFloor, seen.id);
        node.low = Math.min(node.low, seen.index);
      }
      continue;
    }
    path.pop();
    if (node.low < node.index) {
      assertNoCycle(node.byFloor, node.id);
      const parent = path.at(-1) as Node;
      parent.low = Math.min(parent.low, node.low);
      continue;
    }
    components.push(closeComponent(open, node));
    if (!blocked && nodes.size >= options.visitMax) break;
  }
  return waits || blockers.size > 0 ? { kind: "blocked", on: [...blockers], waiting } : { kind: "ready", components };
}

/** What was executed at the owner before an instance existed cannot depend on it: a floor edge is never part of a cycle. */
function assertNoCycle(byFloor: boolean, id: InstanceId): void {
  assert(!byFloor, `${instanceName(id)} depends on an instance that has it under its floor`);
}

function makeNode(graph: Graph, { id, epoch, value, deps }: InstanceRecord, byFloor: boolean): Node {
  const index = graph.nodes.size;
  // A Nop waits for nothing.
  const { floor, explicit } = value === "nop" ? NO_DEPS : deps;
  const counts = countsFor(graph, id, epoch);
  return {
    id,
    seq: value === null || value === "nop" ? 0 : value.seq,
    floors: floorsOf(graph, epoch, floor, counts),
    explicit,
    walked: -1,
    counts,
    byFloor,
    index,
    low: index,
    done: false,
  };
}

/** The next thing that must not come later than this instance. A plain loop: most of a walk is here. */
function nextEdge(node: Node): InstanceId | null {
  if (node.walked < 0) {
    const next = node.floors.next();
    if (next.done !== true) return next.value;
    node.walked = 0;
  }
  while (node.walked < node.explicit.length) {
    const to = node.explicit[node.walked++] as InstanceId;
    if (node.counts(to)) return to;
  }
  return null;
}

function countsFor(graph: Graph, id: InstanceId, epoch: Epoch): Node["counts"] {
  const closed = linkOf(graph.links, epoch + 1)?.settled ?? null;
  const before = linkOf(graph.links, epoch)?.settled ?? null;
  return (other) => other !== id && (closed === null || inSettled(closed, other)) && (before === null || !inSettled(before, other));
}

function* floorsOf(graph: Graph, epoch: Epoch, floor: Frontier, counts: Node["counts"]): Generator<InstanceId, void, undefined> {
  for (const [replica, top] of floor) {
    if (top > (graph.passed.get(replica) ?? 0)) yield* floorColumn(graph, { epoch, replica, top, counts });
  }
}

type FloorColumn = {
  readonly epoch: number;
  readonly replica: ReplicaId;
  readonly top: Slot;
  readonly counts: (id: InstanceId) => boolean;
};

/**
 * Each slot is reached by a floor once in a walk: one that was entered before is in a completed component, or still open, and
 * then a floor edge to it would close a cycle, which cannot be. So a walk costs what it visits, however long the floors are.
 */
function* floorColumn({ passed, entered }: Graph, { epoch, replica, top, counts }: FloorColumn): Generator<InstanceId, void, undefined> {
  const column = `${epoch}.${replica}`;
  const from = passed.get(replica) ?? 0;
  for (;;) {
    const slot = Math.max(from, entered.get(column) ?? 0) + 1;
    if (slot > top) return;
    entered.set(column, slot);
    const to = instanceId(replica, slot as Slot);
    if (counts(to)) yield to;
  }
}

/** Takes the component of `node` off the stack, in the order in which it runs: (seq, id). */
function closeComponent(open: Node[], node: Node): InstanceId[] {
  const members = open.splice(open.lastIndexOf(node));
  for (const member of members) member.done = true;
  return members.sort((a, b) => a.seq - b.seq || a.id - b.id).map((member) => member.id);
}

export type ExecutedInstance = { readonly id: InstanceId; readonly outcomes: readonly EntryOutcome[] };
export type ExecutionStep = Step<{ readonly executed: readonly ExecutedInstance[] }> & { readonly changes: readonly Change[] };

/**
 * Runs components in the order of the plan. A component must be executed in one transaction: interrupted in the middle,
 * its rest would be ordered anew.
 */
export function executeComponents(view: View, components: readonly (readonly InstanceId[])[]): ExecutionStep {
  const state = overlay(view);
  const self = view.get("replica", "")?.self ?? null;
  const executed: ExecutedInstance[] = [];
  const changes: Change[] = [];
  for (const id of components.flat()) {
    const record = state.get("instance", instanceName(id));
    assert(record !== null && record.phase === "committed", `${instanceName(id)} is executed before it is committed`);
    assert(!record.executed, `${instanceName(id)} is executed twice`);
    const outcomes: EntryOutcome[] = [];
    const writes: Write[] = [];
    const entries = record.value === null || record.value === "nop" ? [] : record.value.entries;
    for (const entry of entries) {
      const step = applyEntry(state, id, entry);
      for (const write of step.writes) state.put(write);
      writes.push(...step.writes);
      outcomes.push(step.reply);
    }
    const own = ownerOf(id) === self;
    state.put({
      kind: "instance",
      id: instanceName(id),
      record: { ...record, executed: true, outcomes: own ? outcomes : record.outcomes },
    });
    executed.push({ id, outcomes });
    changes.push({ instance: id, writes });
  }
  return { reply: { executed }, writes: state.writes, changes };
}
