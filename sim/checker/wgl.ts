/**
 * The search of Wing and Gong with Lowe's memory: a linked list of calls and returns, in which whatever has its place
 * is lifted out. It has no limit of operations at once, and the checker takes it where just-in-time linearization
 * has; tests run both on every history.
 */
import type { Op } from "./compile.ts";
import type { Budget, Outcome, Problem } from "./engine.ts";
import { IMPOSSIBLE } from "./space.ts";

type Entry = { readonly call: Call | null; readonly op: Op | null; previous: Entry | null; next: Entry | null };
/** `bit`: its place in the set of definite or of open operations. */
type Call = { readonly bit: number; readonly ownReturn: Entry | null };

export function checkWingGongLowe({ ops, space, start }: Problem, budget: Budget): Outcome {
  const head = buildList(ops);
  const definite = new BitSet(ops.length);
  const open = new BitSet(ops.length);
  const seen = new Set<string>();
  const stack: { readonly entry: Entry; readonly state: number }[] = [];
  let left = ops.filter(({ optional }) => !optional).length;
  let state = start;
  let entry = head.next;
  while (left > 0) {
    if (entry?.call != null && entry.op !== null) {
      const { op, call } = entry as { op: Op; call: Call };
      const next = space.step(op, state);
      const bits = op.optional ? open : definite;
      // An open operation that changes nothing may as well never have happened.
      if (next !== IMPOSSIBLE && !(op.optional && next === state)) {
        if (!budget.spend()) return { kind: "unknown", reason: budget.reason };
        bits.set(call.bit);
        const place = `${next}|${definite.name()}|${open.name()}`;
        if (!seen.has(place)) {
          seen.add(place);
          stack.push({ entry, state });
          state = next;
          lift(entry, call);
          if (!op.optional) left -= 1;
          entry = head.next;
          continue;
        }
        bits.clear(call.bit);
      }
      entry = entry.next;
      continue;
    }
    // A return before its operation has a place, or the end of the list: take the last choice back.
    const last = stack.pop();
    if (last === undefined) return { kind: "violation", at: null };
    const { op, call } = last.entry as { op: Op; call: Call };
    state = last.state;
    (op.optional ? open : definite).clear(call.bit);
    if (!op.optional) left += 1;
    unlift(last.entry, call);
    entry = last.entry.next;
  }
  return { kind: "ok" };
}

/** @returns a head before the first entry */
function buildList(ops: readonly Op[]): Entry {
  const events: { at: number; entry: Entry; position: number }[] = [];
  const bits = { definite: 0, open: 0 };
  for (const op of [...ops].sort((a, b) => a.call - b.call || a.position - b.position)) {
    const ownReturn: Entry | null = op.optional ? null : { call: null, op: null, previous: null, next: null };
    const bit = op.optional ? bits.open++ : bits.definite++;
    events.push({ at: op.call, entry: { call: { bit, ownReturn }, op, previous: null, next: null }, position: op.position });
    if (ownReturn !== null) events.push({ at: op.ret, entry: ownReturn, position: op.position });
  }
  // Where a call and a return share a time, the call counts as the earlier one: they may have overlapped.
  const isReturn = ({ entry }: { entry: Entry }) => Number(entry.call === null);
  events.sort((a, b) => a.at - b.at || isReturn(a) - isReturn(b) || a.position - b.position);
  const head: Entry = { call: null, op: null, previous: null, next: null };
  let last = head;
  for (const { entry } of events) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function lift(entry: Entry, { ownReturn }: Call): void {
  for (const each of ownReturn === null ? [entry] : [entry, ownReturn]) {
    if (each.previous !== null) each.previous.next = each.next;
    if (each.next !== null) each.next.previous = each.previous;
  }
}

/** In the reverse order of lift, so that neighbours that were lifted together find each other. */
function unlift(entry: Entry, { ownReturn }: Call): void {
  for (const each of ownReturn === null ? [entry] : [ownReturn, entry]) {
    if (each.previous !== null) each.previous.next = each;
    if (each.next !== null) each.next.previous = each;
  }
}

/** Members are mostly the first so many, so the name of a set leaves the full words in front and the empty ones behind out. */
class BitSet {
  private readonly words: Int32Array;
  private full = 0;
  private end = 0;

  constructor(size: number) {
    this.words = new Int32Array((size >> 5) + 1);
  }

  set(bit: number): void {
    const word = bit >> 5;
    this.words[word] = (this.words[word] as number) | (1 << (bit & 31));
    this.end = Math.max(this.end, word + 1);
    while (this.words[this.full] === -1) this.full += 1;
  }

  clear(bit: number): void {
    const word = bit >> 5;
    this.words[word] = (this.words[word] as number) & ~(1 << (bit & 31));
    this.full = Math.min(this.full, word);
    while (this.end > 0 && this.words[this.end - 1] === 0) this.end -= 1;
  }

  name(): string {
    return `${this.full}:${this.words.subarray(this.full, this.end).join()}`;
  }
}
