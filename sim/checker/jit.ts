/**
 * Just-in-time linearization (Lowe, "Testing for linearizability", 2017), depth first. The history is walked by its
 * events, and an operation has to have its place only when it returns. What is tried at such a moment:
 *
 * - An answer that changes nothing and fits is placed at once: that never spoils anything.
 * - Only operations tied to the returning one, through shared keys that somebody changes, can have to go before it
 *   (two adds of one key do not tie: they can change places). All others can wait for their own return.
 * - Open operations (outcome unknown) come last, equal ones as one class. A configuration that used fewer of them
 *   can do all that one with more can, so the second is not searched.
 *
 * Every configuration is searched once. So when the search ends without a place for everybody, the furthest return
 * it came to is the first answer that no order explains.
 */
import type { Budget, Outcome, Problem } from "./engine.ts";
import { IMPOSSIBLE, type Space } from "./space.ts";
import { buildTimeline, type Timeline } from "./timeline.ts";

type Configuration = {
  readonly event: number;
  /** Slots whose operation has its place: bits 0 to 31, and 32 to 63. */
  readonly low: number;
  readonly high: number;
  readonly state: number;
  /** How many of each class of open operations have happened. */
  readonly used: readonly number[];
  /** What to try of it: the returning operation itself, then others before it, at last open ones. */
  readonly stage: "enter" | "pending" | "open";
};
type Places = Map<number | string, (readonly number[])[]>;
type Place = Pick<Configuration, "low" | "high" | "state" | "used">;

/** @returns null where more operations overlap than it can take */
export function checkJustInTime({ ops, space, start }: Problem, budget: Budget): Outcome | null {
  const timeline = buildTimeline(ops);
  return timeline === null ? null : new Search(timeline, space, budget).run(start);
}

class Search {
  private readonly timeline: Timeline;
  private readonly space: Space;
  private readonly budget: Budget;
  private readonly stack: Configuration[] = [];
  /** For each event: the uses of open operations with which a place was searched. */
  private readonly seen: (Places | undefined)[] = [];
  private furthest = 0;

  constructor(timeline: Timeline, space: Space, budget: Budget) {
    this.timeline = timeline;
    this.space = space;
    this.budget = budget;
  }

  run(start: number): Outcome {
    const { returns, classes } = this.timeline;
    this.stack.push({ event: 0, low: 0, high: 0, state: start, used: classes.map(() => 0), stage: "enter" });
    for (let next = this.stack.pop(); next !== undefined; next = this.stack.pop()) {
      if (!this.budget.spend()) return { kind: "unknown", reason: this.budget.reason };
      if (next.stage === "pending") this.pushPending(next);
      else if (next.stage === "open") this.pushOpen(next);
      else if (this.enter(next)) return { kind: "ok" };
    }
    return { kind: "violation", at: returns[this.furthest]?.op ?? null };
  }

  /** @returns true where every operation that was answered has its place */
  private enter(from: Configuration): boolean {
    const here = this.settle(from);
    if (here === null) return true;
    this.furthest = Math.max(this.furthest, here.event);
    if (this.isKnown(here)) return false;
    const { op, slot } = this.returnAt(here.event);
    this.stack.push({ ...here, stage: "pending" });
    const state = this.space.step(op, here.state);
    if (state !== IMPOSSIBLE) this.stack.push({ ...here, ...placed(here, slot), state });
    return false;
  }

  /** Places what fits and changes nothing, and passes the returns of what has its place. null: past the last return. */
  private settle({ event: from, low: lowBefore, high: highBefore, state, used }: Configuration): Configuration | null {
    const { returns } = this.timeline;
    let event = from;
    let low = lowBefore;
    let high = highBefore;
    for (; event < returns.length; event++) {
      const { slot, pending } = this.returnAt(event);
      for (const { slot: free, op } of pending) {
        if (!op.readOnly || has(low, high, free) || this.space.step(op, state) === IMPOSSIBLE) continue;
        if (free < 32) low |= 1 << free;
        else high |= 1 << (free - 32);
      }
      if (!has(low, high, slot)) return { event, low, high, state, used, stage: "enter" };
      if (slot < 32) low &= ~(1 << slot);
      else high &= ~(1 << (slot - 32));
    }
    return null;
  }

  private isKnown({ event, low, high, state, used }: Configuration): boolean {
    const places: Places = this.seen[event] ?? new Map();
    this.seen[event] = places;
    // One exact number where it fits into 53 bits, since that is the faster key.
    const place = high === 0 && state < 2 ** 21 ? state * 2 ** 32 + (low >>> 0) : `${state},${low},${high}`;
    const before = places.get(place);
    if (before === undefined) {
      places.set(place, [used]);
      return false;
    }
    if (before.some((less) => less === used || less.every((count, i) => count <= (used[i] as number)))) return true;
    before.push(used);
    return false;
  }

  private pushPending(here: Configuration): void {
    const { slot: returning } = this.returnAt(here.event);
    const { pending, open } = this.timeline.near(here.event);
    if (open.length > 0) this.stack.push({ ...here, stage: "open" });
    const places: Place[] = [];
    for (const { slot, op } of pending) {
      if (slot === returning || op.readOnly || has(here.low, here.high, slot)) continue;
      const state = this.space.step(op, here.state);
      if (state !== IMPOSSIBLE) places.push({ ...placed(here, slot), state, used: here.used });
    }
    this.pushAll(here.event, places);
  }

  private pushOpen({ event, low, high, state: before, used }: Configuration): void {
    const places: Place[] = [];
    for (const { index, op, callsBefore } of this.timeline.near(event).open) {
      const count = used[index] as number;
      if (count >= callsBefore) continue;
      const state = this.space.step(op, before);
      // An open operation that changes nothing may as well never have happened.
      if (state !== before && state !== IMPOSSIBLE) {
        places.push({ low, high, state, used: callsBefore === Infinity ? used : used.with(index, count + 1) });
      }
    }
    this.pushAll(event, places);
  }

  /** What makes the returning operation fit goes on top, to be tried first. */
  private pushAll(event: number, places: readonly Place[]): void {
    const { op } = this.returnAt(event);
    const fits = places.map(({ state }) => this.space.step(op, state) !== IMPOSSIBLE);
    for (const wanted of [false, true]) {
      for (const [i, place] of places.entries()) if (fits[i] === wanted) this.stack.push({ ...place, event, stage: "enter" });
    }
  }

  private returnAt(event: number): Timeline["returns"][number] {
    return this.timeline.returns[event] as Timeline["returns"][number];
  }
}

function has(low: number, high: number, slot: number): boolean {
  return slot < 32 ? (low & (1 << slot)) !== 0 : (high & (1 << (slot - 32))) !== 0;
}

function placed({ low, high }: Configuration, slot: number): { readonly low: number; readonly high: number } {
  return slot < 32 ? { low: low | (1 << slot), high } : { low, high: high | (1 << (slot - 32)) };
}
