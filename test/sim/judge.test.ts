/** What the simulator makes of a run's history before and after the checker has seen it: I14. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CommandResult, Key } from "../../protocol/types.ts";
import { createCover } from "../../sim/cover.ts";
import type { Heard, Operation } from "../../sim/history.ts";
import { createLedger } from "../../sim/invariants/ledger.ts";
import { judgeHistory } from "../../sim/linearizable.ts";
import { createDice } from "../../sim/random.ts";
import { createSchedule } from "../../sim/schedule.ts";
import { createTrace } from "../../sim/trace.ts";

const schedule = createSchedule();
const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: false });
const ledger = createLedger({ schedule, trace, dice: createDice("judge"), cover: createCover(), violation: null });

function got(result: CommandResult): Operation {
  const heard: Heard = { kind: "done", outcome: { kind: "results", results: [result] } };
  const ask = { kind: "propose", commands: [{ kind: "get", key: "k" as Key }], idempotencyKey: null } as const;
  return { number: 0, client: 1, site: 1, ask, startMs: 1, endMs: 2, heard };
}

describe("a history is judged", () => {
  test("as linearizable", () => {
    assert.deepEqual(judgeHistory([got({ kind: "value", value: null, version: 0 })], ledger), { kind: "ok" });
  });

  test("as broken by a value that nobody wrote", () => {
    assert.equal(judgeHistory([got({ kind: "value", value: new Uint8Array([1]), version: 1 })], ledger).kind, "violation");
  });

  test("as broken by an answer of another kind of command, which no checker can read", () => {
    const verdict = judgeHistory([got({ kind: "added" })], ledger);
    assert.ok(verdict.kind === "violation" && /an answer that nobody could give/.test(verdict.reason));
  });
});
