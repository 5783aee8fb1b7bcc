/** What a client still sends of a request that is answered already. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { limits } from "../protocol/limits.ts";

const DRAIN_MS = 10_000;
const DRAIN_BYTES_MAX = 4 * limits.peerMessageBytesMax;

export type DrainBounds = { readonly ms: number; readonly bytesMax: number };

/**
 * A request may be refused before its body has come whole. Closed at once, a connection on which the client still writes is reset,
 * and takes the answer with it. So the rest is read and dropped, within bounds; whoever keeps to them may go on with the connection.
 */
export function addBodyDrain(app: FastifyInstance, bounds: DrainBounds = { ms: DRAIN_MS, bytesMax: DRAIN_BYTES_MAX }): void {
  app.addHook("onSend", (request, reply, payload, done) => {
    // Fastify asks for the end of the connection after every body that it did not take.
    if (reply.statusCode >= 400) reply.removeHeader("connection");
    // An injected request has no connection and never says that it is not complete.
    if (request.raw.complete === false) drain(request.raw, bounds);
    done(null, payload);
  });
}

function drain(body: IncomingMessage, { ms, bytesMax }: DrainBounds): void {
  let bytes = 0;
  const giveUp = () => body.socket.destroy();
  const timer = setTimeout(giveUp, ms).unref();
  body.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) giveUp();
  });
  for (const ending of ["end", "close", "error"]) body.once(ending, () => clearTimeout(timer));
  body.resume();
}
