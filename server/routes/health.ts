import type { FastifyInstance } from "fastify";
import type { AppDeps } from "./deps.ts";
import { errorBody } from "./errors.ts";

/** `/healthz`, `/readyz` and `/metrics`. */
export function addHealthRoutes(app: FastifyInstance, { replica, readyProblems, metrics, log }: AppDeps): void {
  app.get("/healthz", { schema: { tags: ["health"], summary: "The process is up" } }, async () => ({ status: "ok" }));

  app.get(
    "/readyz",
    { schema: { tags: ["health"], summary: "The replica can serve; with the reasons where not" } },
    async (_request, reply) => {
      const report = replica.report();
      const outside = await readyProblems().catch((error: unknown) => {
        log.warn({ err: error }, "readiness could not be checked");
        return ["what this process depends on could not be checked"];
      });
      const reasons = [...report.problems, ...outside];
      if (report.problems.length === 0 && report.status !== "active") reasons.push(`this replica is ${report.status}`);
      if (report.problems.length === 0 && !report.quorum) reasons.push("no quorum of voters was heard from lately");
      if (reasons.length === 0) return { ready: true, status: report.status, epoch: report.epoch };
      const body = errorBody("notReady", reasons.join("; "), { reasons });
      return reply
        .code(503)
        .header("retry-after", 1)
        .send({ ...body, ready: false, reasons });
    },
  );

  app.get("/metrics", { config: { scope: "read" }, schema: { tags: ["health"], summary: "Prometheus text" } }, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.metrics());
  });
}
