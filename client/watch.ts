/** One watch over many connections: what breaks is taken up again behind the last event. */
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { queryOf } from "./bytes.ts";
import { NothingHappened } from "./errors.ts";
import { parseEvents, type StreamEvent } from "./events.ts";
import { parseFailure, type Transport } from "./transport.ts";
import type { WatchEvent } from "./types.ts";

export type WatchOptions = { readonly prefix?: string | Uint8Array; readonly after?: string; readonly signal?: AbortSignal };

const backoffMs = { first: 50, cap: 1_000 };
/** The server says something every 15 s: a connection that is silent for longer is dead. */
const silenceMs = 40_000;
/** A position means nothing at another datacenter, so a server has this long to come back; and all together this long. */
const patienceMs = { same: 5_000, all: 60_000 };

/** @throws NothingHappened when the request is refused, when nobody answers at first, or when all have been away for a minute */
export async function* watch(transport: Transport, { prefix, after, signal }: WatchOptions): AsyncGenerator<WatchEvent> {
  const { endpoints } = transport;
  let position = after;
  let heard: { readonly url: string; readonly atMs: number } | null = null;
  for (let failures = 1; signal?.aborted !== true; failures++) {
    const silentMs: number = performance.now() - (heard?.atMs ?? 0);
    const url: string = heard !== null && silentMs < patienceMs.same ? heard.url : (endpoints.order()[0] as string);
    try {
      for await (const event of open(transport, url, { prefix, after: position, signal })) {
        failures = 0;
        heard = { url, atMs: performance.now() };
        if (event.id !== "") position = event.id;
        if (event.event === "cut") break;
        if (event.event !== "position") yield event as WatchEvent;
      }
    } catch (error) {
      if (signal?.aborted) return;
      const failure = asFailure(error, url);
      if (failure.status !== null && failure.status < 500 && failure.status !== 429) throw failure;
      if (heard?.url !== url || silentMs >= patienceMs.same) endpoints.report(url, false);
      if (heard === null ? failures >= transport.triesMax : silentMs > patienceMs.all) throw failure;
    }
    await pause(failures, signal);
  }
}

async function* open(
  transport: Transport,
  url: string,
  {
    prefix,
    after,
    signal,
  }: { readonly prefix: string | Uint8Array | undefined; readonly after: string | undefined; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<StreamEvent> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (transport.token !== null) headers["authorization"] = `Bearer ${transport.token}`;
  const { statusCode, body } = await request(`${url.replace(/\/+$/, "")}/v1/watch?${queryOf({ prefix, after })}`, {
    headers,
    dispatcher: transport.agent,
    bodyTimeout: silenceMs,
    signal: signal ?? null,
  });
  if (statusCode !== 200) {
    const { code, message, details } = parseFailure(await body.bytes());
    throw new NothingHappened({
      code: code ?? `http${statusCode}`,
      message: message ?? `answered ${statusCode}`,
      status: statusCode,
      endpoint: url,
      details,
    });
  }
  yield* parseEvents(body);
}

function asFailure(error: unknown, endpoint: string): NothingHappened {
  if (error instanceof NothingHappened) return error;
  const { code, message } = error as { code?: string; message?: string };
  return new NothingHappened(
    { code: "unreachable", message: `cannot watch at ${endpoint} (${code ?? message})`, status: null, endpoint, details: {} },
    { cause: error },
  );
}

async function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const spreadMs = Math.min(backoffMs.cap, backoffMs.first * 2 ** failures) * (0.5 + Math.random() / 2);
  await sleep(spreadMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
