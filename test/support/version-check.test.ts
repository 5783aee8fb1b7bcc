import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "../../sim/checker/history.ts";
import { checkVersions } from "./version-check.ts";

type Part = {
  readonly client?: string;
  readonly op: string;
  readonly args?: object;
  readonly result?: object | null;
  readonly status?: string;
  readonly at: readonly [number, number];
};
const history = (...parts: readonly Part[]): Operation[] =>
  parts.map(
    ({ at: [startNs, endNs], ...part }) => ({ client: "a", key: "k", status: "ok", ...part, startNs, endNs }) as unknown as Operation,
  );

const set = (value: string, version: number, at: readonly [number, number]): Part => ({
  op: "set",
  args: { value },
  result: { ok: true, version },
  at,
});
const get = (value: string | null, version: number, at: readonly [number, number]): Part => ({ op: "get", result: { value, version }, at });

const cases: readonly { readonly name: string; readonly parts: readonly Part[]; readonly says: RegExp | null }[] = [
  { name: "one after the other", parts: [set("a", 1, [0, 1]), get("a", 1, [2, 3]), set("b", 2, [4, 5])], says: null },
  { name: "at once, in any order", parts: [set("a", 2, [0, 9]), set("b", 1, [0, 9]), get("b", 1, [0, 9])], says: null },
  { name: "a stale read", parts: [set("a", 1, [0, 1]), get(null, 0, [2, 3])], says: /began after the end of/ },
  { name: "a stale read after a read", parts: [set("a", 1, [0, 9]), get("a", 1, [1, 2]), get(null, 0, [3, 4])], says: /began after/ },
  { name: "two of one version", parts: [set("a", 1, [0, 9]), set("b", 1, [0, 9])], says: /version 1 is both/ },
  { name: "a lost write", parts: [set("a", 1, [0, 1]), set("b", 1, [2, 3])], says: /version 1 is both/ },
  { name: "a value of nobody", parts: [get("x", 1, [0, 1])], says: /nobody wrote x/ },
  { name: "a value twice", parts: [set("a", 1, [0, 1]), get("a", 3, [2, 3])], says: /at versions 1 and 3/ },
  {
    name: "a refused write that is seen",
    parts: [{ op: "set", args: { value: "a" }, status: "fail", result: null, at: [0, 1] }, get("a", 1, [2, 3])],
    says: /refused and seen/,
  },
  {
    name: "an unknown one that is seen late, or never",
    parts: [
      { op: "set", args: { value: "a" }, status: "info", result: null, at: [0, 1] },
      { op: "set", args: { value: "b" }, status: "info", result: null, at: [0, 1] },
      get(null, 0, [2, 3]),
      get("a", 1, [4, 5]),
    ],
    says: null,
  },
  {
    name: "a check-and-set over something else",
    parts: [
      set("a", 1, [0, 1]),
      { op: "checkAndSet", args: { expectOneOf: [null], newValue: "b" }, result: { ok: true, version: 2 }, at: [2, 3] },
    ],
    says: /it changed a/,
  },
  {
    name: "a check-and-set that says no to what it asked for",
    parts: [
      set("a", 1, [0, 1]),
      { op: "checkAndSet", args: { expectOneOf: ["a"], newValue: "b" }, result: { ok: false, current: "a", version: 1 }, at: [2, 3] },
    ],
    says: /says no/,
  },
  {
    name: "a local read may be old",
    parts: [set("a", 1, [0, 1]), { op: "getLocal", result: { value: null, version: 0 }, at: [2, 3] }],
    says: null,
  },
];
for (const { name, parts, says } of cases) {
  test(name, () => {
    const wrong = checkVersions(history(...parts));
    if (says === null) assert.deepEqual(wrong, []);
    else assert.match(wrong.join("\n"), says);
  });
}
