/** The end of a server that callers still have connections to. */
import { Server } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../proposals/ports.ts";

/** Whoever asks within this time of the end is answered, and told to take another connection. */
const QUIET_MS = 500;
const LOOK_EVERY_MS = 50;
/** For what is left to do when every connection is closed. */
const LAST_MS = 1_000;

/** From when it no longer listens, every answer is a connection's last. */
export function addLastAnswers(app: FastifyInstance): void {
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (!app.server.listening && !reply.raw.headersSent) reply.raw.setHeader("connection", "close");
    done(null, payload);
  });
}

/**
 * A connection that is closed while a request is on its way takes the request with it, and nobody knows whether it was executed.
 * HTTP/1.1 cannot rule that out, but who has a connection in use can be told with an answer. So: no new connections; requests on
 * those that are there are answered, each as its connection's last; what stays silent for QUIET_MS is closed; and after `ms` all.
 */
export async function closeGently(app: FastifyInstance, clock: Pick<Clock, "monotonicMs" | "sleep">, ms: number): Promise<void> {
  const startMs = clock.monotonicMs();
  const isEmpty = new AbortController();
  // Node's own close() of an HTTP server closes at once what is idle just now.
  Server.prototype.close.call(app.server, () => isEmpty.abort());
  await clock.sleep(Math.min(QUIET_MS, ms), isEmpty.signal);
  const isClosed = new AbortController();
  const closing = app.close().finally(() => isClosed.abort());
  while (!isEmpty.signal.aborted && clock.monotonicMs() - startMs < ms) {
    app.server.closeIdleConnections();
    await clock.sleep(LOOK_EVERY_MS, isEmpty.signal);
  }
  app.server.closeAllConnections();
  await Promise.race([closing, clock.sleep(LAST_MS, isClosed.signal)]);
}
