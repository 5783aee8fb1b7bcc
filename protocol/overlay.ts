import type { RecordKind, Records, View, Write } from "./types.ts";

/** A view that also shows the writes put into it, for steps that look again at what they have just changed. */
export type Overlay = View & {
  put(write: Write): void;
  /** All that was put, in order. */
  readonly writes: readonly Write[];
};

export function overlay(below: View): Overlay {
  const latest = new Map<string, Write>();
  const writes: Write[] = [];
  return {
    writes,
    get<K extends RecordKind>(kind: K, id: string): Records[K] | null {
      const put = latest.get(`${kind} ${id}`);
      return put === undefined ? below.get(kind, id) : (put.record as Records[K] | null);
    },
    put(write: Write): void {
      latest.set(`${write.kind} ${write.id}`, write);
      writes.push(write);
    },
  };
}
