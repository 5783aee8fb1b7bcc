/** Datacenters that come and go in a campaign. */
import { apiUrl, peerUrl } from "../../cli/dev/layout.ts";
import type { Run } from "./case.ts";

export type Member = {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
};
/** What the API is told of a datacenter that is to be added, and its number here. */
export type Newcomer = Pick<Member, "name" | "peerUrl" | "apiUrl">;

/** Starts one more; it waits to be added. */
export async function another({ cluster }: Run): Promise<{ readonly number: number; readonly newcomer: Newcomer }> {
  const place = await cluster.startAnother();
  return { number: place.number, newcomer: { name: place.name, peerUrl: peerUrl(place), apiUrl: apiUrl(place) } };
}

/** The members as a datacenter shows them; none while it does not answer. */
export async function membersAt({ cluster }: Run, datacenter: number): Promise<readonly Member[]> {
  const answer = await cluster.api(datacenter).ask("GET", "/v1/cluster");
  return answer.status === 200 ? (JSON.parse(answer.text) as { readonly replicas: readonly Member[] }).replicas : [];
}
