/** Bounds what is under way at once, so that overload is refused early instead of timing out late. */
import type { Clock } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";

/** "cheap": nothing is asked of anyone but this datacenter's store. */
export type Cost = "cheap" | "shared";
export type Admission = { run<T>(work: () => Promise<T>, cost?: Cost): Promise<T> };

export type AdmissionInput = {
  readonly clock: Pick<Clock, "monotonicMs" | "busyShare">;
  /** Requests under way at once, whatever they cost. */
  readonly inFlightMax: number;
  /** So many are never too many, however long they take. */
  readonly inFlightMin: number;
  /** What requests may have taken of late, in milliseconds, for another one to be taken in. */
  readonly latencyMaxMs: number;
  /** Below this share the process is not what makes callers wait: a network, a voter or a change of the voters is. */
  readonly busyFromShare: number;
};

const WINDOW_MS = 1_000;
const SLOT_MS = 100;
const RETRY_AFTER_MAX_SECONDS = 10;

/**
 * Goes by what was measured, not by what a burst might cost: callers who come all at once to a server with time to spare are
 * all taken in. @throws EpoxyError overloaded, from `run`, before the work begins, with details.retryAfterSeconds
 */
export function createAdmission(input: AdmissionInput): Admission {
  const { clock, inFlightMax, inFlightMin, latencyMaxMs, busyFromShare } = input;
  const latency = createMean();
  let inFlight = 0;

  function refuse(message: string, latencyMs: number): never {
    const retryAfterSeconds = Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil(latencyMs / 1_000)));
    throw new EpoxyError("overloaded", `${message}; nothing was proposed`, { retryAfterSeconds });
  }
  function admit(cost: Cost): void {
    if (inFlight < inFlightMin && inFlight < inFlightMax) return;
    const latencyMs = latency.of(clock.monotonicMs());
    if (inFlight >= inFlightMax) refuse(`${inFlightMax} requests are under way here already`, latencyMs);
    if (cost === "shared" && latencyMs > latencyMaxMs && clock.busyShare() >= busyFromShare)
      refuse(`this server is too busy: requests take ${Math.round(latencyMs)} ms, and ${inFlight} are under way`, latencyMs);
  }
  return {
    async run(work, cost = "shared") {
      admit(cost);
      const startMs = clock.monotonicMs();
      inFlight++;
      try {
        return await work();
      } finally {
        inFlight--;
        const nowMs = clock.monotonicMs();
        if (cost === "shared") latency.add(nowMs, nowMs - startMs);
      }
    },
  };
}

/** Of what was added in the last second, in tenths of it; 0 when that was nothing. */
function createMean() {
  const slots: { readonly index: number; count: number; sum: number }[] = [];
  const slotAt = (nowMs: number) => {
    const index = Math.floor(nowMs / SLOT_MS);
    while (slots.length > 0 && (slots[0]?.index ?? index) <= index - WINDOW_MS / SLOT_MS) slots.shift();
    return index;
  };
  return {
    add(nowMs: number, value: number): void {
      const index = slotAt(nowMs);
      const last = slots.at(-1);
      if (last?.index !== index) slots.push({ index, count: 1, sum: value });
      else {
        last.count++;
        last.sum += value;
      }
    },
    of(nowMs: number): number {
      slotAt(nowMs);
      const count = slots.reduce((all, slot) => all + slot.count, 0);
      return count === 0 ? 0 : slots.reduce((all, slot) => all + slot.sum, 0) / count;
    },
  };
}
