/** Which keys have to be looked at together: linearizability of each such group is linearizability of all. */
import { commandsOf, type Operation } from "./history.ts";

export type Placed = { readonly operation: Operation; readonly position: number };
export type Component = { readonly keys: readonly string[]; readonly operations: readonly Placed[] };

export function keysOf(operation: Operation): string[] {
  const keys = commandsOf(operation).flatMap((command) =>
    command.kind === "txn" ? [...(command.checks ?? []), ...command.commands].map(({ key }) => key) : [command.key],
  );
  return [...new Set(keys)];
}

/** The smallest group first. */
export function splitIntoComponents(operations: readonly Placed[]): Component[] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root)) root = parent;
    parents.set(key, root);
    return root;
  };
  const keysOfEach = operations.map(({ operation }) => keysOf(operation));
  for (const keys of keysOfEach) {
    const [first, ...others] = keys;
    if (first === undefined) continue;
    for (const other of [first, ...others]) parents.set(rootOf(other), rootOf(first));
  }
  const groups = new Map<string, { keys: Set<string>; operations: Placed[] }>();
  for (const [i, placed] of operations.entries()) {
    const keys = keysOfEach[i] ?? [];
    const root = keys[0] === undefined ? undefined : rootOf(keys[0]);
    if (root === undefined) continue;
    const group = groups.get(root) ?? { keys: new Set<string>(), operations: [] };
    groups.set(root, group);
    for (const key of keys) group.keys.add(key);
    group.operations.push(placed);
  }
  return [...groups.values()]
    .map((group) => ({ keys: [...group.keys], operations: group.operations }))
    .sort((a, b) => a.operations.length - b.operations.length);
}
