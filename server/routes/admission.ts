/** Bounds what is under way at once, so that overload is refused early instead of timing out late. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { sendError } from "./errors.ts";

/** "cheap": nothing is asked of anyone but this datacenter's store. */
export type Cost = "cheap" | "shared";
export type Admission = {
  /** Why nothing more is taken in just now; null: it is. */
  refusal(cost: Cost): EpoxyError | null;
  /** @throws EpoxyError overloaded, before the work begins, with details.retryAfterSeconds */
  run<T>(work: () => Promise<T>, cost?: Cost): Promise<T>;
};

export type AdmissionInput = {
  readonly clock: Pick<Clock, "monotonicMs" | "busyShare">;
  /** Requests under way at once, whatever they cost. */
  readonly inFlightMax: number;
  /** So many are never too many, however long they take. */
  readonly inFlightMin: number;
  /** How long one more request may be expected to wait for those before it, in milliseconds. */
  readonly waitMaxMs: number;
  /** Below this share the process is not what makes callers wait: a network, a voter or a change of the voters is. */
  readonly busyFromShare: number;
};

const SLOT_MS = 100;
/** A rate is taken over the last second, or over less where that tells more: a burst has just begun. */
const SLOTS = { few: 3, all: 10 } as const;
const RETRY_AFTER_MAX_SECONDS = 10;

/**
 * Goes by how many are under way and how many were answered of late, which together say how long the next one will wait (Little's
 * law); what was answered a while ago knows nothing of the queue behind it. Callers who come all at once to a server with time to
 * spare are all taken in.
 */
export function createAdmission({ clock, inFlightMax, inFlightMin, waitMaxMs, busyFromShare }: AdmissionInput): Admission {
  const answered = createRate();
  let inFlight = 0;

  function refusal(cost: Cost): EpoxyError | null {
    if (inFlight < inFlightMin && inFlight < inFlightMax) return null;
    const perMs = answered.perMs(clock.monotonicMs());
    const waitMs = perMs === 0 ? 0 : inFlight / perMs;
    if (inFlight >= inFlightMax) return overloaded(`${inFlightMax} requests are under way here already`, waitMs);
    if (cost === "cheap" || waitMs <= waitMaxMs || clock.busyShare() < busyFromShare) return null;
    return overloaded(`this server is too busy: ${inFlight} requests are under way, which will take some ${Math.round(waitMs)} ms`, waitMs);
  }
  return {
    refusal,
    async run(work, cost = "shared") {
      const refused = refusal(cost);
      if (refused !== null) throw refused;
      inFlight++;
      try {
        return await work();
      } finally {
        inFlight--;
        if (cost === "shared") answered.add(clock.monotonicMs());
      }
    },
  };
}

/**
 * Asks before a request's body is read: what is refused must cost next to nothing, or the refusing takes what the others need.
 * For routes whose config says what they cost.
 */
export function addEarlyRefusal(app: FastifyInstance, admission: Admission): void {
  app.addHook("onRequest", (request, reply, done) => {
    const { cost } = request.routeOptions.config;
    const refused = cost === undefined ? null : admission.refusal(cost(request.originalUrl));
    if (refused === null) return done();
    void sendError(reply, refused);
  });
}

function overloaded(message: string, waitMs: number): EpoxyError {
  const retryAfterSeconds = Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil(waitMs / 1_000)));
  return new EpoxyError("overloaded", `${message}; nothing was proposed`, { retryAfterSeconds });
}

/** How often `add` was called of late, a millisecond. */
function createRate() {
  const slots: { readonly index: number; count: number }[] = [];
  const indexAt = (nowMs: number) => {
    const index = Math.floor(nowMs / SLOT_MS);
    while (slots.length > 0 && (slots[0]?.index ?? index) <= index - SLOTS.all) slots.shift();
    return index;
  };
  const over = (count: number, index: number, nowMs: number) => {
    const from = index - count + 1;
    const sum = slots.reduce((all, slot) => (slot.index >= from ? all + slot.count : all), 0);
    return sum / (nowMs - from * SLOT_MS);
  };
  return {
    add(nowMs: number): void {
      const index = indexAt(nowMs);
      const last = slots.at(-1);
      if (last?.index === index) last.count++;
      else slots.push({ index, count: 1 });
    },
    perMs(nowMs: number): number {
      const index = indexAt(nowMs);
      return Math.max(over(SLOTS.few, index, nowMs), over(SLOTS.all, index, nowMs));
    },
  };
}
