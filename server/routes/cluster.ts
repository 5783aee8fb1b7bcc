import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { ReplicaReport } from "../../proposals/api.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { REPLICA_ID_MAX } from "../../protocol/ids.ts";
import type { Member } from "../../protocol/types.ts";
import type { Others } from "../console/others.ts";
import type { AppDeps, ReconfigurationView } from "./deps.ts";
import { expected, parseQuery } from "./json.ts";
import { reconfigurationAnywhere } from "./reconfiguration.ts";
import { AcceptedAnswer, AddReplicaBody, answers, CancelBody, ReplaceReplicaBody, SetReplicasBody, UpdateReplicaBody } from "./schemas.ts";

type MemberStatus = "joining" | "learning" | "active" | "leaving";

export function addClusterRoutes(app: FastifyInstance, deps: AppDeps, others: Others): void {
  app.get(
    "/v1/cluster",
    { config: { scope: "read" }, schema: { tags: ["cluster"], summary: "The cluster as this replica knows it" } },
    async (request) => {
      parseQuery(request.originalUrl, []);
      const view = await reconfigurationAnywhere(deps, others, request.headers.authorization);
      return clusterView(deps.replica.report(), view);
    },
  );
  addChangeRoutes(app, deps, others);
}

function addChangeRoutes(app: FastifyInstance, deps: AppDeps, others: Others): void {
  const change = (summary: string, schema: object = {}) => ({
    config: { scope: "admin" as const },
    schema: { tags: ["cluster"], summary, response: answers({ 202: AcceptedAnswer }), ...schema },
  });
  /** Any datacenter passes it on; the coordinator's validator has the last word. */
  const request = async (name: string, argument: unknown) => {
    const { generation, id } = await deps.replica.coordinatorRequest(name, argument);
    return id === 0 ? { generation } : { generation, id };
  };
  const params = Type.Object({ id: Type.String() });
  type WithId = { Params: { id: string } };

  app.post<{ Body: Static<typeof AddReplicaBody> }>(
    "/v1/cluster/replicas",
    change("Add a datacenter", { body: AddReplicaBody }),
    async ({ body }, reply) => {
      checkUrls(body, "body");
      return reply.code(202).send(await request("addReplica", body));
    },
  );
  app.put<{ Body: Static<typeof SetReplicasBody> }>(
    "/v1/cluster/replicas",
    change("The whole desired set", { body: SetReplicasBody }),
    async ({ body }, reply) => {
      for (const [i, replica] of body.replicas.entries()) checkUrls(replica, `body.replicas[${i}]`);
      const replicas = body.replicas.map(({ status: _, ...replica }) => replica);
      return reply.code(202).send(await request("setReplicas", { ...body, replicas }));
    },
  );
  app.delete<WithId>("/v1/cluster/replicas/:id", change("Remove a datacenter", { params }), async ({ params: { id } }, reply) => {
    return reply.code(202).send(await request("removeReplica", { id: idOf(id) }));
  });
  app.patch<WithId & { Body: Static<typeof UpdateReplicaBody> }>(
    "/v1/cluster/replicas/:id",
    change("Change a datacenter's URLs", { params, body: UpdateReplicaBody }),
    async ({ params: { id }, body }, reply) => {
      checkUrls(body, "body");
      return reply.code(202).send(await request("updateReplica", { id: idOf(id), ...body }));
    },
  );
  app.post<WithId & { Body: Static<typeof ReplaceReplicaBody> }>(
    "/v1/cluster/replicas/:id/replace",
    change("Replace a datacenter by a new one", { params, body: ReplaceReplicaBody }),
    async ({ params: { id }, body }, reply) => {
      checkUrls(body, "body");
      return reply.code(202).send(await request("replaceReplica", { id: idOf(id), by: body }));
    },
  );
  app.post(
    "/v1/cluster/takeover",
    change("Make this datacenter the coordinator's, when the old one is gone for good"),
    async (_request, reply) => {
      return reply.code(202).send({ generation: await deps.takeover() });
    },
  );
  // The schema is for readers: a cancel without a body is fine.
  app.post(
    "/v1/cluster/cancel",
    { ...change("Cancel the reconfiguration under way", { body: CancelBody }), validatorCompiler: () => () => true },
    async ({ body, headers }, reply) => {
      const underWay = () => reconfigurationAnywhere(deps, others, headers.authorization);
      return reply.code(202).send(await request("cancelReconfiguration", { generation: await generationToCancel(body, underWay) }));
    },
  );
}

/** The one named, else the one under way. */
async function generationToCancel(body: unknown, underWay: () => Promise<ReconfigurationView | null>): Promise<number> {
  if (body !== undefined && body !== null) {
    if (typeof body !== "object" || Object.keys(body).some((name) => name !== "generation"))
      throw expected("body", 'an object like {"generation":7}, or left out');
    const { generation } = body as { generation?: unknown };
    if (generation !== undefined) {
      if (!Number.isSafeInteger(generation) || (generation as number) < 0) throw expected("body.generation", "an integer from 0");
      return generation as number;
    }
  }
  const view = await underWay();
  if (view === null)
    throw new EpoxyError("badRequest", "no reconfiguration is seen from here: name the one to cancel in body.generation", {
      where: "body.generation",
    });
  return view.generation;
}

/** @throws EpoxyError badRequest */
function idOf(text: string): number {
  const id = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0;
  if (id < 1 || id > REPLICA_ID_MAX) throw expected("the replica's id in the path", `an integer from 1 to ${REPLICA_ID_MAX}`);
  return id;
}

function checkUrls(body: { readonly peerUrl?: string; readonly apiUrl?: string }, where: string): void {
  for (const name of ["peerUrl", "apiUrl"] as const) {
    const url = body[name];
    if (url !== undefined && !URL.canParse(url)) throw expected(`${where}.${name}`, "a URL like http://host:port");
  }
}

export function clusterView(report: ReplicaReport, view: ReconfigurationView | null) {
  // What each datacenter does is for the console and the workflow's details.
  const { replicas: _, ...reconfiguration } = view ?? { replicas: [] };
  return {
    clusterId: report.clusterId,
    name: report.clusterName,
    epoch: report.epoch,
    coordinator: report.members?.coordinator ?? null,
    replica: { id: report.self, status: report.status },
    replicas: (report.members?.members ?? []).map((member) => ({
      id: member.id,
      name: member.name,
      status: memberStatus(report, member),
      peerUrl: member.peerUrl,
      apiUrl: member.apiUrl,
    })),
    reconfiguration: view === null ? null : reconfiguration,
  };
}

/** Whether it votes is said by the chain alone; the rest is what was last heard of it. */
function memberStatus(report: ReplicaReport, member: Member): MemberStatus {
  if (member.leaving) return "leaving";
  if (report.voters.includes(member.id)) return "active";
  const said = member.id === report.self ? report.status : report.peers.find((peer) => peer.id === member.id)?.status;
  return said === "learning" || said === "active" ? "learning" : "joining";
}
