/** Bounds what is under way at once, so that overload is refused early instead of timing out late. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { type Refusal, sendError } from "./errors.ts";

/** "cheap": nothing is asked of anyone but this datacenter's store. */
export type Cost = "cheap" | "shared";
export type Admission = {
  /** Why nothing more is taken in just now; null: it is. */
  refusal(cost: Cost): Refusal | null;
  /**
   * @param commands how many commands the request has: 1 unless given
   * @throws EpoxyError overloaded, before the work begins, with details.retryAfterSeconds
   */
  run<T>(work: () => Promise<T>, about?: { readonly cost?: Cost; readonly commands?: number }): Promise<T>;
};

export type AdmissionInput = {
  readonly clock: Pick<Clock, "monotonicMs" | "busyShare">;
  /** Requests under way at once, whatever they cost. */
  readonly inFlightMax: number;
  /** So many commands are never too many, however long they take. */
  readonly inFlightMin: number;
  /** How long one more command may be expected to wait for those before it, in milliseconds. */
  readonly waitMaxMs: number;
  /** Below this share the process is not what makes callers wait: a network, a voter or a change of the voters is. */
  readonly busyFromShare: number;
};

const SLOT_MS = 100;
/** Of how long answers are counted. */
const ANSWERED_SLOTS = 10;
/** How long a queue has to stand to be no burst. */
const STANDING_SLOTS = 4;
const RETRY_AFTER_MAX_SECONDS = 10;

/**
 * Goes by the standing queue, as CoDel does (RFC 8289): the fewest commands that were under way at any moment of the last 0.4 s. It,
 * and how many were answered in the last second, say how long the next one will wait (Little's law). Callers who come all at once
 * are no standing queue: they are all taken in, and so is whoever comes within 0.4 s.
 */
export function createAdmission({ clock, inFlightMax, inFlightMin, waitMaxMs, busyFromShare }: AdmissionInput): Admission {
  const answered = createWindow(ANSWERED_SLOTS, (a, b) => a + b);
  const fewest = createWindow(STANDING_SLOTS, Math.min);
  const underWay = { requests: 0, commands: 0 };

  function change(by: 1 | -1, commands: number): void {
    const nowMs = clock.monotonicMs();
    fewest.add(nowMs, underWay.commands);
    underWay.requests += by;
    underWay.commands += by * commands;
    fewest.add(nowMs, underWay.commands);
  }

  function waitMs(): number {
    const nowMs = clock.monotonicMs();
    const count = answered.of(nowMs) ?? 0;
    return count === 0 ? 0 : (Math.min(underWay.commands, fewest.of(nowMs) ?? underWay.commands) * ANSWERED_SLOTS * SLOT_MS) / count;
  }

  function refusal(cost: Cost): Refusal | null {
    const { requests, commands } = underWay;
    if (commands < inFlightMin && requests < inFlightMax) return null;
    const ms = waitMs();
    if (requests >= inFlightMax) return overloaded(`${inFlightMax} requests are under way here already`, ms);
    if (cost === "cheap" || ms <= waitMaxMs || clock.busyShare() < busyFromShare) return null;
    return overloaded(`this server is too busy: ${commands} commands are under way, which will take some ${Math.round(ms)} ms`, ms);
  }

  return {
    refusal,
    async run(work, { cost = "shared", commands = 1 } = {}) {
      const refused = refusal(cost);
      if (refused !== null) throw new EpoxyError(refused.code, refused.message, refused.details);
      change(1, commands);
      try {
        return await work();
      } finally {
        change(-1, commands);
        if (cost === "shared") answered.add(clock.monotonicMs(), commands);
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

function overloaded(message: string, waitMs: number): Refusal {
  const retryAfterSeconds = Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil(waitMs / 1_000)));
  return { code: "overloaded", message: `${message}; nothing was proposed`, details: { retryAfterSeconds } };
}

/** What was added in the last tenths of a second, put together; undefined: nothing was. */
function createWindow(slotCount: number, together: (a: number, b: number) => number) {
  const slots: { readonly index: number; value: number }[] = [];
  const indexAt = (nowMs: number) => {
    const index = Math.floor(nowMs / SLOT_MS);
    while (slots.length > 0 && (slots[0]?.index ?? index) <= index - slotCount) slots.shift();
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
