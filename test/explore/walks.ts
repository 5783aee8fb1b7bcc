/** Random runs through a bound too large to be visited whole: every step is one of all that are possible, each as likely. */
import { Violation } from "./checks.ts";
import { type Bound, makeSetup } from "./setup.ts";
import { makeWorld, type Tuple, type World } from "./world.ts";

export type Walks = {
  readonly bound: Bound;
  readonly walks: number;
  readonly steps: number;
  readonly seconds: number;
  /** Walks at whose end some instance was committed as a value, and as Nop: proof that they get somewhere. */
  readonly ends: { readonly values: number; readonly nops: number };
  readonly violation: { readonly message: string; readonly walk: number; readonly schedule: readonly string[] } | null;
};

type Step = { readonly place: number; readonly at: number; readonly local: number; readonly network: number };

export function walk(bound: Bound, { seed, walksMax, secondsMax }: { seed: number; walksMax: number; secondsMax: number }): Walks {
  const startedMs = performance.now();
  const world = makeWorld(makeSetup(bound));
  const dice = makeDice(seed);
  const ends = { values: 0, nops: 0 };
  let [walks, steps] = [0, 0];
  const done = (violation: Walks["violation"]): Walks => ({
    bound,
    walks,
    steps,
    seconds: (performance.now() - startedMs) / 1000,
    ends,
    violation,
  });
  for (; walks < walksMax && (performance.now() - startedMs) / 1000 < secondsMax; walks++) {
    const taken: Step[] = [];
    const tuple = world.initial();
    try {
      while (advance(world, tuple, dice, taken)) steps++;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return done({ message: error.message, walk: walks, schedule: inWords(world, taken) });
    }
    for (const { index } of world.setup.instances) {
      const { commit } = world.network(tuple[bound.n + index] as number).facts;
      if (commit !== null) ends[commit.value === "nop" ? "nops" : "values"]++;
    }
  }
  return done(null);
}

/** One step, in place; false when nothing can happen any more. */
function advance(world: World, tuple: Tuple, dice: () => number, taken: Step[]): boolean {
  const { n } = world.setup.bound;
  let total = 0;
  for (let place = 0; place < n; place++)
    for (let at = n; at < world.width; at++) total += world.next(tuple[at] as number, tuple[place] as number).length / 2;
  if (total === 0) return false;
  let chosen = Math.floor(dice() * total);
  for (let place = 0; place < n; place++) {
    for (let at = n; at < world.width; at++) {
      const network = tuple[at] as number;
      const next = world.next(network, tuple[place] as number);
      if (chosen >= next.length / 2) {
        chosen -= next.length / 2;
        continue;
      }
      const step = { place, at, local: next[2 * chosen] as number, network: next[2 * chosen + 1] as number };
      tuple[place] = step.local;
      tuple[at] = step.network;
      taken.push(step);
      world.checkAcross(tuple, at - n, network);
      return true;
    }
  }
  throw new Error("a step was counted and not found");
}

function inWords(world: World, taken: readonly Step[]): string[] {
  const tuple = world.initial();
  return taken.map(({ place, at, local, network }) => {
    const options = world.described(tuple[at] as number, tuple[place] as number);
    tuple[place] = local;
    tuple[at] = network;
    return options.find((option) => option.local === local && option.network === network)?.label ?? "?";
  });
}

/** mulberry32: the same walks for the same seed. */
function makeDice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
