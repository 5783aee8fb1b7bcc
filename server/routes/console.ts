/** `GET /`: the console, three files that ask only the server they came from. */
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

const FILES = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/console/console.css": { file: "console.css", type: "text/css; charset=utf-8" },
  "/console/console.js": { file: "console.js", type: "text/javascript; charset=utf-8" },
} as const;
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

export function addConsoleRoutes(app: FastifyInstance): void {
  for (const [path, { file, type }] of Object.entries(FILES)) {
    const body = readFileSync(new URL(`../console/${file}`, import.meta.url), "utf8");
    app.get(path, { schema: { hide: true } }, async (_request, reply) => reply.headers(HEADERS).type(type).send(body));
  }
}
