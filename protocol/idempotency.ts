/** Exactly once per idempotency key, by stamps and closed buckets alone, never by a local clock: consensus section 9. */
import { bucketName, bucketOf, stampHour } from "./conflict.ts";
import type { Idempotency, IdempotencyRow, View } from "./types.ts";

/** A row stamped in hour H answers proposals stamped up to H + 25: 24 hours to retry, one for the ends of the hours. */
export const ROW_HOURS = 25;

export type IdempotencyAnswer =
  /** Nobody came before: execute, then write the row. */
  | { readonly kind: "first" }
  | { readonly kind: "repeat"; readonly row: IdempotencyRow }
  | { readonly kind: "reused" }
  | { readonly kind: "expired" };

/**
 * What an entry with this idempotency may do. The bucket comes first: a row may already be deleted at another replica
 * once the buckets of all proposals that it answers are closed, and both must answer the same.
 */
export function lookUpIdempotency(view: View, { key, fingerprint, stampMs }: Idempotency): IdempotencyAnswer {
  const hour = stampHour(stampMs);
  if (view.get("bucket", bucketName(hour, bucketOf(key))) !== null) return { kind: "expired" };
  const row = view.get("row", key);
  if (row === null || hour > stampHour(row.stampMs) + ROW_HOURS) return { kind: "first" };
  return row.fingerprint === fingerprint ? { kind: "repeat", row } : { kind: "reused" };
}

/**
 * Whether every proposal that this row could answer is refused by a closed bucket here, so that it may be deleted.
 *
 * @param firstHour no proposal is, or ever will be, stamped in an earlier hour
 */
export function rowMayGo(
  view: View,
  { key, row, firstHour }: { readonly key: string; readonly row: IdempotencyRow; readonly firstHour: number },
): boolean {
  const bucket = bucketOf(key);
  for (let hour = stampHour(row.stampMs) + ROW_HOURS; hour >= firstHour; hour--) {
    if (view.get("bucket", bucketName(hour, bucket)) === null) return false;
  }
  return true;
}
