/** What clients asked and heard, as a checker reads it. Times are virtual milliseconds of one clock. */
import type { Command, EntryOutcome, Key, KeyState } from "../protocol/types.ts";

export type Ask =
  | { readonly kind: "propose"; readonly commands: readonly Command[]; readonly idempotencyKey: string | null }
  | { readonly kind: "read"; readonly key: Key };

/**
 * done: answered. refused: promised that nothing came or will come of it. unknown: it may have happened, or may still, or
 * never (it has no end).
 */
export type Heard =
  | { readonly kind: "done"; readonly outcome: EntryOutcome }
  | { readonly kind: "read"; readonly state: KeyState }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "unknown" };

export type Operation = {
  readonly number: number;
  readonly client: number;
  /** Number of the site it was asked at. */
  readonly site: number;
  readonly ask: Ask;
  readonly startMs: number;
  endMs: number | null;
  heard: Heard;
};
