/** The bounds that are explored: all of them by `npm run explore`, in the tests as far as their time goes. */
import { type Bound, type CommandPlan, conflicting } from "./setup.ts";

const plan = (owner: number, key: string, recoveries: number): CommandPlan => ({ owner, key, recoveries });

function bound(name: string, n: number, commands: readonly CommandPlan[], more: Partial<Bound> = {}): Bound {
  return { name: `n=${n}, ${name}`, n, commands, phantoms: false, sharedCounters: false, ...more };
}

/** `secondsInTests`: enough for all of the small ones on a machine that is not busy. */
export const bounds: readonly { readonly bound: Bound; readonly secondsInTests: number }[] = [
  { bound: conflicting(3, [2]), secondsInTests: 15 },
  { bound: bound("1 command, 1 recovery that may come before it", 3, [plan(1, "k", 1)], { phantoms: true }), secondsInTests: 15 },
  { bound: bound("1 command, 2 recoveries that may share a counter", 3, [plan(1, "k", 2)], { sharedCounters: true }), secondsInTests: 15 },
  { bound: conflicting(3, [1, 0]), secondsInTests: 15 },
  { bound: bound("2 commands of one owner, 1+0 recoveries", 3, [plan(1, "k", 1), plan(1, "k", 0)]), secondsInTests: 15 },
  { bound: bound("2 commands of one owner, 1+1 recoveries", 3, [plan(1, "k", 1), plan(1, "k", 1)]), secondsInTests: 3 },
  { bound: conflicting(3, [1, 1]), secondsInTests: 3 },
  { bound: bound("2 commands that do not conflict, 1+1 recoveries", 3, [plan(1, "k", 1), plan(2, "l", 1)]), secondsInTests: 3 },
  { bound: conflicting(4, [1]), secondsInTests: 15 },
  { bound: conflicting(4, [1, 0]), secondsInTests: 3 },
  { bound: conflicting(4, [1, 1]), secondsInTests: 3 },
  { bound: conflicting(5, [1]), secondsInTests: 15 },
  { bound: conflicting(5, [1, 0]), secondsInTests: 3 },
  { bound: conflicting(5, [1, 1]), secondsInTests: 3 },
  { bound: conflicting(3, [1, 0, 0]), secondsInTests: 3 },
  { bound: conflicting(3, [1, 1, 1]), secondsInTests: 3 },
  { bound: conflicting(5, [1, 1, 1]), secondsInTests: 3 },
];

/** What is too large is walked through at random as well. */
export const walked: readonly Bound[] = [
  conflicting(3, [2, 2]),
  conflicting(4, [2, 2]),
  conflicting(5, [1, 1]),
  conflicting(5, [2, 2]),
  conflicting(7, [1, 1]),
  conflicting(3, [1, 1, 1]),
  conflicting(5, [1, 1, 1]),
];
