/** `GET /v1/backup`: this replica's key space at one point of its execution order, streamed while it serves. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { EpoxyError } from "../../protocol/errors.ts";
import { backupLines, FORMAT } from "../backup/write.ts";
import type { AppDeps } from "./deps.ts";
import { parseQuery } from "./json.ts";

export function addBackupRoute(app: FastifyInstance, { replica, store, clock, log }: AppDeps): void {
  const schema = { tags: ["cluster"], summary: "A consistent copy of this replica's key space, one JSON object a line" };
  app.get("/v1/backup", { config: { scope: "admin" }, schema, exposeHeadRoute: false }, async (request, reply) => {
    parseQuery(request.originalUrl, []);
    const { clusterId, clusterName, self, epoch } = replica.report();
    if (self === null || clusterId === null || epoch === 0)
      throw new EpoxyError("notReady", "this replica's copy of the data is not complete: ask another datacenter");
    const takenAt = new Date(clock.wallMs()).toISOString();
    const lines = backupLines(store, { epoxyBackup: FORMAT, cluster: clusterName ?? "", clusterId, replica: self, epoch, takenAt });
    const body = Readable.from(lines);
    // The file then lacks its end, which is how its reader knows.
    body.on("error", (error) => log.warn({ error: String(error) }, "a backup was broken off"));
    return reply.type("application/x-ndjson").header("cache-control", "no-store").send(body);
  });
}
