/** The checker against every order of small histories, tried one by one through the shipped state machine. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkHistory } from "../../sim/checker/check-history.ts";
import type { Operation } from "../../sim/checker/history.ts";
import { createDice } from "../../sim/random.ts";
import { randomHistory, type Shape, spoil } from "./checker-histories.ts";
import { hasOrder } from "./checker-store.ts";

/** SEED=name replays one history. */
const { SEED: only, ROUNDS: rounds = "1500" } = process.env as { readonly SEED?: string; readonly ROUNDS?: string };

const small: Shape = {
  operations: 6,
  clients: 4,
  keys: 1,
  kinds: { get: 3, set: 3, delete: 1, checkAndSet: 3 },
  info: 0.25,
  fail: 0.08,
  sameValues: 0.4,
  onVersion: 0,
  ticks: 8,
  silent: 0.3,
};
const shapes: readonly { readonly name: string; readonly shape: Shape; readonly versions?: boolean }[] = [
  { name: "one key", shape: small },
  { name: "one key, each value its own", shape: { ...small, operations: 7, sameValues: 0 } },
  { name: "one key, conditions on versions", shape: { ...small, onVersion: 0.6 } },
  { name: "one key, versions compared", shape: { ...small, onVersion: 0.2, silent: 0.1 }, versions: true },
  { name: "a counter", shape: { ...small, kinds: { get: 3, set: 1, delete: 1, checkAndSet: 1, add: 5 } } },
  { name: "a counter, versions compared", shape: { ...small, kinds: { get: 3, set: 1, add: 4 }, silent: 0.1 }, versions: true },
  { name: "transactions over three keys", shape: { ...small, keys: 3, kinds: { get: 2, set: 2, checkAndSet: 1, txn: 4 } } },
  { name: "transactions and counters", shape: { ...small, keys: 2, kinds: { get: 2, set: 1, delete: 1, add: 2, checkAndSet: 1, txn: 4 } } },
  {
    name: "transactions, versions compared",
    shape: { ...small, keys: 2, kinds: { get: 2, set: 1, add: 1, checkAndSet: 1, txn: 4 }, onVersion: 0.4, silent: 0.1 },
    versions: true,
  },
  {
    name: "proposals of several commands",
    shape: {
      ...small,
      operations: 5,
      keys: 2,
      kinds: { get: 2, set: 2, delete: 1, add: 1, checkAndSet: 2, txn: 1, proposal: 4 },
      onVersion: 0.1,
    },
  },
];

describe("as every order tried one by one", () => {
  for (const { name, shape, versions = false } of shapes) {
    test(name, (t) => {
      const tally = { good: 0, bad: 0 };
      const shown: number[] = [];
      for (let round = 0; round < Number(rounds); round++) {
        const seed = only ?? `${name} ${round}`;
        const history = makeHistory(seed, shape);
        if (!history.some(({ status }) => status === "ok")) continue;
        const expected = hasOrder(history, { versions });
        tally[expected ? "good" : "bad"] += 1;
        for (const engine of ["auto", "wingGongLowe"] as const) {
          const verdict = checkHistory(history, { versions, engine });
          assert.equal(verdict.verdict, expected ? "ok" : "violation", `SEED='${seed}' ${engine}\n${print(history)}`);
          if (verdict.verdict !== "violation") continue;
          assert.equal(
            hasOrder(verdict.operations, { versions }),
            false,
            `SEED='${seed}' what is shown has an order\n${verdict.window}\n${print(history)}`,
          );
          shown.push(verdict.operations.length / history.length);
        }
        if (only !== undefined) break;
      }
      t.diagnostic(`${tally.good} with an order, ${tally.bad} without; shown of these: ${percent(shown)}`);
      if (only === undefined) assert(Math.min(tally.good, tally.bad) > Number(rounds) / 8, `lopsided: ${JSON.stringify(tally)}`);
    });
  }
});

function makeHistory(seed: string, shape: Shape): Operation[] {
  const dice = createDice(seed);
  let history = randomHistory(dice, { ...shape, operations: dice.between(2, shape.operations) });
  for (let times = dice.between(0, 3); times > 0; times--) history = spoil(dice, history);
  return history;
}

function print(history: readonly Operation[]): string {
  return history.map((operation) => JSON.stringify(operation)).join("\n");
}

function percent(shares: readonly number[]): string {
  return `${Math.round((100 * shares.reduce((sum, share) => sum + share, 0)) / Math.max(1, shares.length))} %`;
}
