import type { ChangeAnswer, ClusterAnswer, NewMember } from "../../client/types.ts";
import { type Context, checkUrl, integer, withClient } from "../context.ts";
import { CommandError, type ExitCode, exit } from "../exit.ts";
import { json, line, note, table } from "../output.ts";
import { type Goal, waitFor } from "../wait-for-change.ts";
import { createWaitLine } from "../wait-line.ts";
import { readJson } from "./txn.ts";

type Wait = { readonly wait?: boolean };
type MemberOptions = Wait & { readonly peer: string; readonly learner?: boolean };

const notKnown = "what is being changed cannot be told: the coordinator's datacenter, or Temporal there, does not answer just now";

export const list = withClient(async ({ client, json: asJson }) => {
  const cluster = await client.cluster();
  if (asJson) json(cluster);
  else printMembers(cluster);
  return exit.done;
});

export const add = withClient<MemberOptions>(async (context, [name = ""], own) => {
  const learner = context.options.learner === true;
  const change = await context.client.addReplica(newMember(name, own, learner));
  return finish(context, change, { kind: "added", name, status: learner ? "learning" : "active" });
});

export const remove = withClient<Wait>(async (context, [id = ""]) => {
  const member = memberId(id);
  return finish(context, await context.client.removeReplica(member), { kind: "removed", id: member });
});

export const replace = withClient<MemberOptions>(async (context, [id = "", name = ""], own) => {
  const member = memberId(id);
  const change = await context.client.replaceReplica(member, newMember(name, own, false));
  return finish(context, change, { kind: "replaced", id: member, name });
});

export const set = withClient<Wait>(async (context, [file = "-"]) => {
  const parsed = await readJson(file);
  return finish(context, await context.client.setReplicas(Array.isArray(parsed) ? { replicas: parsed } : parsed), { kind: "settled" });
});

export const cancel = withClient(async ({ client, json: asJson }) => {
  const { reconfiguration } = await client.cluster();
  if (reconfiguration === null) throw new CommandError(notKnown, exit.unreachable);
  if (reconfiguration.phase === "settled") throw new CommandError("there is no change under way");
  const answer = await client.cancelReconfiguration(reconfiguration.generation);
  if (asJson) json(answer);
  else line(`change ${reconfiguration.generation} is being given up; it is settled as generation ${answer.generation}`);
  return exit.done;
});

export const takeover = withClient(async ({ client, endpoints, json: asJson }) => {
  const answer = await client.takeover();
  if (asJson) json(answer);
  else line(`the coordinator moves to the datacenter at ${endpoints[0]}`);
  return exit.done;
});

async function finish(context: Context<Wait>, change: ChangeAnswer, goal: Goal): Promise<ExitCode> {
  if (context.json) json(change);
  else line(`accepted as generation ${change.generation}${change.id === undefined || change.id === 0 ? "" : `, replica ${change.id}`}`);
  if (context.options.wait !== true) {
    if (!context.json) note("It goes on by itself; `epoxy members` shows how far it is.");
    return exit.done;
  }
  const progress = createWaitLine(process.stderr);
  const cluster = await waitFor(context.client, change.generation, goal, context.json ? () => undefined : progress.say).finally(
    progress.done,
  );
  if (context.json) json(cluster);
  else printMembers(cluster);
  return exit.done;
}

function printMembers(cluster: ClusterAnswer): void {
  const rows = cluster.replicas.map((each) => [each.id, each.name, each.status, each.apiUrl, each.peerUrl]);
  line(table(["id", "name", "status", "api", "peer"], rows));
  const { reconfiguration } = cluster;
  if (reconfiguration === null) return note(notKnown);
  const detail = reconfiguration.detail === null || reconfiguration.detail === "" ? "" : `: ${describe(reconfiguration.detail)}`;
  note(`change ${reconfiguration.generation} is ${reconfiguration.phase}${detail}`);
  if (reconfiguration.workflowUrl) note(`see ${reconfiguration.workflowUrl}`);
}

function describe(detail: unknown): string {
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}

function newMember(name: string, own: Readonly<Record<string, unknown>>, learner: boolean): NewMember {
  return { name, peerUrl: checkUrl(String(own["peer"])), apiUrl: checkUrl(String(own["api"])), ...(learner ? { voter: false } : {}) };
}

function memberId(text: string): number {
  return integer("ID", text, { min: 1, max: 8_191 });
}
