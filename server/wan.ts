/** The distances of `epoxy dev --wan`: every message between datacenters is delayed by half the round trip, by its sender. */
import type { Members, ReplicaId } from "../protocol/types.ts";

export type WanDelays = {
  /** One way, in milliseconds; 0 for whoever is not listed. */
  toUrl(url: string): number;
  toReplica(id: ReplicaId | 0): number;
};

/** @param oneWayMs by a datacenter's peer URL or its name */
export function createWanDelays(oneWayMs: ReadonlyMap<string, number>, members: () => Members | null): WanDelays {
  const memberDelay = (member: { readonly name: string; readonly peerUrl: string } | undefined): number =>
    member === undefined ? 0 : (oneWayMs.get(member.peerUrl) ?? oneWayMs.get(member.name) ?? 0);
  return {
    toUrl: (url) => oneWayMs.get(url) ?? memberDelay(members()?.members.find((member) => member.peerUrl === url)),
    toReplica: (id) => memberDelay(members()?.members.find((member) => member.id === id)),
  };
}
