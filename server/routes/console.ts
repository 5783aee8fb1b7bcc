/** `GET /`: the console, a few files that ask only the server they came from; and what they ask for. */
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { instanceName } from "../../protocol/ids.ts";
import { keyView } from "../console/key-view.ts";
import type { Others, OwnView } from "../console/others.ts";
import { overview } from "../console/overview.ts";
import { clusterView } from "./cluster.ts";
import type { AppDeps } from "./deps.ts";
import { checkKey, parseQuery } from "./json.ts";
import { reconfigurationSoon } from "./reconfiguration.ts";

const SCRIPTS = ["console.js", "ask.js", "dom.js", "datacenters.js", "plots.js", "key.js", "stuck.js"];
const FILES = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/console/icon.svg", file: "icon.svg", type: "image/svg+xml" },
  { path: "/console/console.css", file: "console.css", type: "text/css; charset=utf-8" },
  ...SCRIPTS.map((file) => ({ path: `/console/${file}`, file, type: "text/javascript; charset=utf-8" })),
];
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};
/** What is younger is under way, not stuck. */
const STUCK_AFTER_MS = 2_000;
const STUCK_MAX = 50;

export function addConsoleRoutes(app: FastifyInstance, deps: AppDeps, others: Others): void {
  for (const { path, file, type } of FILES) {
    const body = readFileSync(new URL(`../console/${file}`, import.meta.url), "utf8");
    app.get(path, { schema: { hide: true } }, async (_request, reply) => reply.headers(HEADERS).type(type).send(body));
  }
  const own = () => ownView(deps);
  const read = { config: { scope: "read" as const }, schema: { hide: true } };
  app.get("/console/own", read, own);
  app.get("/console/overview", read, async (request) => {
    const report = deps.replica.report();
    return overview(clusterView(report, null), { self: report.self, own, others, authorization: request.headers.authorization });
  });
  app.get("/console/key", read, async (request) => {
    return keyView(deps, checkKey(parseQuery(request.originalUrl, ["key"]).key ?? "", "query.key"));
  });
}

async function ownView(deps: AppDeps): Promise<OwnView> {
  const { replica } = deps;
  const report = replica.report();
  const [outside, figures, reconfiguration] = await Promise.all([
    deps.readyProblems().catch(() => ["what this process depends on could not be checked"]),
    deps.figures(),
    reconfigurationSoon(deps),
  ]);
  return {
    id: report.self,
    build: deps.build,
    status: report.status,
    epoch: report.epoch,
    problems: [...report.problems, ...outside],
    peers: report.peers.map(({ id, reachable, roundTripMs, lag }) => ({ id, reachable, roundTripMs, lag })),
    openInstances: report.openInstances,
    figures,
    stuck: replica
      .stuck(STUCK_AFTER_MS)
      .slice(0, STUCK_MAX)
      .map(({ id, sinceMs, recoveries }) => ({ instance: instanceName(id), sinceMs, recoveries })),
    reconfiguration,
  };
}
