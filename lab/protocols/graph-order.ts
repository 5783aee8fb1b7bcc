/** Execution by dependency graph: strongly connected components, what they depend on first. EPaxos (SOSP'13) 4.3.2. */
import type { Command } from "../model.ts";

type Node = { readonly command: Command; readonly deps: readonly number[] };

export type GraphOrder = { commit(command: Command, deps: readonly number[]): void };

export function createGraphOrder(isSettled: (id: number) => boolean, execute: (command: Command) => void): GraphOrder {
  const nodes = new Map<number, Node>();
  const done = new Set<number>();
  const waiting = new Map<number, Set<number>>();
  const isDone = (id: number) => done.has(id) || isSettled(id);

  /** Executes what is below and the root itself, or names the first command in its way that is not committed. */
  function run(root: number): number | null {
    const index = new Map<number, number>();
    const low = new Map<number, number>();
    const stack: number[] = [];
    const path: { id: number; next: number }[] = [{ id: root, next: 0 }];
    const components: number[][] = [];
    while (path.length > 0) {
      const top = path.at(-1) as { id: number; next: number };
      const node = nodes.get(top.id);
      if (node === undefined) return top.id;
      if (top.next === 0 && !index.has(top.id)) {
        index.set(top.id, index.size);
        low.set(top.id, index.size - 1);
        stack.push(top.id);
      }
      const dep = node.deps[top.next++];
      if (dep !== undefined) {
        if (isDone(dep)) continue;
        if (!index.has(dep)) path.push({ id: dep, next: 0 });
        else if (stack.includes(dep)) low.set(top.id, Math.min(low.get(top.id) as number, index.get(dep) as number));
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) low.set(above.id, Math.min(low.get(above.id) as number, low.get(top.id) as number));
      if (low.get(top.id) === index.get(top.id)) components.push(stack.splice(stack.indexOf(top.id)));
    }
    for (const component of components) {
      const commands = component.map((id) => (nodes.get(id) as Node).command);
      commands.sort((a, b) => a.wallMs - b.wallMs || a.id - b.id);
      for (const command of commands) {
        done.add(command.id);
        nodes.delete(command.id);
        execute(command);
      }
    }
    return null;
  }
  return {
    commit(command, deps) {
      if (isDone(command.id) || nodes.has(command.id)) return;
      nodes.set(command.id, { command, deps });
      const roots = [command.id];
      for (const id of waiting.get(command.id) ?? []) roots.push(id);
      waiting.delete(command.id);
      for (const root of roots) {
        if (isDone(root)) continue;
        const missing = run(root);
        if (missing === null) continue;
        const list = waiting.get(missing) ?? new Set();
        waiting.set(missing, list.add(root));
      }
    },
  };
}
