/** Steps 16 to 18 of spec/PROPOSAL.md: bad counts first. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { unionDeps } from "../../protocol/deps.ts";
import { replicaId } from "../../protocol/ids.ts";
import { concludePreAccepts } from "../../protocol/owner.ts";
import { thresholds } from "../../protocol/quorum.ts";
import type { Deps, ReplicaId } from "../../protocol/types.ts";
import { id } from "./arbitrary.ts";
import { deps } from "./voters.ts";

const y = deps(id(2, 1));
const z = deps(id(3, 1));
const d0 = deps();

/** `answers[i]` is what replica i+1 answered: its dependencies, a refusal, or nothing yet. */
function conclude(n: number, answers: readonly (Deps | "refused" | null)[], fastTimedOut = false) {
  const oks = new Map<ReplicaId, Deps>();
  const refused = new Set<ReplicaId>();
  for (const [i, answer] of answers.entries()) {
    if (answer === "refused") refused.add(replicaId(i + 1));
    else if (answer !== null) oks.set(replicaId(i + 1), answer);
  }
  return concludePreAccepts({ thresholds: thresholds(n), initDeps: d0, oks, fastTimedOut, refused });
}

describe("what the owner concludes", () => {
  const wait = { kind: "wait" } as const;
  const fast = { kind: "fast" } as const;
  const slow = (union: Deps) => ({ kind: "slow", deps: union }) as const;
  const cases: readonly { name: string; n: number; answers: readonly (Deps | "refused" | null)[]; timedOut?: boolean; expected: object }[] =
    [
      { name: "step 16: the owner alone is no quorum of three", n: 3, answers: [d0, null, null], expected: wait },
      { name: "step 16: nor when all others refused", n: 3, answers: [d0, "refused", "refused"], timedOut: true, expected: wait },
      { name: "step 16: nor of two", n: 2, answers: [d0], timedOut: true, expected: wait },
      { name: "step 16: two of five, though they agree and the timer passed", n: 5, answers: [d0, d0], timedOut: true, expected: wait },
      { name: "step 17: a cluster of one", n: 1, answers: [d0], expected: fast },
      { name: "step 17: n-e of three", n: 3, answers: [d0, d0], expected: fast },
      { name: "step 17: n-e of four is three", n: 4, answers: [d0, d0], timedOut: true, expected: wait },
      { name: "step 17: n-e of five, though others differ", n: 5, answers: [d0, y, d0, y, d0], expected: fast },
      { name: "step 17: n-e of seven is five", n: 7, answers: [d0, d0, d0, d0], expected: wait },
      { name: "step 17: five of seven", n: 7, answers: [d0, d0, d0, d0, d0], expected: fast },
      { name: "step 17: followers that agree with each other only", n: 3, answers: [d0, y, y], expected: slow(y) },
      { name: "step 18: not while the fast path is possible", n: 5, answers: [d0, y, y], expected: wait },
      { name: "step 18: the timer passed", n: 5, answers: [d0, y, y], timedOut: true, expected: slow(y) },
      { name: "step 18: the fast path is no longer possible", n: 5, answers: [d0, y, z, y], expected: slow(unionDeps(y, z)) },
      { name: "step 18: the same by a refusal", n: 5, answers: [d0, y, z, "refused"], expected: slow(unionDeps(y, z)) },
      { name: "step 18: all answered", n: 3, answers: [d0, y, "refused"], expected: slow(y) },
      { name: "step 18: four of seven agree, the timer passed", n: 7, answers: [d0, d0, d0, d0], timedOut: true, expected: slow(d0) },
    ];
  for (const { name, n, answers, timedOut = false, expected } of cases) {
    test(name, () => assert.deepEqual(conclude(n, answers, timedOut), expected));
  }

  test("never fast with fewer than n-e that agree, never slow with fewer than n-f answers, and slow keeps every answer", () => {
    const answer = fc.constantFrom<Deps | "refused" | null>(d0, d0, y, z, "refused", null);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(answer, { maxLength: 8 }), fc.boolean(), (n, others, timedOut) => {
        const answers = [d0, ...others.slice(0, n - 1)];
        const need = thresholds(n);
        const given = answers.filter((each): each is Deps => each !== null && each !== "refused");
        const result = conclude(n, answers, timedOut);
        const agreed = given.filter((each) => each === d0).length;
        assert.equal(result.kind === "fast", agreed >= need.fast);
        if (result.kind !== "slow") return;
        assert(given.length >= need.slow);
        assert.deepEqual(result.deps, given.reduce(unionDeps));
      }),
    );
  });
});
