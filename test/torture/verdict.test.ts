/** What counts as a lost write: one whose version the last reads do not reach, or that another write was given after it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "../../sim/checker/history.ts";
import { lostWrites } from "./verdict.ts";

let nowNs = 0n;
const times = () => ({ startNs: nowNs++, endNs: nowNs++ });
const set = (value: string, version: number): Operation => ({
  ...{ client: "dc-1.0", op: "set", key: "k", args: { value }, status: "ok", result: { ok: true, version } },
  ...times(),
});
const read = (client: string, value: string | null, version: number): Operation => ({
  ...{ client, op: "get", key: "k", status: "ok", result: { value, version } },
  ...times(),
});

test("nothing is lost where the last read has the last version", () => {
  assert.equal(lostWrites([set("a", 1), set("b", 2), read("final.1", "b", 2), read("final.2", "b", 2)]), 0);
});

test("a version that the last reads did not reach", () => {
  assert.equal(lostWrites([set("a", 1), set("b", 2), set("c", 3), read("final.1", "a", 1), read("final.2", "a", 1)]), 2);
});

test("a version given twice, though the last read is beyond it", () => {
  assert.equal(lostWrites([set("a", 1), set("b", 2), set("c", 2), set("d", 3), read("final.1", "d", 3)]), 1);
});

test("a key that nobody could read in the end, and reads that are not the last ones, tell nothing", () => {
  assert.equal(lostWrites([set("a", 5), read("dc-1.0", "a", 1)]), 0);
});
