/** Where everything of a local cluster stands: ports and folders, told from four numbers. */
import { join } from "node:path";

export type ServerPlace = {
  readonly apiPort: number;
  readonly peerPort: number;
  /** Where others are told to send instead: something that passes it on stands there. null: to the peer port itself. */
  readonly relayPort: number | null;
};
export type DatacenterPlace = {
  /** Its number here, from 1; a fresh cluster gives it the same id. */
  readonly number: number;
  readonly name: string;
  readonly voter: boolean;
  readonly folder: string;
  readonly redisPort: number;
  /** Where a balancer stands before the peer ports of several servers. null: peers reach the only one. */
  readonly balancerPort: number | null;
  /** Clients are told of the first one's address. */
  readonly servers: readonly ServerPlace[];
};
export type Layout = {
  readonly folder: string;
  readonly datacenters: readonly DatacenterPlace[];
  readonly temporalPort: number;
  readonly uiPort: number;
};
export type Size = { readonly datacenters: number; readonly learners: number; readonly servers: number; readonly port: number };

export const host = "127.0.0.1";
export const limits = { datacenters: 9, learners: 20, servers: 3 } as const;
const portsPerDatacenter = 10;

export function layoutOf(size: Size, folder: string, relayed = false): Layout {
  const numbers = Array.from({ length: size.datacenters + size.learners }, (_, index) => index + 1);
  const datacenters = numbers.map((number) => placeOf(number, number <= size.datacenters, size, folder, relayed));
  return { folder, datacenters, temporalPort: size.port + 1, uiPort: size.port + 2 };
}

export function placeOf(number: number, voter: boolean, size: Size, folder: string, relayed = false): DatacenterPlace {
  const base = size.port + portsPerDatacenter * number;
  const balancerPort = size.servers > 1 && !relayed ? base + 1 : null;
  const servers = Array.from({ length: size.servers }, (_, index): ServerPlace => {
    const k = index + 1;
    const ports =
      k === 1
        ? { apiPort: base, peerPort: balancerPort === null ? base + 1 : base + 4 }
        : { apiPort: base + 2 * k + 1, peerPort: base + 2 * k + 2 };
    return { ...ports, relayPort: relayed && k === 1 ? base + 3 : null };
  });
  return { number, name: `dc-${number}`, voter, folder: join(folder, `dc-${number}`), redisPort: base + 2, balancerPort, servers };
}

export function apiUrl(place: DatacenterPlace, server = 0): string {
  return `http://${host}:${place.servers[server]?.apiPort}`;
}
/** Where the other datacenters reach it. */
export function peerUrl({ balancerPort, servers: [first] }: DatacenterPlace): string {
  return `http://${host}:${balancerPort ?? first?.relayPort ?? first?.peerPort}`;
}
export function redisUrl(place: DatacenterPlace): string {
  return `redis://${host}:${place.redisPort}`;
}

/** Every port it takes, with what takes it. */
export function portsOf(layout: Layout): Map<number, string> {
  const ports = new Map([
    [layout.temporalPort, "Temporal"],
    [layout.uiPort, "Temporal's UI"],
  ]);
  for (const place of layout.datacenters) for (const [port, what] of portsOfDatacenter(place)) ports.set(port, what);
  return ports;
}

export function portsOfDatacenter(place: DatacenterPlace): Map<number, string> {
  const ports = new Map([[place.redisPort, `${place.name}'s Redis`]]);
  if (place.balancerPort !== null) ports.set(place.balancerPort, `${place.name}'s peer API`);
  for (const server of place.servers) {
    ports.set(server.apiPort, `${place.name}'s client API`);
    ports.set(server.peerPort, `${place.name}'s peer API`);
  }
  return ports;
}
