/** The sequential store: states of one component as small numbers, and what an operation makes of a state. */
import type { Condition, Op, Simple, Txn } from "./compile.ts";
import type { Result, Value } from "./history.ts";

/** What one key holds. */
export type Cell = { readonly value: Value; readonly version: number };
/** Number of a cell, or of a state. */
type Id = number;

/** Given by step() where the recorded answer contradicts the state. */
export const IMPOSSIBLE = -1;
const FAILED = -1;

const COUNTER = /^(?:0|-?[1-9][0-9]{0,18})$/;

/** null: no counter. An absent key counts as 0. */
export function counterOf(value: Value): bigint | null {
  if (value === null) return 0n;
  if (!COUNTER.test(value)) return null;
  const number = BigInt(value);
  return BigInt.asIntN(64, number) === number ? number : null;
}

export class Space {
  private readonly cells: Cell[] = [];
  private readonly cellIds = new Map<Value | string, Id>();
  /** Of a component of several keys: the cells of each state. With one key, a state is its cell. */
  private readonly states: (readonly Id[])[] = [];
  private readonly stateIds = new Map<string, Id>();
  private readonly width: number;
  /** Versions are a part of the state: somebody's condition names one, or answers are compared. */
  private readonly versioned: boolean;
  private readonly comparesVersions: boolean;

  constructor(width: number, { versioned, comparesVersions }: { readonly versioned: boolean; readonly comparesVersions: boolean }) {
    this.width = width;
    this.versioned = versioned || comparesVersions;
    this.comparesVersions = comparesVersions;
  }

  start(initial: readonly Cell[]): Id {
    const cells = initial.map(({ value, version }) => this.cellOf(value, version));
    return this.width === 1 ? (cells[0] as Id) : this.stateOf(cells);
  }

  /** @returns the state after `op`, or IMPOSSIBLE */
  step(op: Op, state: Id): Id {
    const [part] = op.parts;
    if (op.parts.length === 1 && part !== undefined && part.command.kind !== "txn") {
      const { command, result } = part;
      const before = this.at(state, command.key);
      const after = this.change(command, before);
      if (result !== null && !this.agrees(command, result, before, after)) return IMPOSSIBLE;
      return after === FAILED || after === before ? state : this.with(state, command.key, after);
    }
    const cells = new Map<number, Id>();
    for (const { command, result } of op.parts) {
      const fits =
        command.kind === "txn" ? this.runTxn(command, result, state, cells) : this.run(command, result, state, cells) !== "impossible";
      if (!fits) return IMPOSSIBLE;
    }
    let next = state;
    for (const [key, cell] of cells) next = this.with(next, key, cell);
    return next;
  }

  private at(state: Id, key: number): Id {
    return this.width === 1 ? state : (this.states[state]?.[key] as Id);
  }

  private with(state: Id, key: number, cell: Id): Id {
    if (this.width === 1) return cell;
    const cells = [...(this.states[state] as readonly Id[])];
    if (cells[key] === cell) return state;
    cells[key] = cell;
    return this.stateOf(cells);
  }

  private stateOf(cells: readonly Id[]): Id {
    const name = cells.join();
    const known = this.stateIds.get(name);
    if (known !== undefined) return known;
    this.stateIds.set(name, this.states.length);
    return this.states.push(cells) - 1;
  }

  private cellOf(value: Value, version: number): Id {
    const name = this.versioned ? `${version}${value === null ? "" : `=${value}`}` : value;
    const known = this.cellIds.get(name);
    if (known !== undefined) return known;
    this.cellIds.set(name, this.cells.length);
    return this.cells.push({ value, version }) - 1;
  }

  private cell(id: Id): Cell {
    return this.cells[id] as Cell;
  }

  /** What the key holds afterwards; FAILED where the condition is not met or there is no counter. */
  private change(command: Simple, before: Id): Id {
    switch (command.kind) {
      case "get":
        return before;
      case "write":
        return this.write(before, command.value);
      case "checkAndSet":
        return this.meets(before, command.expect) ? this.write(before, command.newValue) : FAILED;
      case "add": {
        const number = counterOf(this.cell(before).value);
        return number === null ? FAILED : this.write(before, BigInt.asIntN(64, number + command.delta).toString());
      }
    }
  }

  /** Every write is a change, also of the same value; only making an absent key absent is none. */
  private write(before: Id, value: Value): Id {
    const cell = this.cell(before);
    if (value === null && cell.value === null) return before;
    return this.cellOf(value, this.versioned ? cell.version + 1 : 0);
  }

  private meets(before: Id, expect: Condition): boolean {
    const { value, version } = this.cell(before);
    return "version" in expect ? version === expect.version : expect.values.has(value);
  }

  private agrees(command: Simple, result: Result, before: Id, after: Id): boolean {
    switch (command.kind) {
      case "get":
        return result.ok !== false && this.cell(before).value === result.value && this.hasVersion(before, result);
      case "write": {
        const { value } = this.cell(before);
        if (result.ok === false) return false;
        if (result.existed !== undefined && result.existed !== (value !== null)) return false;
        if (result.previous !== undefined && result.previous !== value) return false;
        return this.hasVersion(after, result);
      }
      default:
        if (result.ok !== (after !== FAILED)) return false;
        return result.ok ? this.hasVersion(after, result) : this.isWhatWasMet(before, result);
    }
  }

  private hasVersion(cell: Id, { version }: Result): boolean {
    return !this.comparesVersions || version === undefined || version === this.cell(cell).version;
  }

  private isWhatWasMet(cell: Id, result: Result): boolean {
    return (result.current === undefined || result.current === this.cell(cell).value) && this.hasVersion(cell, result);
  }

  private run(command: Simple, result: Result | null, state: Id, cells: Map<number, Id>): "done" | "failed" | "impossible" {
    const before = cells.get(command.key) ?? this.at(state, command.key);
    const after = this.change(command, before);
    if (result !== null && !this.agrees(command, result, before, after)) return "impossible";
    if (after === FAILED) return "failed";
    cells.set(command.key, after);
    return "done";
  }

  /** All or nothing: `cells` changes only where the whole transaction did. */
  private runTxn({ checks, commands }: Txn, result: Result | null, state: Id, cells: Map<number, Id>): boolean {
    const now = (key: number, inside: ReadonlyMap<number, Id>) => inside.get(key) ?? this.at(state, key);
    for (const [failed, { key, expect }] of checks.entries()) {
      const met = now(key, cells);
      if (this.meets(met, expect)) continue;
      if (result === null) return true;
      if (result.ok !== false || (result.error ?? "checkFailed") !== "checkFailed") return false;
      return (result.failed ?? failed) === failed && this.isWhatWasMet(met, result);
    }
    const inside = new Map(cells);
    for (const [i, command] of commands.entries()) {
      const told = result?.ok === true ? (result.results?.[i] ?? null) : null;
      const met = now(command.key, inside);
      const outcome = this.run(command, told, state, inside);
      if (outcome === "impossible") return false;
      if (outcome === "failed") return result === null || this.isFailureOf(command, result, met);
    }
    if (result?.ok === false) return false;
    for (const [key, cell] of inside) cells.set(key, cell);
    return true;
  }

  private isFailureOf(command: Simple, result: Result, met: Id): boolean {
    const error = command.kind === "add" ? "notACounter" : "expectedValueDoesNotMatch";
    if (result.ok !== false || (result.error ?? error) !== error || result.failed !== undefined) return false;
    return command.kind === "add" || this.isWhatWasMet(met, result);
  }
}
