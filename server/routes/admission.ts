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
const SLOTS = 10;
const RETRY_AFTER_MAX_SECONDS = 10;

/**
 * Goes by the standing queue, as CoDel does (RFC 8289): the fewest that were under way at any moment of the last second. It, and how
 * many were answered meanwhile, say how long the next one will wait (Little's law). Callers who come all at once are no standing
 * queue: they are all taken in, and so is whoever comes within a second.
 */
export function createAdmission({ clock, inFlightMax, inFlightMin, waitMaxMs, busyFromShare }: AdmissionInput): Admission {
  const answered = createWindow((a, b) => a + b);
  const fewest = createWindow(Math.min);
  let inFlight = 0;

  function change(by: 1 | -1): void {
    const nowMs = clock.monotonicMs();
    fewest.add(nowMs, inFlight);
    inFlight += by;
    fewest.add(nowMs, inFlight);
  }

  function waitMs(): number {
    const nowMs = clock.monotonicMs();
    const count = answered.of(nowMs) ?? 0;
    return count === 0 ? 0 : (Math.min(inFlight, fewest.of(nowMs) ?? inFlight) * SLOTS * SLOT_MS) / count;
  }

  function refusal(cost: Cost): EpoxyError | null {
    if (inFlight < inFlightMin && inFlight < inFlightMax) return null;
    const ms = waitMs();
    if (inFlight >= inFlightMax) return overloaded(`${inFlightMax} requests are under way here already`, ms);
    if (cost === "cheap" || ms <= waitMaxMs || clock.busyShare() < busyFromShare) return null;
    return overloaded(`this server is too busy: ${inFlight} requests are under way, which will take some ${Math.round(ms)} ms`, ms);
  }

  return {
    refusal,
    async run(work, cost = "shared") {
      const refused = refusal(cost);
      if (refused !== null) throw refused;
      change(1);
      try {
        return await work();
      } finally {
        change(-1);
        if (cost === "shared") answered.add(clock.monotonicMs(), 1);
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

/** What was added in the last second, in tenths of it, put together; undefined: nothing was. */
function createWindow(together: (a: number, b: number) => number) {
  const slots: { readonly index: number; value: number }[] = [];
  const indexAt = (nowMs: number) => {
    const index = Math.floor(nowMs / SLOT_MS);
    while (slots.length > 0 && (slots[0]?.index ?? index) <= index - SLOTS) slots.shift();
    return index;
  };
  return {
    add(nowMs: number, value: number): void {
      const index = indexAt(nowMs);
      const last = slots.at(-1);
      if (last?.index === index) last.value = together(last.value, value);
      else slots.push({ index, value });
    },
    of(nowMs: number): number | undefined {
      indexAt(nowMs);
      return slots.length === 0 ? undefined : slots.map(({ value }) => value).reduce((a, b) => together(a, b));
    },
  };
}
