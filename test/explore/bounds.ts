/** The bounds that are explored: all of them by `npm run explore`, the small ones by the tests too. */
import { type Bound, type CommandPlan, conflicting } from "./setup.ts";

const plan = (owner: number, key: string, recoveries: number): CommandPlan => ({ owner, key, recoveries });

function bound(name: string, n: number, commands: readonly CommandPlan[], more: Partial<Bound> = {}): Bound {
  return { name: `n=${n}, ${name}`, n, commands, phantoms: false, sharedCounters: false, ...more };
}

export const bounds: readonly Bound[] = [
  conflicting(3, [1]),
  conflicting(3, [2]),
  bound("1 command, 1 recovery that may come before it", 3, [plan(1, "k", 1)], { phantoms: true }),
  bound("1 command, 2 recoveries that may share a counter", 3, [plan(1, "k", 2)], { sharedCounters: true }),
  conflicting(3, [1, 0]),
  bound("2 commands of one owner, a recovery of the first", 3, [plan(1, "k", 1), plan(1, "k", 0)]),
  bound("2 commands of one owner, a recovery of the second", 3, [plan(1, "k", 0), plan(1, "k", 1)]),
  bound("2 commands of one owner, a recovery each", 3, [plan(1, "k", 1), plan(1, "k", 1)]),
  conflicting(3, [1, 1]),
  conflicting(4, [1]),
  conflicting(4, [1, 0]),
  conflicting(4, [1, 1]),
  conflicting(5, [1]),
  conflicting(5, [1, 0]),
  conflicting(5, [1, 1]),
  conflicting(3, [1, 0, 0]),
  conflicting(3, [1, 1, 0]),
  conflicting(3, [1, 1, 1]),
  conflicting(5, [1, 1, 1]),
];
