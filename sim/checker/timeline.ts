/** The events of a component in the form that just-in-time linearization walks. */
import type { Op, Simple, Txn } from "./compile.ts";

/** A definite operation between its call and its return, in a place of a bit set. */
export type Pending = { readonly slot: number; readonly op: Op };
/** Open operations with one effect, of which only the number that happened matters. */
type OpenClass = { readonly op: Op; readonly calls: readonly number[] };
/** `callsBefore`: how many of the class were called by then; Infinity where one is repeatable. */
type OpenThen = { readonly index: number; readonly op: Op; readonly callsBefore: number };

export type Timeline = {
  /** By time. `pending` are all that are called and not returned then, this one included. */
  readonly returns: readonly { readonly op: Op; readonly slot: number; readonly pending: readonly Pending[] }[];
  readonly classes: readonly OpenClass[];
  /** What can have to go before the operation that returns there. */
  near(event: number): { readonly pending: readonly Pending[]; readonly open: readonly OpenThen[] };
};

const slotsMax = 64;

/** null: too many at once. */
export function buildTimeline(ops: readonly Op[]): Timeline | null {
  const definite = ops.filter(({ optional }) => !optional);
  const classes = openClasses(ops);
  // Where a call and a return share a time, the call counts as the earlier one: they may have overlapped.
  const events = definite.flatMap((op) => [
    { at: op.call, op, isReturn: false },
    { at: op.ret, op, isReturn: true },
  ]);
  events.sort((a, b) => a.at - b.at || Number(a.isReturn) - Number(b.isReturn) || a.op.position - b.op.position);
  const returns: { op: Op; slot: number; pending: Pending[] }[] = [];
  const busy: (Pending | null)[] = [];
  for (const { op, isReturn } of events) {
    if (!isReturn) {
      const free = busy.indexOf(null);
      const slot = free >= 0 ? free : busy.length;
      if (slot === slotsMax) return null;
      busy[slot] = { slot, op };
      continue;
    }
    const pending = busy.filter((each) => each !== null);
    const slot = pending.find((each) => each.op === op)?.slot as number;
    returns.push({ op, slot, pending });
    busy[slot] = null;
  }
  const known: ReturnType<Timeline["near"]>[] = [];
  const near = (event: number) => {
    const found = known[event] ?? nearTo(returns[event] as (typeof returns)[number], classes);
    known[event] = found;
    return found;
  };
  return { returns, classes, near };
}

function openClasses(ops: readonly Op[]): OpenClass[] {
  const classes = new Map<string, { op: Op; calls: number[] }>();
  for (const op of ops) {
    if (!op.optional) continue;
    const effect = effectOf(op);
    const known = classes.get(effect);
    if (known === undefined) classes.set(effect, { op, calls: [op.call] });
    else known.calls.push(op.call);
    if (known !== undefined && op.repeatable) known.op = op;
  }
  return [...classes.values()].map(({ op, calls }) => ({ op, calls: calls.sort((a, b) => a - b) }));
}

/** The same text for operations that do the same to every state. */
export function effectOf({ parts }: Op): string {
  return JSON.stringify(parts.map(({ command }) => describe(command)));
}

function describe(command: Simple | Txn): unknown {
  if (command.kind === "txn") {
    return [command.checks.map(({ key, expect }) => [key, conditionText(expect)]), command.commands.map(describe)];
  }
  switch (command.kind) {
    case "get":
      return [];
    case "write":
      return [command.key, command.value];
    case "add":
      return [command.key, "add", command.delta.toString()];
    case "checkAndSet":
      return [command.key, conditionText(command.expect), command.newValue];
  }
}

function conditionText(expect: Extract<Simple, { kind: "checkAndSet" }>["expect"]): unknown {
  return "version" in expect ? expect.version : [...expect.values];
}

function nearTo({ op, pending }: Timeline["returns"][number], classes: readonly OpenClass[]): ReturnType<Timeline["near"]> {
  const openThen = classes.flatMap((each, index): OpenThen[] => {
    const callsBefore = each.op.repeatable ? Infinity : countAtMost(each.calls, op.ret);
    return callsBefore === 0 ? [] : [{ index, op: each.op, callsBefore }];
  });
  const nearPending: Pending[] = [];
  const nearOpen: OpenThen[] = [];
  let restPending = pending.filter((each) => each.op !== op);
  let restOpen = openThen;
  for (let frontier: readonly Op[] = [op]; frontier.length > 0; ) {
    const isTied = (each: { readonly op: Op }) => frontier.some((known) => areTied(known, each.op));
    const tiedPending = restPending.filter(isTied);
    const tiedOpen = restOpen.filter(isTied);
    restPending = restPending.filter((each) => !tiedPending.includes(each));
    restOpen = restOpen.filter((each) => !tiedOpen.includes(each));
    nearPending.push(...tiedPending);
    nearOpen.push(...tiedOpen);
    frontier = [...tiedPending, ...tiedOpen].map((each) => each.op);
  }
  return { pending: nearPending, open: nearOpen };
}

/** Whether it can matter which of the two goes first. */
function areTied(a: Op, b: Op): boolean {
  if ((a.readOnly && b.readOnly) || (a.adds && b.adds)) return false;
  return a.keys.some((key) => b.keys.includes(key));
}

function countAtMost(sorted: readonly number[], at: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
