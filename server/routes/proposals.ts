import type { FastifyInstance } from "fastify";
import { instanceName } from "../../protocol/ids.ts";
import { traceOf } from "../trace.ts";
import type { Admission } from "./admission.ts";
import { parseProposal, resultsOf, resultToJson } from "./commands.ts";
import type { AppDeps } from "./deps.ts";
import { firstInstance } from "./repeated.ts";
import { idempotencyKeyOf, timeoutOf } from "./request.ts";
import { answers, ProposalAnswer, ProposalBody } from "./schemas.ts";

export function addProposalRoutes(app: FastifyInstance, deps: AppDeps, admission: Admission): void {
  app.post(
    "/v1/proposals",
    {
      config: { scope: "write", cost: () => "shared" },
      schema: {
        tags: ["kv"],
        summary: "Order commands together at one point",
        body: ProposalBody,
        response: answers({ 200: ProposalAnswer }),
      },
      // commands.ts checks the body, and results are plain JSON: the schema is for readers.
      validatorCompiler: () => () => true,
      serializerCompiler: () => JSON.stringify,
    },
    async (request) => {
      const commands = parseProposal(request.body);
      const input = {
        commands,
        idempotencyKey: idempotencyKeyOf(request.headers),
        timeoutMs: timeoutOf(request.headers),
        trace: traceOf(request.headers),
      };
      const answer = await admission.run(() => deps.replica.propose(input), { commands: commands.length });
      request.instance = answer.instance;
      const results = resultsOf(answer.outcome).map(resultToJson);
      return { instance: instanceName(await firstInstance(deps, input.idempotencyKey, answer.instance)), path: answer.path, results };
    },
  );
}
