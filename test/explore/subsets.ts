/** Which of the answers at hand somebody may have heard. */
import type { ReplicaId } from "../../protocol/types.ts";

/** What was said, by whom. */
export function pairs<T>(byVoter: readonly (T | null)[]): (readonly [ReplicaId, T])[] {
  return byVoter.flatMap((value, i) => (value === null ? [] : [[(i + 1) as ReplicaId, value] as const]));
}

/** All subsets of at least `min` elements. */
export function subsets<T>(list: readonly T[], min: number): T[][] {
  const found: T[][] = [];
  for (let mask = 0; mask < 2 ** list.length; mask++) {
    const some = list.filter((_, i) => (mask & (1 << i)) !== 0);
    if (some.length >= min) found.push(some);
  }
  return found;
}

/** One of each list, in every way; none if a list is empty. */
export function choices<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])), [[]]);
}
