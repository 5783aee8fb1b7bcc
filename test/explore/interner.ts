/** Gives equal values one small number, so that a state of the exploration is a few integers. */
export type Interner<T> = {
  idOf(value: T): number;
  /** The first of the equal values that came with this number. */
  valueOf(id: number): T;
  all(): readonly T[];
};

export function interner<T extends object>(keyOf: (value: T) => string): Interner<T> {
  const ids = new Map<string, number>();
  // The same object comes again and again.
  const seen = new WeakMap<T, number>();
  const values: T[] = [];
  const find = (value: T): number => {
    const key = keyOf(value);
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, values.length);
    values.push(value);
    return values.length - 1;
  };
  return {
    idOf(value) {
      let id = seen.get(value);
      if (id === undefined) {
        id = find(value);
        seen.set(value, id);
      }
      return id;
    },
    valueOf: (id) => values[id] as T,
    all: () => values,
  };
}
