/**
 * EPaxos Revisited's example 3: the owner commits in one round because its followers agree with each other, though not with it.
 * Every case of five replicas, two of which crash, against the optimized recovery of EPaxos (SOSP'13) 4.7.
 */

import { agrees } from "./protocols/epaxos.ts";
import { ownerDeps } from "./thrifty-shipped.ts";

export type Rule = "owner, sent to all" | "followers, sent to the quorum alone" | "followers, sent to all" | "as shipped";
export type Case = {
  readonly quorum: readonly number[];
  readonly crashed: readonly number[];
  readonly committed: string;
  readonly recovered: string;
};
export type Verdict = { readonly rule: Rule; readonly cases: number; readonly violations: readonly Case[] };

export const rules: readonly Rule[] = ["owner, sent to all", "followers, sent to the quorum alone", "followers, sent to all", "as shipped"];

const N = 5;
const FAST = 3;
/** Replica 0 owns a write of x and knows of none before; some of the others have heard of another one, 9. */
const OTHER = [9];

/** Goes through every set of replicas that know the other write, every fast quorum and every pair that crashes, the owner in it. */
export function judgeRule(rule: Rule): Verdict {
  const violations: Case[] = [];
  let cases = 0;
  for (const knowing of subsets([1, 2, 3, 4])) {
    for (const followers of subsets([1, 2, 3, 4]).filter(({ length }) => length === FAST - 1)) {
      const quorum = [0, ...followers];
      const toAll = rule !== "followers, sent to the quorum alone";
      const replies = followers.map((id) => (knowing.includes(id) ? OTHER : []));
      const fast =
        rule === "as shipped"
          ? ownerDeps(N, replies)
          : agrees(rule === "owner, sent to all" ? "owner" : "followers", [], replies)
            ? (replies[0] ?? [])
            : null;
      if (fast === null) continue;
      for (const other of [1, 2, 3, 4]) {
        cases++;
        const crashed = [0, other];
        const alive = [1, 2, 3, 4].filter((id) => id !== other && (toAll || quorum.includes(id)));
        const recovered = recoverOptimized(
          alive.map((id) => (knowing.includes(id) ? OTHER : [])),
          toAll,
        );
        if (recovered !== null && recovered.join() !== fast.join())
          violations.push({ quorum, crashed, committed: `{${fast}}`, recovered: `{${recovered}}` });
      }
    }
  }
  return { rule, cases, violations };
}

/**
 * Which dependencies a recovery may take for those of a fast commit; null: it must find out more first. Sent to all, the only
 * fast commit there can be is that of the owner's own, and floor((F+1)/2) = 1 replica that has it is enough to believe in it.
 */
function recoverOptimized(found: readonly (readonly number[])[], toAll: boolean): readonly number[] | null {
  if (found.length === 0) return null;
  if (toAll) return found.find((deps) => deps.length === 0) ?? null;
  return found.every((deps) => deps.join() === found[0]?.join()) ? (found[0] ?? null) : null;
}

function subsets(from: readonly number[]): number[][] {
  const [first, ...rest] = from;
  if (first === undefined) return [[]];
  const without = subsets(rest);
  return [...without, ...without.map((some) => [first, ...some])];
}
