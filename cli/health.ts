/** One look at every datacenter, for `status`, `doctor` and `dev`. */
import type { Client } from "../client/client.ts";
import { RequestError } from "../client/errors.ts";
import type { ClusterAnswer, Member } from "../client/types.ts";

export type Health = {
  readonly id: number;
  readonly name: string;
  /** What the replica says of itself; the cluster's word where it cannot be reached. */
  readonly status: string;
  readonly apiUrl: string;
  readonly reachable: boolean;
  readonly ready: boolean;
  /** Why it is not ready, in words. */
  readonly problems: readonly string[];
  readonly epoch: number | null;
  readonly roundTripMs: number | null;
  /** How far its wall clock is ahead of ours; as coarse as the Date header, a second. */
  readonly clockAheadMs: number | null;
  readonly build: string | null;
  /** Those that its server hears from, and those that it does not; null where it says neither. */
  readonly hears: { readonly heard: readonly number[]; readonly silent: readonly number[] } | null;
};

type At = (url: string, timeoutMs?: number) => Client;

/** @throws RequestError when no endpoint at all answers */
export async function healthOfAll(client: Client, at: At): Promise<{ cluster: ClusterAnswer; members: Health[] }> {
  const cluster = await client.cluster();
  const members = await Promise.all(cluster.replicas.map((member) => healthOf(member, at(member.apiUrl))));
  return { cluster, members };
}

async function healthOf(member: Member, client: Client): Promise<Health> {
  const { id, name, apiUrl } = member;
  try {
    const answer = await client.raw("/v1/cluster");
    const own = JSON.parse(Buffer.from(answer.bytes).toString("utf8")) as ClusterAnswer;
    // The first answer may have waited for Temporal, and for the connection.
    const startedMs = performance.now();
    const problems = await problemsOf(client);
    const roundTripMs = performance.now() - startedMs;
    const date = Date.parse(answer.headers["date"] ?? "");
    const clockAheadMs = Number.isNaN(date) ? null : date + 500 - Date.now();
    return {
      id,
      name,
      apiUrl,
      status: own.replica.status,
      reachable: true,
      ready: problems === null,
      problems: problems ?? [],
      epoch: own.epoch,
      roundTripMs,
      clockAheadMs,
      ...(await saysOfItself(client)),
    };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return {
      id,
      name,
      apiUrl,
      status: member.status,
      reachable: false,
      ready: false,
      problems: [error.message],
      epoch: null,
      roundTripMs: null,
      clockAheadMs: null,
      build: null,
      hears: null,
    };
  }
}

/** What the console asks for too. Older builds say less. */
async function saysOfItself(client: Client): Promise<Pick<Health, "build" | "hears">> {
  try {
    const { bytes } = await client.raw("/console/own");
    const own = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
      build?: string;
      peers?: readonly { readonly id: number; readonly reachable: boolean }[];
    };
    const ids = (reachable: boolean) => own.peers?.filter((peer) => peer.reachable === reachable).map(({ id }) => id) ?? [];
    return { build: own.build ?? null, hears: own.peers === undefined ? null : { heard: ids(true), silent: ids(false) } };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { build: null, hears: null };
  }
}

/** null: it can serve. */
export async function problemsOf(client: Client): Promise<string[] | null> {
  try {
    await client.raw("/readyz");
    return null;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const reasons = error.details["problems"] ?? error.details["reasons"];
    return Array.isArray(reasons) && reasons.length > 0 ? reasons.map(String) : [error.message];
  }
}
