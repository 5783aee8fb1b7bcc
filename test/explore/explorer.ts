/** Breadth first over all states, each kept once and exactly: no state is taken for another because of a hash. */
import { Violation } from "./checks.ts";
import { type Bound, makeSetup } from "./setup.ts";
import { makeWorld, type Tuple, type World } from "./world.ts";

export type Budget = { readonly statesMax: number; readonly secondsMax: number };

export type Report = {
  readonly bound: Bound;
  readonly states: number;
  readonly transitions: number;
  /** Steps from the beginning to the farthest state looked at. */
  readonly depth: number;
  readonly seconds: number;
  /** Every state of the bound was visited. */
  readonly exhausted: boolean;
  readonly met: readonly string[];
  readonly violation: { readonly message: string; readonly schedule: readonly string[] } | null;
};

export function explore(
  bound: Bound,
  budget: Budget,
  onProgress: (states: number, depth: number, waiting: number) => void = () => {},
): Report {
  const startedMs = performance.now();
  const world = makeWorld(makeSetup(bound));
  const states = stateTable(world.width);
  const start = world.initial();
  world.normalise(start);
  states.add(start, -1);
  const current = new Int32Array(world.width);
  const seconds = () => (performance.now() - startedMs) / 1000;
  let [transitions, depth, levelEnd, head] = [0, 0, 1, 0];
  const report = (violation: Report["violation"], exhausted: boolean): Report => ({
    bound,
    states: states.count(),
    transitions,
    depth,
    seconds: seconds(),
    exhausted,
    met: world.met(),
    violation,
  });
  for (; head < states.count(); head++) {
    if (head === levelEnd) {
      depth++;
      levelEnd = states.count();
    }
    if (head % 4096 === 0) {
      if (seconds() > budget.secondsMax) return report(null, false);
      if (head % 65_536 === 0) onProgress(states.count(), depth, states.count() - head);
    }
    if (states.count() > budget.statesMax) return report(null, false);
    states.read(head, current);
    try {
      transitions += expand(world, current, (next) => states.add(next, head));
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return report({ message: error.message, schedule: scheduleTo(world, states, head) }, false);
    }
  }
  return report(null, true);
}

/** All states one step after `current`. */
function expand(world: World, current: Tuple, found: (next: Tuple) => void): number {
  const { n } = world.setup.bound;
  const next = new Int32Array(world.width);
  let count = 0;
  for (let place = 0; place < n; place++) {
    const local = current[place] as number;
    for (let at = n; at < world.width; at++) {
      const network = current[at] as number;
      const steps = world.next(network, local);
      for (let i = 0; i < steps.length; i += 2) {
        next.set(current);
        next[place] = steps[i] as number;
        next[at] = steps[i + 1] as number;
        world.checkAcross(next, at - n, network);
        world.normalise(next);
        found(next);
        count++;
      }
    }
  }
  return count;
}

type StateTable = {
  /** False if it was there. */
  add(tuple: Tuple, parent: number): boolean;
  read(index: number, into: Tuple): void;
  parent(index: number): number;
  count(): number;
};

/** Open addressing over the states themselves, in the order in which they were found. */
function stateTable(width: number): StateTable {
  let capacity = 2 ** 16;
  let data = new Int32Array(capacity * width);
  let parents = new Int32Array(capacity);
  let slots = new Int32Array(capacity * 2);
  let count = 0;
  const hash = (source: Int32Array, from: number): number => {
    let value = 0x9e3779b9;
    for (let i = 0; i < width; i++) {
      value = Math.imul(value ^ (source[from + i] as number), 0x85ebca6b);
      value ^= value >>> 15;
    }
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const equal = (tuple: Tuple, from: number): boolean => {
    for (let i = 0; i < width; i++) if (tuple[i] !== data[from + i]) return false;
    return true;
  };
  const grow = (): void => {
    capacity *= 2;
    const [oldData, oldParents] = [data, parents];
    data = new Int32Array(capacity * width);
    data.set(oldData);
    parents = new Int32Array(capacity);
    parents.set(oldParents);
    slots = new Int32Array(capacity * 2);
    for (let index = 0; index < count; index++) {
      let at = hash(data, index * width) % slots.length;
      while (slots[at] !== 0) at = (at + 1) % slots.length;
      slots[at] = index + 1;
    }
  };
  return {
    add(tuple, parent) {
      let at = hash(tuple, 0) % slots.length;
      for (let taken = slots[at] as number; taken !== 0; taken = slots[at] as number) {
        if (equal(tuple, (taken - 1) * width)) return false;
        at = (at + 1) % slots.length;
      }
      data.set(tuple, count * width);
      parents[count] = parent;
      slots[at] = ++count;
      if (count === capacity) grow();
      return true;
    },
    read: (index, into) => into.set(data.subarray(index * width, (index + 1) * width)),
    parent: (index) => parents[index] as number,
    count: () => count,
  };
}

/** The steps to a state in words, with the names of one concrete run, and what is possible at its end. */
function scheduleTo(world: World, states: StateTable, target: number): string[] {
  const path: number[] = [];
  for (let index = target; index > 0; index = states.parent(index)) path.unshift(index);
  let current = world.initial();
  const lines: string[] = [];
  const goal = new Int32Array(world.width);
  for (const index of path) {
    states.read(index, goal);
    const step = stepTowards(world, current, goal);
    lines.push(step.label);
    current = step.tuple;
  }
  lines.push("then every replica's next steps were tried, and one of them breaks it");
  return lines;
}

function stepTowards(world: World, current: Tuple, goal: Tuple): { readonly label: string; readonly tuple: Tuple } {
  const { n } = world.setup.bound;
  for (let place = 0; place < n; place++) {
    for (let at = n; at < world.width; at++) {
      for (const { label, local, network } of world.described(current[at] as number, current[place] as number)) {
        const tuple = Int32Array.from(current);
        tuple[place] = local;
        tuple[at] = network;
        const normal = Int32Array.from(tuple);
        world.normalise(normal);
        if (normal.every((value, i) => value === goal[i])) return { label, tuple };
      }
    }
  }
  throw new Error("a state cannot be reached again");
}
