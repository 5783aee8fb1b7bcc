import type { RecordKind } from "../../protocol/types.ts";

/**
 * Whether a record that is not cached may be taken for absent without asking: most keys that are written are new, and so is every
 * instance. A transaction checks what it read anyway, so a wrong guess costs a second run and nothing else.
 */
export type Absences = {
  areLikely(kind: RecordKind): boolean;
  /** A record of this kind was asked for, or one that was taken for absent turned out otherwise. */
  note(kind: RecordKind, found: boolean): void;
};

/** So many were absent, one after the other, before the next one is taken for absent. */
const ABSENT_IN_A_ROW = 32;
/** Of which there are many; of the others a process has the few there are in its cache. */
const KINDS: ReadonlySet<RecordKind> = new Set(["instance", "index", "value", "row"]);

export function createAbsences(): Absences {
  const inARow = new Map<RecordKind, number>();
  return {
    areLikely: (kind) => KINDS.has(kind) && (inARow.get(kind) ?? 0) >= ABSENT_IN_A_ROW,
    note: (kind, found) => void inARow.set(kind, found ? 0 : (inARow.get(kind) ?? 0) + 1),
  };
}
