/** What a recorded history and the replicas' own states say: one order of everything, the same everywhere. */
import { checkHistory } from "../../sim/checker/check-history.ts";
import type { Operation } from "../../sim/checker/history.ts";
import { bodyOf, eventually } from "../support/api.ts";
import { checkVersions } from "../support/version-check.ts";
import type { TortureCluster } from "./cluster.ts";

/** For the whole history of one run. */
const checkMsMax = 60_000;
const shownMax = 5;
const sameWithinMs = 15_000;

export type Judged = { readonly verdict: "ok" | "violation" | "unknown"; readonly violations: string[]; readonly ms: number };

/** Unknown is no pass: a history that could not be judged is reported like one that is wrong. */
export function judge(operations: readonly Operation[]): Judged {
  const startMs = performance.now();
  const wrong = checkVersions(operations);
  const violations = wrong.slice(0, shownMax);
  if (wrong.length > shownMax) violations.push(`and ${wrong.length - shownMax} more answers that cannot be`);
  const verdict = checkHistory(operations, { timeoutMs: checkMsMax, versions: true });
  if (verdict.verdict === "violation") violations.push(`not linearizable: ${verdict.reason}\n${verdict.window}`);
  if (verdict.verdict === "unknown") violations.push(`the history was not decided: ${verdict.reason}`);
  return { verdict: wrong.length > 0 ? "violation" : verdict.verdict, violations, ms: performance.now() - startMs };
}

/** Values and versions of a run's keys, from each replica's own state: without load they come to be the same. */
export async function sameEverywhere(cluster: TortureCluster, which: readonly number[], prefix: string): Promise<string[]> {
  let states: string[] = [];
  try {
    await eventually(
      "the states are the same",
      sameWithinMs,
      async () => {
        states = await Promise.all(
          which.map(async (datacenter) => {
            const answer = await cluster.api(datacenter).ask("GET", `/v1/kv?prefix=${encodeURIComponent(prefix)}&limit=100`);
            return JSON.stringify(bodyOf<{ entries: unknown }>(answer, 200).entries);
          }),
        );
        return new Set(states).size === 1;
      },
      250,
    );
    return [];
  } catch (error) {
    const shown = states.map((state, i) => `dc-${which[i]}: ${state.slice(0, 600)}`);
    return [`${(error as Error).message}\n${shown.join("\n")}`];
  }
}

/**
 * Acknowledged writes that are gone: the last reads, which every datacenter made of every key, did not reach their version, or another
 * write was given the same one later. A key that nobody could read in the end tells nothing here; that it could not is a violation.
 */
export function lostWrites(operations: readonly Operation[]): number {
  const reached = new Map<string, number>();
  const writers = new Map<string, number>();
  const writes: { readonly key: string; readonly version: number }[] = [];
  for (const operation of operations) {
    if (operation.status !== "ok" || !("key" in operation)) continue;
    const { client, key, op, result } = operation;
    const version = result?.version ?? 0;
    if (op === "get" && /^final\.\d+$/.test(`${client}`)) reached.set(key, Math.max(reached.get(key) ?? 0, version));
    // A delete of what is absent changes nothing, and tells the version of an earlier one.
    if (!["set", "checkAndSet", "add"].includes(op) || result?.ok === false) continue;
    if (op === "checkAndSet" && "newValue" in operation.args && operation.args.newValue === null) continue;
    if (version === 0) continue;
    writes.push({ key, version });
    writers.set(`${version} ${key}`, (writers.get(`${version} ${key}`) ?? 0) + 1);
  }
  const replaced = [...writers.values()].reduce((sum, count) => sum + count - 1, 0);
  return replaced + writes.filter(({ key, version }) => version > (reached.get(key) ?? version)).length;
}
