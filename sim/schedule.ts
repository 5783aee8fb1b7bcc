/** Virtual time: events in their order, ties by arrival, and between two events every promise settles. */

/** Something that will happen; cancelled, it will not. */
export type Event = { readonly atMs: number; readonly order: number; run: (() => void) | null };

export type Schedule = {
  nowMs(): number;
  after(delayMs: number, run: () => void): Event;
  cancel(event: Event): void;
  /** Runs events until there is a verdict, or none left. Resolves with whether `done` said so. */
  run(done: () => boolean): Promise<boolean>;
  /** Events that have happened. */
  count(): number;
};

/** Times are multiples of 1/1024 ms, so that their sums are exact. */
const TICKS_A_MS = 1024;

/** Any wait moves the clock: one for what is left of another by the rounding of a sum would be begun again and again for ever. */
function later(nowMs: number, delayMs: number): number {
  if (delayMs <= 0) return nowMs;
  const ticks = Math.ceil((nowMs + delayMs) * TICKS_A_MS);
  return Math.max(ticks, nowMs * TICKS_A_MS + 1) / TICKS_A_MS;
}

/** So many turns of the event loop are asked for at once: between two of them Node settles every promise. */
const TURNS = 64;

export function createSchedule(): Schedule {
  const heap: Event[] = [];
  let nowMs = 0;
  let order = 0;
  let happened = 0;
  let cancelled = 0;

  /** Cancelled timers are most of the heap now and then. */
  function tidy(): void {
    if (cancelled < 1024 || cancelled * 2 < heap.length) return;
    const kept = heap.filter(({ run }) => run !== null).sort(before);
    heap.splice(0, heap.length, ...kept);
    cancelled = 0;
  }
  function runNext(): boolean {
    for (let event = pop(heap); event !== undefined; event = pop(heap)) {
      if (event.run === null) {
        cancelled--;
        continue;
      }
      nowMs = event.atMs;
      happened++;
      const { run } = event;
      event.run = null;
      run();
      return true;
    }
    return false;
  }
  return {
    nowMs: () => nowMs,
    after(delayMs, run) {
      const event: Event = { atMs: later(nowMs, delayMs), order: order++, run };
      push(heap, event);
      return event;
    },
    cancel(event) {
      if (event.run === null) return;
      event.run = null;
      cancelled++;
      tidy();
    },
    run(done) {
      return new Promise((resolve, reject) => {
        let over = false;
        const turn = () => {
          if (over) return;
          try {
            const verdict = done();
            if (!verdict && runNext()) return;
            over = true;
            resolve(verdict);
          } catch (error) {
            over = true;
            reject(error);
          }
        };
        const turns = () => {
          for (let i = 0; i < TURNS; i++) setImmediate(turn);
          if (!over) setImmediate(turns);
        };
        turns();
      });
    },
    count: () => happened,
  };
}

function before(a: Event, b: Event): number {
  return a.atMs - b.atMs || a.order - b.order;
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (before(heap[above] as Event, event) <= 0) break;
    heap[at] = heap[above] as Event;
    at = above;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && before(heap[below + 1] as Event, heap[below] as Event) < 0) below++;
    if (before(last, heap[below] as Event) <= 0) break;
    heap[at] = heap[below] as Event;
    at = below;
  }
  heap[at] = last;
  return first;
}
