/** Random histories of a store that is right, and faults for them. */
import type { Command, Expectation, Operation, Result, SimpleCommand, Value } from "../../sim/checker/history.ts";
import type { Dice } from "../../sim/random.ts";
import { runOperation, type StoreState } from "./checker-store.ts";

type Kind = "get" | "set" | "delete" | "checkAndSet" | "add" | "txn" | "proposal";
type Change<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Change<Operation> & { op: string };

export type Shape = {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  readonly kinds: Readonly<Partial<Record<Kind, number>>>;
  readonly info: number;
  readonly fail: number;
  /** Share of writes that write what others do too. */
  readonly sameValues: number;
  /** Share of conditions on the version. */
  readonly onVersion: number;
  /** Longest operation, in ticks of the clock. */
  readonly ticks: number;
  /** Share of answers' details that are left out. */
  readonly silent: number;
};

/** Each client has one operation at a time; each that happens does so at one tick of its own, unknown ones also later. */
export function randomHistory(dice: Dice, shape: Shape): Operation[] {
  const happening: { at: number; run: () => void }[] = [];
  const history: Operation[] = [];
  const clocks = Array.from({ length: shape.clients }, () => dice.between(0, shape.ticks));
  let state: StoreState = new Map();
  for (let i = 0; i < shape.operations; i++) {
    const client = dice.between(0, shape.clients - 1);
    const startNs = clocks[client] as number;
    const endNs = startNs + dice.between(0, shape.ticks);
    clocks[client] = endNs + dice.between(1, shape.ticks);
    const status = dice.chance(shape.info) ? "info" : dice.chance(shape.fail) ? "fail" : "ok";
    const late = status === "info" && dice.chance(0.3) ? dice.between(0, 4 * shape.ticks) : 0;
    const happens = status === "ok" || (status === "info" && dice.chance(0.6));
    const run = () => {
      const draft = { client, ...randomCall(dice, shape, state, i), status, startNs, endNs } as Operation;
      const after = runOperation(state, draft);
      if (happens) state = after.state;
      history.push(status === "ok" ? { ...draft, result: thin(dice, draft.op, after.result, shape.silent) } : draft);
    };
    happening.push({ at: dice.between(startNs, endNs) + late, run });
  }
  happening.sort((a, b) => a.at - b.at);
  for (const { run } of happening) run();
  return history;
}

/** Makes the history a little different, mostly wrong. What comes out may still have an order. */
export function spoil(dice: Dice, history: readonly Operation[]): Operation[] {
  const spoiled = history.map((operation) => ({ ...operation }) as Draft);
  const one = dice.pick(spoiled);
  const other = dice.pick(spoiled);
  switch (dice.weighted({ result: 6, time: 3, status: 2, swap: 2 })) {
    case "result":
      if (one.status === "ok") one.result = spoilResult(dice, one.result ?? {}, history);
      break;
    case "time": {
      const by = dice.between(-12, 12);
      one.startNs = (one.startNs as number) + by;
      one.endNs = (one.endNs as number) + by;
      break;
    }
    case "status":
      one.status = one.status === "ok" ? dice.pick(["fail", "info"]) : "fail";
      break;
    case "swap":
      if (one.op === "get" && other.op === "get" && one.status === "ok" && other.status === "ok") {
        [one.result, other.result] = [other.result as Result, one.result as Result];
      }
      break;
  }
  return spoiled as Operation[];
}

function randomCall(dice: Dice, shape: Shape, state: StoreState, i: number): object {
  const kind = dice.weighted(shape.kinds as Record<Kind, number>);
  if (kind === "txn") {
    const { kind: _, ...args } = randomTxn(dice, shape, state, i);
    return { op: "txn", args };
  }
  if (kind === "proposal") {
    const commands = [0, 1].map((part) =>
      dice.chance(0.3) ? randomTxn(dice, shape, state, i) : randomSimple(dice, shape, state, `${i}-${part}`),
    );
    return { op: "proposal", args: { commands } };
  }
  const { kind: op, key, ...args } = randomSimple(dice, shape, state, `${i}`, kind);
  return { op, key, args };
}

function randomTxn(dice: Dice, shape: Shape, state: StoreState, i: number): Extract<Command, { kind: "txn" }> {
  const checks = Array.from({ length: dice.between(0, 2) }, () => {
    const key = randomKey(dice, shape);
    return { key, ...randomExpectation(dice, shape, state, key) };
  });
  const commands = Array.from({ length: dice.between(1, 3) }, (_, part) => randomSimple(dice, shape, state, `${i}.${part}`));
  return { kind: "txn", checks, commands };
}

function randomSimple(dice: Dice, shape: Shape, state: StoreState, name: string, given?: SimpleCommand["kind"]): SimpleCommand {
  const { get = 1, set = 1, checkAndSet = 0, add = 0 } = shape.kinds;
  const kind = given ?? dice.weighted({ get, set, delete: shape.kinds.delete ?? 0, checkAndSet, add });
  const key = randomKey(dice, shape);
  switch (kind) {
    case "set":
      return { kind, key, value: randomValue(dice, shape, name) };
    case "checkAndSet": {
      const newValue = dice.chance(0.1) ? null : randomValue(dice, shape, name);
      return { kind, key, newValue, ...randomExpectation(dice, shape, state, key) };
    }
    case "add":
      return { kind, key, delta: dice.pick([1, 1, 2, -1]) };
    default:
      return { kind, key };
  }
}

function randomKey(dice: Dice, { keys }: Shape): string {
  return `k${dice.between(0, keys - 1)}`;
}

function randomValue(dice: Dice, { sameValues, kinds }: Shape, name: string): string {
  if (!dice.chance(sameValues)) return `v${name}`;
  return dice.pick(kinds.add === undefined ? ["a", "b"] : ["a", "0", "1", "2"]);
}

/** Half of them name what is there. */
function randomExpectation(dice: Dice, { onVersion }: Shape, state: StoreState, key: string): Expectation {
  const now = state.get(key);
  if (dice.chance(onVersion)) return { expectVersion: Math.max(0, (now?.version ?? 0) - (dice.chance(0.5) ? 0 : dice.between(-1, 1))) };
  const current: Value = now?.value == null ? null : new TextDecoder().decode(now.value);
  const guesses: Value[] = [null, "a", "b", "1"];
  const values = dice.chance(0.5) ? [current] : [dice.pick(guesses)];
  return { expectOneOf: dice.chance(0.3) ? [...values, dice.pick(guesses)] : values };
}

function thin(dice: Dice, op: string, result: Result, silent: number): Result {
  const needed = new Set(op === "get" ? ["value"] : op === "proposal" ? ["results"] : ["ok"]);
  const kept = Object.entries(result).filter(([field]) => needed.has(field) || !dice.chance(silent));
  // The value of a get inside is needed too, so results are kept whole or not at all.
  return Object.fromEntries(kept) as Result;
}

function spoilResult(dice: Dice, result: Result, history: readonly Operation[]): Result {
  const values: Value[] = [null, "a", "1", ...history.flatMap((each) => (each.op === "set" ? [each.args.value] : []))];
  const spoiled: Change<Result> = { ...result };
  if (spoiled.results !== undefined && spoiled.results.length > 0 && dice.chance(0.7)) {
    const at = dice.between(0, spoiled.results.length - 1);
    spoiled.results = spoiled.results.with(at, spoilResult(dice, spoiled.results[at] as Result, history));
    return spoiled;
  }
  if (spoiled.version !== undefined && dice.chance(0.4)) spoiled.version = Math.max(0, spoiled.version + dice.pick([-1, 1]));
  else if (spoiled.value !== undefined) spoiled.value = dice.pick(values);
  else if (spoiled.current !== undefined && dice.chance(0.7)) spoiled.current = dice.pick(values);
  else if (spoiled.failed !== undefined && dice.chance(0.5)) spoiled.failed = 1 - spoiled.failed;
  else if (spoiled.ok === true) return { ok: false };
  else if (spoiled.ok === false) return { ok: true };
  return spoiled;
}
