/** What the steps of the demo work with, and how they speak. */
import { type Client, createClient } from "../../client/client.ts";
import type { LocalCluster } from "../dev/cluster.ts";
import { apiUrl, type DatacenterPlace } from "../dev/layout.ts";

/** A step did not do what it says. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

export type Stage = {
  readonly cluster: LocalCluster;
  readonly signal: AbortSignal;
  readonly places: DatacenterPlace[];
  /** One client for each datacenter, asking that one alone. */
  readonly clients: Map<number, Client>;
  /** Every write that was acknowledged, key to value: at the end each datacenter must have them all. */
  readonly acknowledged: Map<string, string>;
  /** Writes whose outcome nobody was told: each may be there or not. */
  readonly unknown: Map<string, string>;
};

export function createStage(cluster: LocalCluster, signal: AbortSignal): Stage {
  const places = [...cluster.layout.datacenters];
  const stage: Stage = { cluster, signal, places, clients: new Map(), acknowledged: new Map(), unknown: new Map() };
  for (const place of places) addClient(stage, place);
  return stage;
}

export function addClient(stage: Stage, place: DatacenterPlace): void {
  stage.clients.set(place.number, makeClient(place));
}

function makeClient(place: DatacenterPlace): Client {
  return createClient({ endpoints: [apiUrl(place)], timeoutMs: 10_000 });
}

export function clientOf(stage: Stage, number: number): Client {
  const client = stage.clients.get(number);
  if (client === undefined) throw new DemoFailure(`there is no datacenter ${number}`);
  return client;
}

export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

export function title(text: string): void {
  const bold = process.stdout.isTTY ? ["\x1b[1m", "\x1b[0m"] : ["", ""];
  say(`\n${bold[0]}${text}${bold[1]}`);
}

/** @throws DemoFailure */
export function check(condition: boolean, otherwise: string): void {
  if (!condition) throw new DemoFailure(otherwise);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
