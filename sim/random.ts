import type { Random } from "../proposals/ports.ts";

/** Numbers that one seed gives, always the same. Small and fast (sfc32); no secret is made of them. */
export type Dice = Random & {
  /** An integer in [low, high]. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** By weight; the weights need not add up to 1. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T;
  shuffle<T>(list: readonly T[]): T[];
  /** Dice of their own for one purpose, so that more throws for one do not change another's. */
  fork(purpose: string): Dice;
};

export function createDice(seed: string): Dice {
  let [a, b, c, d] = seedWords(seed);
  const word = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  const next = () => (word() * 2 ** 21 + (word() >>> 11)) / 2 ** 53;
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    id: () => [word(), word(), word(), word()].map((each) => each.toString(16).padStart(8, "0")).join(""),
    chance: (probability) => probability > 0 && next() < probability,
    pick<T>(from: readonly T[]): T {
      return from[between(0, from.length - 1)] as T;
    },
    weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
      const entries = Object.entries<number>(weights) as [T, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        left -= weight;
        if (left < 0) return name;
      }
      return (entries.at(-1) as [T, number])[0];
    },
    shuffle<T>(list: readonly T[]): T[] {
      const shuffled = [...list];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = between(0, i);
        [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
      }
      return shuffled;
    },
    fork: (purpose) => createDice(`${seed}/${purpose}`),
  };
}

/** FNV-1a under four starting values. */
function seedWords(seed: string): [number, number, number, number] {
  const words = [0x811c9dc5, 0x01234567, 0x89abcdef, 0x7f4a7c15].map((start) => {
    let hash = start;
    for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
    return hash | 0;
  });
  return words as [number, number, number, number];
}
