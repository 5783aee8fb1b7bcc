/**
 * From committed to executed: consensus section 1.5. Which instances may run now and in which order, then running them.
 * An edge to an instance of an epoch that is over is dropped: what K names was executed before the next epoch began here,
 * what it lacks is Nop (section 4.2 R4, R7).
 */
import { assert } from "./assert.ts";
import { linkOf } from "./cluster.ts";
import { covers, maxFrontier } from "./frontier.ts";
import { instanceId, instanceName, ownerOf } from "./ids.ts";
import { overlay } from "./overlay.ts";
import { inSettled } from "./settled.ts";
import { applyEntry } from "./state-machine.ts";
import type {
  ChainLink,
  Change,
  EntryOutcome,
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
  /** These are not committed here, so what the root depends on is not known; empty while its epoch is not activated here. */
  | { readonly kind: "blocked"; readonly on: readonly InstanceId[] }
  | { readonly kind: "done" };

export type PlanOptions = {
  /** Whether this id is known, from memory, to be executed here. False is always safe. */
  readonly executedHint: (id: InstanceId) => boolean;
  /** Everything up to here is known, from memory, to be executed here: ahead of the durable prefix. Empty is always safe. */
  readonly executedFrontier?: Frontier;
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

type Edge = { readonly to: InstanceId; readonly floor: boolean };
type Node = {
  readonly id: InstanceId;
  readonly seq: number;
  readonly edges: Iterator<Edge, undefined, undefined>;
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

/** Tarjan's algorithm with its own stack: chains of dependencies are longer than the call stack. */
function walk(graph: Graph, root: InstanceId): ExecutionPlan {
  const { nodes, options } = graph;
  const components: InstanceId[][] = [];
  const blockers = new Set<InstanceId>();
  const path: Node[] = [];
  const open: Node[] = [];
  let waits = false;

  const enter = ({ to, floor }: Edge): void => {
    const record = graph.view.get("instance", instanceName(to));
    if (record === null || record.phase !== "committed") blockers.add(to);
    else if (record.epoch > graph.epoch) waits = true;
    else {
      const node = makeNode(graph, record, floor);
      nodes.set(to, node);
      path.push(node);
      open.push(node);
    }
  };

  enter({ to: root, floor: false });
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    const blocked = waits || blockers.size > 0;
    if (blockers.size >= BLOCKERS_MAX || (blocked && nodes.size >= BLOCKED_VISIT_MAX)) break;
    const edge = node.edges.next().value;
    if (edge !== undefined) {
      const seen = nodes.get(edge.to);
      if (seen === undefined) {
        if (!blockers.has(edge.to) && !isExecuted(graph, edge.to)) enter(edge);
      } else if (!seen.done) {
        assertNoCycle(edge.floor, seen.id);
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
  return waits || blockers.size > 0 ? { kind: "blocked", on: [...blockers] } : { kind: "ready", components };
}

/** What was executed at the owner before an instance existed cannot depend on it: a floor edge is never part of a cycle. */
function assertNoCycle(byFloor: boolean, id: InstanceId): void {
  assert(!byFloor, `${instanceName(id)} depends on an instance that has it under its floor`);
}

function makeNode(graph: Graph, record: InstanceRecord, byFloor: boolean): Node {
  const index = graph.nodes.size;
  const seq = record.value === null || record.value === "nop" ? 0 : record.value.seq;
  return { id: record.id, seq, edges: edgesOf(graph, record), byFloor, index, low: index, done: false };
}

/** What must not come later than this instance. A Nop waits for nothing. */
function* edgesOf(graph: Graph, { id, epoch, value, deps }: InstanceRecord): Generator<Edge, undefined, undefined> {
  if (value === "nop") return;
  const closed = linkOf(graph.links, epoch + 1)?.settled ?? null;
  const before = linkOf(graph.links, epoch)?.settled ?? null;
  const counts = (other: InstanceId): boolean =>
    other !== id && (closed === null || inSettled(closed, other)) && (before === null || !inSettled(before, other));
  for (const [replica, top] of deps.floor) {
    if (top > (graph.passed.get(replica) ?? 0)) yield* floorEdges(graph, { epoch, replica, top, counts });
  }
  for (const to of deps.explicit) if (counts(to)) yield { to, floor: false };
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
function* floorEdges({ passed, entered }: Graph, { epoch, replica, top, counts }: FloorColumn): Generator<Edge, void, undefined> {
  const column = `${epoch}.${replica}`;
  const from = passed.get(replica) ?? 0;
  for (;;) {
    const slot = Math.max(from, entered.get(column) ?? 0) + 1;
    if (slot > top) return;
    entered.set(column, slot);
    const to = instanceId(replica, slot as Slot);
    if (counts(to)) yield { to, floor: true };
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
