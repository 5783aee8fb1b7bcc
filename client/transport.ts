/** One request to a list of endpoints: which failures are tried again, where and when. */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Endpoints } from "./endpoints.ts";
import { type Failure, NothingHappened, OutcomeUnknown, type RequestError } from "./errors.ts";

export type Transport = {
  readonly endpoints: Endpoints;
  readonly token: string | null;
  readonly timeoutMs: number;
  readonly triesMax: number;
  readonly agent: Agent;
};

export type Call = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /**
   * `read`: changes nothing, so every failure is "nothing happened". `keyed`: carries an idempotency key, so that it may be
   * sent again even when its outcome is unknown. `once`: may not.
   */
  readonly effect: "read" | "keyed" | "once";
  readonly timeoutMs?: number;
  /** A 404 that speaks of the key or instance asked for is an answer, not an error. */
  readonly mayBeAbsent?: boolean;
};

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  readonly endpoint: string;
};

/** The server gives up first, and says what it knows; only then do we. */
const graceMs = 1_000;
const backoffMs = { first: 50, cap: 1_000 };
/** The address was never reached: not a byte of the request left. */
const notSent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_INVALID_URL",
]);
const refusedThere = new Set([408, 429, 503, 507]);

export function createAgent(): Agent {
  return new Agent({ connect: { timeout: 3_000 }, pipelining: 1, keepAliveTimeout: 4_000 });
}

/** @throws NothingHappened, OutcomeUnknown */
export async function call(transport: Transport, what: Call): Promise<Answer> {
  const { endpoints, triesMax } = transport;
  const timeoutMs = what.timeoutMs ?? transport.timeoutMs;
  const deadlineMs = performance.now() + timeoutMs;
  let unknown: OutcomeUnknown | null = null;
  let last: RequestError | null = null;
  let round: string[] = [];
  for (let tried = 0; tried < triesMax; tried++) {
    const leftMs = deadlineMs - performance.now();
    if (tried > 0 && leftMs <= 0) break;
    if (round.length === 0) round = [...endpoints.order()];
    const url = round.shift() as string;
    const outcome = await attempt(transport, what, url, Math.max(1, Math.round(leftMs)));
    endpoints.report(url, "bytes" in outcome || !isDown(outcome));
    if ("bytes" in outcome) return outcome;
    last = outcome;
    // A condition that was not met is the answer to the write itself, first try or not.
    if (outcome.status === 412) throw outcome;
    if (outcome instanceof OutcomeUnknown) unknown ??= outcome;
    if (!mayTryAgain(outcome, what)) break;
    // Another endpoint is asked at once; only a full round of them is worth a pause.
    if (round.length === 0 && tried + 1 < triesMax) await pause(tried, outcome, deadlineMs - performance.now());
  }
  throw unknown ?? last ?? new Error("no endpoint to ask");
}

/** Not what it said of this request, but that the next one is better asked elsewhere. */
function isDown({ status, code }: RequestError): boolean {
  return status === null || code === "noQuorum" || code === "notReady" || code === "storageFull";
}

async function attempt(transport: Transport, what: Call, url: string, timeoutMs: number): Promise<Answer | RequestError> {
  try {
    const headers: Record<string, string> = { "epoxy-timeout-ms": String(Math.min(60_000, timeoutMs)), ...what.headers };
    if (transport.token !== null) headers["authorization"] = `Bearer ${transport.token}`;
    const response = await request(`${url.replace(/\/+$/, "")}${what.path}`, {
      method: what.method,
      headers,
      body: what.body ?? null,
      dispatcher: transport.agent,
      signal: AbortSignal.timeout(timeoutMs + graceMs),
    });
    const bytes = new Uint8Array(await response.body.arrayBuffer());
    const plain: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers)) plain[name] = String(value);
    const answer = { status: response.statusCode, headers: plain, bytes, endpoint: url };
    return answer.status < 300 || (answer.status === 404 && what.mayBeAbsent === true && isAbsence(bytes)) ? answer : refusal(answer, what);
  } catch (error) {
    return lost(error, url, what, timeoutMs);
  }
}

/** Only a 404 that speaks of a key or an instance is an answer; one of a proxy in between is an error. */
function isAbsence(bytes: Uint8Array): boolean {
  return parseFailure(bytes).code === "notFound";
}

function refusal(answer: Answer, what: Call): RequestError {
  const { code, message, details, answer: said } = parseFailure(answer.bytes);
  const failure: Failure = {
    code: code ?? `http${answer.status}`,
    message: message ?? `answered ${answer.status}`,
    status: answer.status,
    endpoint: answer.endpoint,
    details,
    answer: said,
  };
  const nothing = what.effect === "read" || answer.status < 500 || answer.status === 503 || answer.status === 507;
  const wait = Number(answer.headers["retry-after"]);
  const known = Number.isFinite(wait) ? { ...failure, details: { ...details, retryAfterMs: wait * 1_000 } } : failure;
  return nothing ? new NothingHappened(known) : new OutcomeUnknown(known);
}

type Said = { code: string | null; message: string | null; details: Record<string, unknown>; answer: unknown };

export function parseFailure(bytes: Uint8Array): Said {
  try {
    const body = JSON.parse(Buffer.from(bytes).toString("utf8")) as { error?: { code?: string; message?: string } };
    const { error, ...beside } = body;
    const { code, message, ...details } = error ?? {};
    return { code: code ?? null, message: message ?? null, details: { ...beside, ...details }, answer: body };
  } catch {
    return { code: null, message: null, details: {}, answer: null };
  }
}

function lost(error: unknown, endpoint: string, what: Call, timeoutMs: number): RequestError {
  const cause = error as { code?: string; name?: string; message?: string };
  const code = cause.code ?? "";
  if (notSent.has(code)) {
    return new NothingHappened(
      { code: "unreachable", message: `cannot reach ${endpoint} (${code})`, status: null, endpoint, details: {} },
      { cause: error },
    );
  }
  const timedOut = cause.name === "TimeoutError";
  const message = timedOut
    ? `no answer from ${endpoint} in ${timeoutMs} ms`
    : `lost the connection to ${endpoint} (${code || cause.message})`;
  const failure: Failure = { code: timedOut ? "timeout" : "connectionLost", message, status: null, endpoint, details: {} };
  return what.effect === "read" ? new NothingHappened(failure, { cause: error }) : new OutcomeUnknown(failure, { cause: error });
}

function mayTryAgain(error: RequestError, what: Call): boolean {
  // Every datacenter asks the same coordinator, and the one that was asked has tried for seconds.
  if (error.code === "coordinatorUnreachable") return false;
  if (error instanceof OutcomeUnknown) return what.effect === "keyed";
  return error.status === null || refusedThere.has(error.status) || (what.effect === "read" && error.status >= 500);
}

/** Full jitter, so that callers who failed together do not come back together. */
async function pause(tried: number, error: RequestError, leftMs: number): Promise<void> {
  const asked = Number(error.details["retryAfterMs"] ?? 0);
  const spreadMs = Math.min(backoffMs.cap, backoffMs.first * 2 ** tried) * Math.random();
  const waitMs = Math.max(spreadMs, Math.min(asked, backoffMs.cap));
  await sleep(Math.max(0, Math.min(waitMs, leftMs)));
}
