import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { EpoxyError } from "../../protocol/errors.ts";
import { frontierIds } from "../../protocol/frontier.ts";
import { instanceName, parseInstanceName } from "../../protocol/ids.ts";
import type { InstanceId, InstanceRecord } from "../../protocol/types.ts";
import { commandToJson } from "./commands.ts";
import type { AppDeps } from "./deps.ts";
import { expected, parseQuery } from "./json.ts";
import { timeoutOf } from "./request.ts";

export function addInstanceRoutes(app: FastifyInstance, { replica }: AppDeps): void {
  const params = Type.Object({ name: Type.String({ description: "R.SLOT" }) });
  type Named = { Params: { name: string } };
  app.get<Named>(
    "/v1/instances/:name",
    { config: { scope: "read" }, schema: { tags: ["instances"], summary: "One instance of this replica's log", params } },
    async (request) => {
      parseQuery(request.originalUrl, []);
      const record = await replica.instance(idOf(request.params.name));
      if (record === null)
        throw new EpoxyError(
          "notFound",
          "this replica's log has no such instance: it was never heard of, or executed everywhere and dropped",
        );
      return instanceToJson(record);
    },
  );
  app.post<Named>(
    "/v1/instances/:name/recover",
    { config: { scope: "admin" }, schema: { tags: ["instances"], summary: "Explicit prepare, now; what it decided", params } },
    async (request) => {
      return instanceToJson(await replica.recover(idOf(request.params.name), timeoutOf(request.headers)));
    },
  );
}

/** @throws EpoxyError badRequest */
function idOf(name: string): InstanceId {
  const id = parseInstanceName(name);
  if (id === null) throw expected("the instance in the path", "R.SLOT, like 1.42");
  return id;
}

export function instanceToJson(record: InstanceRecord): object {
  const { value } = record;
  const { epoch, counter, replica } = record.ballot;
  return {
    instance: instanceName(record.id),
    status: record.executed ? "executed" : record.phase,
    epoch: record.epoch,
    ballot: { epoch, counter, replica },
    /** null: not known here; a Nop has none. */
    commands: value === null ? null : value === "nop" ? [] : value.entries.flatMap((entry) => entry.commands.map(commandToJson)),
    nop: value === "nop",
    /** All instances of a column up to the one in `floor`, and those listed. */
    deps: { floor: frontierIds(record.deps.floor).map(instanceName), explicit: record.deps.explicit.map(instanceName) },
    seq: value === null || value === "nop" ? null : value.seq,
    path: record.path,
    ...(record.resubmittedAs === null ? {} : { resubmittedAs: instanceName(record.resubmittedAs) }),
  };
}
