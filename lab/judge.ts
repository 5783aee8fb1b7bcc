/** Whether a run was safe: one order of writes on each key everywhere, and nobody sees the past. */
import type { Cluster, Operation } from "./setting.ts";

/** What is wrong, in words; empty when nothing is. `orders` are compared up to the shortest. */
export function judge(cluster: Cluster, operations: readonly Operation[]): string[] {
  return [...cluster.problems, ...judgeOrders(cluster.orders()), ...judgeTime(operations)];
}

export function judgeOrders([first, ...rest]: readonly ReadonlyMap<string, readonly number[]>[]): string[] {
  const wrong: string[] = [];
  for (const [key, order] of first ?? new Map<string, readonly number[]>()) {
    for (const [i, other] of rest.entries()) {
      const theirs = other.get(key) ?? [];
      const at = order.findIndex((id, position) => position < theirs.length && theirs[position] !== id);
      if (at >= 0) wrong.push(`key ${key}: replica 1 executed ${order[at]} as its number ${at + 1}, replica ${i + 2} ${theirs[at]}`);
    }
  }
  return wrong;
}

/** Versions of one key never go back in real time: together with one order of writes that is linearizability of reads and writes. */
export function judgeTime(operations: readonly Operation[]): string[] {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.endMs === null) continue;
    const list = byKey.get(operation.key);
    if (list === undefined) byKey.set(operation.key, [operation]);
    else list.push(operation);
  }
  const wrong: string[] = [];
  for (const [key, list] of byKey) {
    const begun = [...list].sort((a, b) => a.startMs - b.startMs);
    const ended = [...list].sort((a, b) => (a.endMs as number) - (b.endMs as number));
    let [at, newest] = [0, 0];
    for (const operation of begun) {
      for (; at < ended.length && ((ended[at] as Operation).endMs as number) < operation.startMs; at++)
        newest = Math.max(newest, (ended[at] as Operation).version);
      const least = operation.isRead ? newest : newest + 1;
      if (operation.version < least)
        wrong.push(`key ${key}: operation ${operation.number} has version ${operation.version} after one with ${newest} had ended`);
    }
  }
  return wrong;
}
