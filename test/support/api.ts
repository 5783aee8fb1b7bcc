/** The HTTP API as a test speaks it: every status is an answer, a connection that fails is an error, nothing is tried again. */
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string; readonly ms: number };
export type AskOptions = {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of this client; the server has its own. */
  readonly timeoutMs?: number;
};
export type ResultBody = {
  readonly ok: boolean;
  readonly error?: string;
  readonly value?: unknown;
  readonly version?: number;
  readonly current?: unknown;
};
export type ProposalBody = { readonly instance: string; readonly path: string; readonly results: readonly ResultBody[] };
export type ErrorAnswer = { readonly error: { readonly code: string; readonly message: string; readonly [detail: string]: unknown } };
export type ReadMode = "linearizable" | "local" | "optimistic";

/** The connection failed; `sent` tells whether the request may have arrived, `late` that it was given up after its time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly sent: boolean;
  readonly late: boolean;
  constructor(message: string, sent: boolean, late = false) {
    super(message);
    this.sent = sent;
    this.late = late;
  }
}

export type Api = ReturnType<typeof apiAt>;

const agents = new Map<string, Agent>();

export function apiAt(url: string) {
  const ask = (method: string, path: string, options: AskOptions = {}) => send(url, method, path, options);
  const propose = (commands: readonly object[], options: AskOptions = {}) =>
    ask("POST", "/v1/proposals", {
      ...options,
      body: JSON.stringify({ commands }),
      headers: { "content-type": "application/json", ...options.headers },
    });
  return {
    url,
    ask,
    propose,
    /** One command that must be answered 200: its result. */
    async run(command: object, options: AskOptions = {}): Promise<ResultBody & { readonly instance: string }> {
      const answer = await propose([command], options);
      const { instance, results } = bodyOf<ProposalBody>(answer, 200);
      return { ...(results[0] as ResultBody), instance };
    },
    put: (key: string, value: string, options: AskOptions = {}) =>
      ask("PUT", `/v1/kv/${encodeURIComponent(key)}`, { ...options, body: value }),
    get: (key: string, mode: ReadMode = "linearizable", options: AskOptions = {}) =>
      ask("GET", `/v1/kv/${encodeURIComponent(key)}?read=${mode}`, options),
    /** The value, or null where it is absent; anything else is an error. */
    async value(key: string, mode: ReadMode = "linearizable"): Promise<string | null> {
      const answer = await ask("GET", `/v1/kv/${encodeURIComponent(key)}?read=${mode}`);
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw new Error(`${url} GET ${key} (${mode}): ${answer.status} ${answer.text}`);
      return answer.text;
    },
    async isReady(): Promise<boolean> {
      try {
        return (await ask("GET", "/readyz", { timeoutMs: 1_000 })).status === 200;
      } catch {
        return false;
      }
    },
  };
}

/** The JSON of an answer that has this status. @throws Error with the whole answer */
export function bodyOf<T>(answer: Answer, status: number): T {
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status} after ${Math.round(answer.ms)} ms: ${answer.text.slice(0, 500)}`);
  return JSON.parse(answer.text) as T;
}

function send(url: string, method: string, path: string, { body, headers = {}, timeoutMs = 20_000 }: AskOptions): Promise<Answer> {
  const startMs = performance.now();
  const agent = agents.get(url) ?? new Agent({ keepAlive: true, maxSockets: Infinity });
  agents.set(url, agent);
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    let connected = false;
    const outgoing = request({ agent, hostname, port, method, path, headers: { ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", fail);
      response.once("end", () => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString("utf8"),
          ms: performance.now() - startMs,
        });
      });
    });
    const fail = (error: Error, late = false) => {
      clearTimeout(timer);
      outgoing.destroy();
      reject(new NoAnswer(`${method} ${url}${path}: ${error.message}`, connected, late));
    };
    const timer = setTimeout(() => fail(new Error(`no answer after ${timeoutMs} ms`), true), timeoutMs);
    outgoing.once("error", fail);
    outgoing.once("socket", (socket) => {
      connected = !socket.connecting;
      if (connected) return;
      socket.once("connect", () => {
        connected = true;
      });
    });
    outgoing.end(body);
  });
}

/** Asks again and again until it is true. @throws Error naming what did not come true */
export async function eventually(what: string, withinMs: number, check: () => Promise<boolean> | boolean, everyMs = 50): Promise<number> {
  const startMs = performance.now();
  let last: unknown = null;
  for (;;) {
    try {
      if (await check()) return performance.now() - startMs;
      last = null;
    } catch (error) {
      last = error;
    }
    if (performance.now() - startMs > withinMs) {
      throw new Error(
        `not within ${withinMs} ms: ${what}${last === null ? "" : ` (${last instanceof Error ? last.message : String(last)})`}`,
      );
    }
    await sleep(everyMs);
  }
}
