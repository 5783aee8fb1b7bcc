/** Follows a change of the cluster to its end by looking at /v1/cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../client/client.ts";
import { RequestError } from "../client/errors.ts";
import type { ClusterAnswer, MemberStatus } from "../client/types.ts";
import { CommandError } from "./exit.ts";

export type Goal =
  | { readonly kind: "added"; readonly name: string; readonly status: MemberStatus }
  | { readonly kind: "removed"; readonly id: number }
  | { readonly kind: "replaced"; readonly id: number; readonly name: string }
  | { readonly kind: "settled" };

const lookEveryMs = 500;

/**
 * Waits as long as it takes: a change may take days, and Ctrl-C ends the waiting without ending the change.
 * @throws CommandError when the change was given up
 */
export async function waitFor(client: Client, generation: number, goal: Goal, say: (text: string) => void): Promise<ClusterAnswer> {
  let said = "";
  let sawMember = false;
  for (;;) {
    const cluster = await look(client);
    const text = cluster === null ? "no datacenter answers just now" : progress(cluster, goal);
    if (text !== said) say(text);
    said = text;
    if (cluster !== null) {
      if (reached(cluster, goal, generation)) return cluster;
      const present = hasGoalMember(cluster, goal);
      if (sawMember && !present) throw new CommandError("the change was given up: the new member is gone again");
      sawMember ||= present;
    }
    await sleep(lookEveryMs);
  }
}

/** null while nobody can be reached: a reconfiguration outlives that. */
async function look(client: Client): Promise<ClusterAnswer | null> {
  try {
    return await client.cluster();
  } catch (error) {
    if (error instanceof RequestError && (error.status === null || error.status === 503)) return null;
    throw error;
  }
}

export function reached(cluster: ClusterAnswer, goal: Goal, generation: number): boolean {
  const named = (name: string, status: MemberStatus) => cluster.replicas.some((each) => each.name === name && each.status === status);
  const gone = (id: number) => !cluster.replicas.some((each) => each.id === id);
  switch (goal.kind) {
    case "added":
      return named(goal.name, goal.status);
    case "removed":
      return gone(goal.id);
    case "replaced":
      return named(goal.name, "active") && gone(goal.id);
    case "settled":
      return cluster.reconfiguration?.phase === "settled" && cluster.reconfiguration.generation >= generation;
    default:
      return goal satisfies never;
  }
}

function hasGoalMember(cluster: ClusterAnswer, goal: Goal): boolean {
  return (goal.kind === "added" || goal.kind === "replaced") && cluster.replicas.some((each) => each.name === goal.name);
}

function progress(cluster: ClusterAnswer, goal: Goal): string {
  const { reconfiguration } = cluster;
  const phase = reconfiguration?.phase ?? "the coordinator cannot be asked just now";
  const detail = typeof reconfiguration?.detail === "string" && reconfiguration.detail !== "" ? `: ${reconfiguration.detail}` : "";
  const name = goal.kind === "added" || goal.kind === "replaced" ? goal.name : null;
  const member = name === null ? undefined : cluster.replicas.find((each) => each.name === name);
  return `epoch ${cluster.epoch}, ${phase}${detail}${member === undefined ? "" : `; ${member.name} is ${member.status}`}`;
}
