/** A small HTTP server that answers what a test tells it to, and the CLI as a child process beside it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { launcher } from "../../cli/package-root.ts";

export type Seen = { readonly method: string; readonly url: string; readonly headers: IncomingMessage["headers"]; readonly body: string };
export type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> } | "reset";
export type Stub = { readonly url: string; readonly seen: Seen[]; close(): Promise<void> };

export async function startStub(answer: (seen: Seen) => Reply): Promise<Stub> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const what = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
    seen.push(what);
    const reply = answer(what);
    if (reply === "reset") return request.socket.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    return response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** An address where nobody listens. */
export async function freeUrl(): Promise<string> {
  const stub = await startStub(() => ({ status: 200 }));
  await stub.close();
  return stub.url;
}

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export async function runCli(
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [launcher, ...args], { env: { ...process.env, EPOXY_API: "", EPOXY_TOKEN: "", ...options.env } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.stdin.end(options.input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}
