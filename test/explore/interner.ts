/** Gives equal values one small number, so that a state of the exploration is a few integers. */
export type Interner<T> = {
  idOf(value: T): number;
  /** The first of the equal values that came with this number. */
  valueOf(id: number): T;
  size(): number;
};

export function interner<T>(keyOf: (value: T) => string): Interner<T> {
  const ids = new Map<string, number>();
  const values: T[] = [];
  return {
    idOf(value) {
      const key = keyOf(value);
      const known = ids.get(key);
      if (known !== undefined) return known;
      ids.set(key, values.length);
      values.push(value);
      return values.length - 1;
    },
    valueOf: (id) => values[id] as T,
    size: () => values.length,
  };
}
