import type { RecordKind, Write } from "../protocol/types.ts";

/** Kinds of records that are the replicated state, by the first character of their name in the ordered set of all of them. */
const KINDS = { k: "value", i: "row", b: "bucket" } as const satisfies Record<string, RecordKind>;
export type StateKind = (typeof KINDS)[keyof typeof KINDS];

export function parseStateName(name: string): { readonly kind: StateKind; readonly id: string } | null {
  const kind = KINDS[name[0] as keyof typeof KINDS];
  return kind === undefined ? null : { kind, id: name.slice(1) };
}

/** Roughly the bytes of one record of the replicated state. */
export function writeBytes(write: Write): number {
  if (write.kind === "value") return 32 + write.id.length + (write.record?.value?.byteLength ?? 0);
  return 512;
}
