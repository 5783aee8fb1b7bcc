/** Bytes to a peer port and back, whatever they are. */
import { Agent, request } from "node:http";
import type { Message } from "./messages.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const answerMs = 30_000;

/** @throws Error where no answer came */
export function sendPeer(
  to: URL,
  path: string,
  { headers, body }: Message,
): Promise<{ readonly status: number; readonly body: Uint8Array }> {
  return new Promise((resolve, reject) => {
    const options = { agent, host: to.hostname, port: to.port, path, method: "POST", timeout: answerMs };
    const outgoing = request({ ...options, headers: { ...headers, "content-length": body.length } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
      incoming.once("error", reject);
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${answerMs} ms`)));
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
