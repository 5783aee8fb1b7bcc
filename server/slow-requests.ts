/** A line in the log for each request that took long, with what is needed to look further. */
import type { FastifyInstance } from "fastify";
import { about } from "../proposals/log-subject.ts";
import type { InstanceId } from "../protocol/types.ts";
import type { AppDeps } from "./routes/deps.ts";
import { traceOf } from "./trace.ts";

const LINES_A_SECOND = 10;

declare module "fastify" {
  interface FastifyRequest {
    /** Where what it asked for was ordered, once that is known. */
    instance: InstanceId | null;
  }
}

/** @param streams routes that last as long as their reader wants */
export function addSlowRequestLog(app: FastifyInstance, { clock, log, slowRequestMs }: AppDeps, streams: ReadonlySet<string>): void {
  // A slow second has many slow requests: so many lines of it, and how many more there were.
  let secondEndsMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  app.decorateRequest("instance", null);
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    if (reply.elapsedTime >= slowRequestMs && !streams.has(route)) {
      const nowMs = clock.monotonicMs();
      if (nowMs >= secondEndsMs) {
        secondEndsMs = nowMs + 1_000;
        lines = 0;
      }
      if (lines++ < LINES_A_SECOND) {
        const { method, instance } = request;
        const trace = traceOf(request.headers);
        about(log, { instance }).warn(
          {
            method,
            route,
            status: reply.statusCode,
            ms: Math.round(reply.elapsedTime),
            ...(trace === null ? {} : { trace }),
            ...(leftOut === 0 ? {} : { leftOut }),
          },
          "a slow request",
        );
        leftOut = 0;
      } else leftOut++;
    }
    done();
  });
}
