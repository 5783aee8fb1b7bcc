/** I19: once faults stop, everything that was ever begun is decided and executed everywhere, and all states are one. */

import { openMemberId } from "../../proposals/store/keys.ts";
import { frontierSlot, sameFrontier } from "../../protocol/frontier.ts";
import { instanceName } from "../../protocol/ids.ts";
import type { InstanceId, ReplicaId } from "../../protocol/types.ts";
import { short } from "../trace.ts";
import type { Ledger, Mirror } from "./ledger.ts";

export type Unfinished = { readonly message: string; readonly ids: readonly InstanceId[] };

/** Names of what a disk has open, with the virtual time since which some disk has. */
export type OpenSince = Map<string, number>;

/**
 * Notes what is open now at any member, and names what has been for longer than this. By the instance: what stays must not be
 * hidden by what comes and goes elsewhere.
 */
export function overdue(
  since: OpenSince,
  members: readonly Mirror[],
  { nowMs, maxMs }: { nowMs: number; maxMs: number },
): Unfinished | null {
  const open = new Set<string>();
  // What still copies executes nothing by itself: its copy ends with what is executed.
  for (const { site, progress } of members) if (progress !== null) for (const name of site.disk.open) open.add(name);
  for (const name of since.keys()) if (!open.has(name)) since.delete(name);
  for (const name of open) if (!since.has(name)) since.set(name, nowMs);
  const old = [...open].filter((name) => nowMs - (since.get(name) ?? nowMs) > maxMs);
  const [first] = old;
  if (first === undefined) return null;
  const holder = members.find(({ site, progress }) => progress !== null && site.disk.open.includes(first)) as Mirror;
  const ids = old.map(openMemberId);
  return {
    message: `for ${maxMs / 1000} s after the last fault datacenter ${holder.site.number} has not executed ${describe(holder, ids[0] as InstanceId)}`,
    ids,
  };
}

/** What is not as it must be in the end; null when all is. */
export function unfinished(ledger: Ledger, members: readonly Mirror[]): Unfinished | null {
  const newest = ledger.chain.at(-1);
  for (const mirror of members) {
    const { replica, progress, site } = mirror;
    if (replica === null || progress === null || replica.epoch !== newest?.epoch)
      return { message: `datacenter ${site.number} is in epoch ${replica?.epoch ?? 0} of ${newest?.epoch ?? 0}`, ids: [] };
    if (replica.frozen) return { message: `datacenter ${site.number} is frozen in epoch ${replica.epoch}`, ids: [] };
    const open = site.disk.open.slice(0, 8).map(openMemberId);
    if (open.length > 0)
      return { message: `datacenter ${site.number} has not executed ${open.map((id) => describe(mirror, id)).join(", ")}`, ids: open };
  }
  return differences(members);
}

function describe(mirror: Mirror, id: InstanceId): string {
  const record = mirror.instances.get(id);
  return `${instanceName(id)} (${record === undefined ? "no record" : `${record.phase}${record.executed ? ", executed above a gap" : ""}`})`;
}

function differences([first, ...others]: readonly Mirror[]): Unfinished | null {
  if (first === undefined) return { message: "nobody is left", ids: [] };
  for (const other of others) {
    const [a, b] = [first.progress?.executed ?? [], other.progress?.executed ?? []];
    if (!sameFrontier(a, b)) {
      const column = [...a, ...b].find(([replica]) => frontierSlot(a, replica) !== frontierSlot(b, replica))?.[0] as ReplicaId;
      return {
        message: `datacenters ${first.site.number} and ${other.site.number} have executed ${short(a)} and ${short(b)}: column ${column}`,
        ids: [],
      };
    }
    if (first.site.disk.digest !== other.site.disk.digest)
      return {
        message: `datacenters ${first.site.number} and ${other.site.number} have executed the same and hold different states`,
        ids: [],
      };
  }
  return null;
}
