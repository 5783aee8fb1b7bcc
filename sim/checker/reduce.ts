/**
 * What is known of operations whose outcome is not. Each rule keeps the verdict; they only make the search small.
 *
 * - Proved: somebody was told a value that it alone can have written. So it happened, before that answer.
 * - Without trace: no answer that came after its call, and no other open operation's condition, can depend on what it
 *   writes. So it can be left out: had it happened, nobody would know.
 * - Otherwise it stays open: at any time after its call, or never.
 *
 * Where versions are part of the state, every change leaves a trace; then the ones without any other trace are made
 * equal, so that only their number matters.
 */
import type { Condition, Op, Part, Simple } from "./compile.ts";
import type { Result, Value } from "./history.ts";
import { type Cell, counterOf } from "./space.ts";

/** What an answer or a condition says of a key's state just before the operation. */
type Sight = { readonly key: number; readonly op: Op; readonly fits: (value: Value) => boolean; readonly exact?: Value };
type Writing = {
  readonly key: number;
  readonly op: Op;
  readonly part: number /** undefined: depends on the state. */;
  readonly value: Value | undefined;
};

/** A value that no client writes. */
const UNSEEN = "\0unseen";

export function reduceOpen(ops: readonly Op[], initial: readonly Cell[], versioned: boolean): Op[] {
  if (!ops.some(({ optional }) => optional)) return [...ops];
  const sights = new Sights(ops.flatMap(sightsOf));
  const writings = ops.flatMap(writingsOf);
  const isUnique = uniqueness(writings, initial);
  return ops.flatMap((op) => {
    if (!op.optional) return [op];
    // What a cut-down violation has made free to happen at any time stays so.
    const proof = op.call === -Infinity ? null : prove(op, sights, isUnique);
    if (proof !== null) return [proof];
    if (writingsOf(op).some(({ key, value }) => sights.matters(op, key, value))) return [op];
    if (!versioned) return [];
    // Nor may the stand-in explain an answer that the value itself does not.
    return [writingsOf(op).some(({ key }) => sights.matters(op, key, UNSEEN)) ? op : forgetValue(op)];
  });
}

class Sights {
  /** Of each key and value: when the first and the last answer that named it came. */
  private readonly exact = new Map<number, Map<Value, { first: number; last: number }>>();
  private readonly lastExact = new Map<number, number>();
  private readonly vague = new Map<number, Sight[]>();

  constructor(sights: readonly Sight[]) {
    for (const sight of sights) {
      if (sight.exact === undefined) this.addVague(sight);
      else this.addExact(sight, sight.exact);
    }
  }

  private addVague(sight: Sight): void {
    const known = this.vague.get(sight.key);
    if (known === undefined) this.vague.set(sight.key, [sight]);
    else known.push(sight);
  }

  private addExact({ key, op }: Sight, value: Value): void {
    const ofKey = this.exact.get(key) ?? new Map<Value, { first: number; last: number }>();
    const { first, last } = ofKey.get(value) ?? { first: Infinity, last: -Infinity };
    this.exact.set(key, ofKey.set(value, { first: Math.min(first, op.ret), last: Math.max(last, op.ret) }));
    this.lastExact.set(key, Math.max(this.lastExact.get(key) ?? -Infinity, op.ret));
  }

  firstEnd(key: number, value: Value): number | null {
    return this.exact.get(key)?.get(value)?.first ?? null;
  }

  /** Whether anything that ended after `op` was called can depend on the key having this value. */
  matters(op: Op, key: number, value: Value | undefined): boolean {
    const late = (sight: Sight) => sight.op !== op && sight.op.ret >= op.call;
    const last = value === undefined ? this.lastExact.get(key) : this.exact.get(key)?.get(value)?.last;
    if (last !== undefined && last >= op.call) return true;
    return (this.vague.get(key) ?? []).some((sight) => late(sight) && (value === undefined || sight.fits(value)));
  }
}

function prove(op: Op, sights: Sights, isUnique: (writing: Writing) => boolean): Op | null {
  let proved: Op | null = null;
  for (const writing of writingsOf(op)) {
    const { key, part, value } = writing;
    if (value === undefined || value === null || !isUnique(writing)) continue;
    const end = sights.firstEnd(key, value);
    // Seen before it was called: impossible, and the search will say so.
    if (end === null || end < op.call) continue;
    const before: Op = proved ?? { ...op, optional: false };
    const parts = before.parts.map((each, i) => (i === part ? { ...each, result: happened(each) } : each));
    proved = { ...before, parts, ret: Math.min(before.ret, end) };
  }
  return proved;
}

function happened({ command }: Part): Result | null {
  return command.kind === "checkAndSet" || command.kind === "txn" ? { ok: true } : null;
}

function uniqueness(writings: readonly Writing[], initial: readonly Cell[]): (writing: Writing) => boolean {
  const writers = new Map<string, Set<Op | null>>();
  const withAdds = new Set<number>();
  const name = (key: number, value: Value) => `${key}${value === null ? "" : `=${value}`}`;
  const note = (key: number, value: Value, op: Op | null) => {
    const known = writers.get(name(key, value));
    if (known === undefined) writers.set(name(key, value), new Set([op]));
    else known.add(op);
  };
  for (const [key, { value }] of initial.entries()) note(key, value, null);
  for (const { key, op, value } of writings) {
    if (value === undefined) withAdds.add(key);
    else note(key, value, op);
  }
  return ({ key, value, op, part }) => {
    if (value === undefined || (withAdds.has(key) && counterOf(value) !== null)) return false;
    // Two parts of one operation that write the same: it is not known which of them was seen.
    const twice = writingsOf(op).some((other) => other.part !== part && other.key === key && other.value === value);
    return !twice && writers.get(name(key, value))?.size === 1;
  };
}

/** What its commands write where they take effect; nothing where the answer says that they did not. */
function writingsOf(op: Op): Writing[] {
  return op.parts.flatMap(({ command, result }, part) => {
    if (result?.ok === false) return [];
    const commands = command.kind === "txn" ? command.commands : [command];
    return commands.flatMap((each) => {
      const value = whatIsWritten(each);
      return value === "none" ? [] : [{ key: each.key, op, part, value: value.written }];
    });
  });
}

function whatIsWritten(command: Simple): "none" | { readonly written: Value | undefined } {
  switch (command.kind) {
    case "get":
      return "none";
    case "write":
      return { written: command.value };
    case "checkAndSet":
      return { written: command.newValue };
    case "add":
      return { written: undefined };
  }
}

function forgetValue(op: Op): Op {
  const [part] = op.parts;
  // A later part of the same operation may look at the value.
  if (part === undefined || op.parts.length > 1) return op;
  const { command } = part;
  // Whether a null changes the version depends on the state, so it stays what it is.
  if (command.kind === "write" && command.value !== null) return { ...op, parts: [{ ...part, command: { ...command, value: UNSEEN } }] };
  if (command.kind !== "checkAndSet" || command.newValue === null) return op;
  return { ...op, parts: [{ ...part, command: { ...command, newValue: UNSEEN } }] };
}

/** What is said of keys as they were before the operation; a key that it changed itself is left out from then on. */
function sightsOf(op: Op): Sight[] {
  const own = new Set<number>();
  const sights: Sight[] = [];
  const see = (key: number, seen: Pick<Sight, "fits" | "exact"> | null) => {
    if (seen !== null && !own.has(key)) sights.push({ key, op, ...seen });
  };
  for (const { command, result } of op.parts) {
    if (command.kind !== "txn") {
      see(command.key, seenBy(command, result));
      if (isOwnFromNowOn(command, result)) own.add(command.key);
      continue;
    }
    const succeeded = result?.ok === true ? { ok: true } : null;
    for (const [i, { key, expect }] of command.checks.entries()) {
      if (result?.ok !== false) see(key, seenByCondition(expect, succeeded));
      else see(key, result.failed === i ? seenByCondition(expect, result) : anything);
    }
    for (const [i, inner] of command.commands.entries()) {
      // Which of the commands failed is not told.
      if (result?.ok === false) see(inner.key, anything);
      else see(inner.key, seenBy(inner, result?.results?.[i] ?? succeeded));
      if (result?.ok !== false && isOwnFromNowOn(inner, succeeded)) own.add(inner.key);
    }
  }
  return sights;
}

/** Whether what is there afterwards no longer tells anything else of the state before than its own sight does. */
function isOwnFromNowOn({ kind }: Simple, result: Result | null): boolean {
  return kind === "write" || (kind !== "get" && result?.ok === true);
}

const anything: Pick<Sight, "fits"> = { fits: () => true };

function exactly(value: Value): Pick<Sight, "fits" | "exact"> {
  return { fits: (other) => other === value, exact: value };
}

function seenBy(command: Simple, result: Result | null): Pick<Sight, "fits" | "exact"> | null {
  switch (command.kind) {
    case "get":
      return result?.value === undefined ? null : exactly(result.value);
    case "write":
      if (result?.previous !== undefined) return exactly(result.previous);
      return result?.existed === undefined ? null : { fits: (value) => (value !== null) === result.existed };
    case "checkAndSet":
      return seenByCondition(command.expect, result);
    case "add":
      return { fits: (value) => (counterOf(value) !== null) === (result?.ok ?? true) };
  }
}

function seenByCondition(expect: Condition, result: Result | null): Pick<Sight, "fits" | "exact"> {
  if (result?.ok === false && result.current !== undefined) return exactly(result.current);
  if ("version" in expect) return anything;
  const [only] = expect.values;
  if (result === null) return { fits: (value) => expect.values.has(value) };
  if (result.ok === false) return { fits: (value) => !expect.values.has(value) };
  return expect.values.size === 1 && only !== undefined ? exactly(only) : { fits: (value) => expect.values.has(value) };
}
