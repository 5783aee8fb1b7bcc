/** Is a recorded history linearizable? One answer for a whole history; see history.ts for what it holds. */
import { compile, nanosecondsSince, type Op } from "./compile.ts";
import { type Component, type Placed, splitIntoComponents } from "./components.ts";
import { decide, type EngineName, type Subject, shrink } from "./decide.ts";
import { Budget } from "./engine.ts";
import { commandsOf, HistoryError, type Nanoseconds, type Operation, type Value } from "./history.ts";
import { describeOperation, type Row, windowText } from "./report.ts";
import { Sightings, seenIn } from "./sightings.ts";
import type { Cell } from "./space.ts";

export type CheckOptions = {
  /** For the whole history; 60,000 unless given. */
  readonly timeoutMs?: number;
  /** Bound that does not depend on the machine: steps of the search, over the whole history. None unless given. */
  readonly configurationsMax?: number;
  /** What keys held when the history began, all others being absent; a value alone has version 1, an absent key 0. */
  readonly initial?: Readonly<Record<string, Value | { readonly value: Value; readonly version: number }>>;
  /**
   * Also compare the versions in results. Right for everything that consensus ordered: a version counts the key's
   * executed changes, and adds that commute are counted in any order alike. Not for versions taken from a replica's own
   * state (local reads, watch), where between adds the same version may stand for different steps to one sum; local and
   * optimistic reads are therefore never compared. The history must begin with the key's life, or `initial` must tell its version.
   */
  readonly versions?: boolean;
  /** auto: just-in-time linearization, but Wing-Gong-Lowe where more than 64 operations overlap. For tests. */
  readonly engine?: EngineName;
};

export type Violation = {
  readonly verdict: "violation";
  /** Checked together, because transactions tie them. */
  readonly keys: readonly string[];
  /** One sentence. */
  readonly reason: string;
  /** The smallest set of operations found that no order explains, one a line. */
  readonly window: string;
  readonly operations: readonly Operation[];
};
export type Verdict =
  | { readonly verdict: "ok" }
  | Violation
  /** Never a pass: it was not decided. A history without a single answer is not decided either. */
  | { readonly verdict: "unknown"; readonly reason: string };

type History = { readonly base: Nanoseconds; readonly sightings: Sightings; readonly options: CheckOptions };

/** @throws HistoryError where the record itself is wrong */
export function checkHistory(operations: readonly Operation[], options: CheckOptions = {}): Verdict {
  const placed = operations.map((operation, position) => ({ operation, position }));
  if (!operations.some(({ status }) => status === "ok"))
    return { verdict: "unknown", reason: "no operation was answered: nothing was checked" };
  const base = firstStart(operations);
  const history: History = { base, sightings: new Sightings(placed), options };
  const invented = checkWeakReads(placed, history);
  if (invented !== null) return invented;
  const budget = new Budget({ timeoutMs: options.timeoutMs ?? 60_000, configurationsMax: options.configurationsMax ?? Infinity });
  let unknown: Verdict | null = null;
  for (const component of splitIntoComponents(placed.filter(({ operation }) => saysSomething(operation)))) {
    const subject = subjectOf(component, history);
    const outcome = decide(subject, budget, options.engine ?? "auto");
    if (outcome.kind === "violation") return describe(component, subject, outcome.at, history);
    if (outcome.kind === "ok") continue;
    const about = `${component.operations.length} operations on ${nameKeys(component.keys)}`;
    unknown ??= { verdict: "unknown", reason: `${about}: ${outcome.reason}` };
  }
  return unknown ?? { verdict: "ok" };
}

function firstStart(operations: readonly Operation[]): Nanoseconds {
  let first = operations[0]?.startNs ?? 0;
  // Math.min knows no bigints.
  for (const { startNs } of operations) if (startNs < first) first = startNs;
  return first;
}

/** Failed operations never happened, weak reads promise nothing, and a read without an answer says nothing. */
function saysSomething(operation: Operation): boolean {
  if (!["ok", "happened", "fail", "info"].includes(operation.status))
    throw new HistoryError(`unknown status ${JSON.stringify(operation.status)}`);
  if (operation.status === "fail" || isWeak(operation)) return false;
  const commands = commandsOf(operation).flatMap((each) => (each.kind === "txn" ? each.commands : [each]));
  return operation.status === "ok" || commands.some(({ kind }) => kind !== "get");
}

function isWeak({ op }: Operation): boolean {
  return op === "getLocal" || op === "getOptimistic";
}

function subjectOf({ keys, operations }: Component, { base, options }: History): Subject {
  const indices = new Map(keys.map((key, i) => [key, i]));
  const keyIndex = (key: string) => indices.get(key) as number;
  return {
    ops: operations.map(({ operation, position }) => compile(operation, position, base, keyIndex)),
    initial: keys.map((key) => initialCell(key, options)),
    comparesVersions: options.versions ?? false,
  };
}

function initialCell(key: string, { initial = {} }: CheckOptions): Cell {
  const given = Object.hasOwn(initial, key) ? (initial[key] ?? null) : null;
  return given === null || typeof given === "string" ? { value: given, version: given === null ? 0 : 1 } : given;
}

function checkWeakReads(operations: readonly Placed[], history: History): Violation | null {
  for (const { operation } of operations) {
    if (!isWeak(operation) || operation.status !== "ok") continue;
    const why = whyImpossible(operation, history);
    if (why === null) continue;
    const row = {
      operation,
      fromNs: nanosecondsSince(history.base, operation.startNs),
      toNs: nanosecondsSince(history.base, operation.endNs ?? operation.startNs),
    };
    return {
      verdict: "violation",
      keys: seenIn(operation).map(({ key }) => key),
      reason: `client ${operation.client} was told what cannot be, by ${describeOperation(operation)}: ${why}`,
      window: windowText([row], []),
      operations: [operation],
    };
  }
  return null;
}

function whyImpossible(operation: Operation, { sightings, options }: History): string | null {
  for (const { key, value } of seenIn(operation)) {
    const why = sightings.whyImpossible(key, value, initialCell(key, options).value, operation.endNs);
    if (why !== null) return why;
  }
  return null;
}

function describe({ keys }: Component, subject: Subject, at: Op | null, history: History): Violation {
  const { core, around } = shrink(subject, at);
  const last = core.reduce<Op | null>((latest, op) => (latest === null || op.ret > latest.ret ? op : latest), null);
  const told = (at ?? last)?.source;
  const why = told === undefined ? null : whyImpossible(told, history);
  const involved = new Set(core.flatMap((op) => op.keys));
  return {
    verdict: "violation",
    keys: keys.filter((_, i) => involved.has(i)),
    reason:
      told === undefined
        ? "no order explains the answers"
        : `no order explains what client ${told.client} was told by ${describeOperation(told)}${why === null ? "" : `: ${why}`}`,
    window: windowText(
      core.map(rowOf),
      around.map((op) => ({ ...rowOf(op), fromNs: null, toNs: null })),
    ),
    operations: [...around, ...core].sort((a, b) => a.position - b.position).map(({ source }) => source),
  };
}

function rowOf({ source, call, ret }: Op): Row {
  return { operation: source, fromNs: Number.isFinite(call) ? call : null, toNs: Number.isFinite(ret) ? ret : null };
}

function nameKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, 5).map((key) => JSON.stringify(key));
  return keys.length > shown.length ? `${shown.join(", ")} and ${keys.length - shown.length} more keys` : shown.join(", ");
}
