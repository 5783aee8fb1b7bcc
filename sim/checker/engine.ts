/** What both engines take and answer. */
import type { Op } from "./compile.ts";
import type { Space } from "./space.ts";

export type Problem = {
  /** Definite ones and open ones; nothing that is known never to have happened. */
  readonly ops: readonly Op[];
  readonly space: Space;
  /** State before the first operation. */
  readonly start: number;
};

export type Outcome =
  | { readonly kind: "ok" }
  /** `at`: the first answer, by its end, that no order explains; null where the engine does not know. */
  | { readonly kind: "violation"; readonly at: Op | null }
  | { readonly kind: "unknown"; readonly reason: string };

/** How much an engine may search. Shared by all components of a history, so it is spent once. */
export class Budget {
  private readonly deadlineMs: number;
  private readonly configurationsMax: number;
  private spent = 0;
  private lateReason: string | null = null;

  constructor({ timeoutMs, configurationsMax }: { readonly timeoutMs: number; readonly configurationsMax: number }) {
    this.deadlineMs = performance.now() + timeoutMs;
    this.configurationsMax = configurationsMax;
  }

  /** Called for each configuration looked at. @returns false when the search has to stop */
  spend(): boolean {
    this.spent += 1;
    if (this.spent > this.configurationsMax) this.lateReason ??= `gave up after ${this.configurationsMax} configurations`;
    else if (this.spent % 512 === 0 && performance.now() > this.deadlineMs) this.lateReason ??= "gave up after the time allowed";
    return this.lateReason === null;
  }

  get reason(): string {
    return this.lateReason ?? "gave up";
  }
}
