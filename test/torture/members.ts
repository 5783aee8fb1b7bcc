/** Datacenters that come and go in a campaign. */
import { apiUrl, peerUrl } from "../../cli/dev/layout.ts";
import { bodyOf, eventually } from "../support/api.ts";
import type { Run } from "./case.ts";

const headers = { "content-type": "application/json" };
/** Some steps the server of the driver's datacenter takes as often as the driver does. */
const changesMax = 8;
/** Beyond it a change hangs. */
const changeMsMax = 120_000;
/** Asked of another datacenter than the coordinator's, where there is one. */
const asked = ({ cluster }: Run) => (cluster.datacenters.length > 3 ? 2 : 1);

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

export type ClusterBody = {
  readonly epoch: number;
  readonly coordinator: number | null;
  readonly replicas: readonly Member[];
  readonly reconfiguration: { readonly generation: number; readonly phase: string; readonly detail: string } | null;
};

/** The cluster as a datacenter shows it; null while it does not answer. */
export async function clusterAt({ cluster }: Run, datacenter: number): Promise<ClusterBody | null> {
  const answer = await cluster.api(datacenter).ask("GET", "/v1/cluster");
  return answer.status === 200 ? (JSON.parse(answer.text) as ClusterBody) : null;
}

/** Its members; none while it does not answer. */
export async function membersAt(run: Run, datacenter: number): Promise<readonly Member[]> {
  return (await clusterAt(run, datacenter))?.replicas ?? [];
}

/** Adds a datacenter that waits, until it votes. */
export async function added(run: Run, newcomer: Newcomer): Promise<void> {
  await wishMember(run, newcomer);
  await untilVotes(run, newcomer, true);
}

/** Asks for one more voter. */
export async function wishMember(run: Run, newcomer: Newcomer): Promise<void> {
  bodyOf(await run.cluster.api(asked(run)).ask("POST", "/v1/cluster/replicas", { body: JSON.stringify(newcomer), headers }), 202);
}

/** Asks for the same members, of which this one shall vote, or not. */
export async function wishVote(run: Run, newcomer: Newcomer, voter: boolean): Promise<void> {
  const members = await membersAt(run, asked(run));
  const replicas = members.map(({ id, name, peerUrl, apiUrl }) => ({ id, name, peerUrl, apiUrl, voter: name !== newcomer.name || voter }));
  bodyOf(await run.cluster.api(asked(run)).ask("PUT", "/v1/cluster/replicas", { body: JSON.stringify({ replicas }), headers }), 202);
}

/** Until all datacenters say that it votes, or does not, and the coordinator is settled. */
export async function untilVotes(run: Run, { name }: Newcomer, voter: boolean): Promise<void> {
  await eventually(`${name} ${voter ? "votes" : "votes no more"}`, changeMsMax, async () => {
    const alive = run.cluster.datacenters.filter((each) => run.cluster.pid(each, "server") !== null);
    const views = await Promise.all(alive.map((each) => clusterAt(run, each)));
    return views.every((view) => {
      const member = view?.replicas.find((each) => each.name === name);
      return member?.status === (voter ? "active" : "learning") && view?.reconfiguration?.phase === "settled";
    });
  });
}

/** Asks for its removal. */
export async function wishGone(run: Run, { name }: Newcomer): Promise<void> {
  const id = (await membersAt(run, asked(run))).find((each) => each.name === name)?.id;
  bodyOf(await run.cluster.api(asked(run)).ask("DELETE", `/v1/cluster/replicas/${id}`), 202);
}

/** Until nobody who was there before it lists it, and the coordinator is settled. */
export async function untilGone(run: Run, { name }: Newcomer): Promise<void> {
  await eventually(`${name} is gone`, changeMsMax, async () => {
    const views = await Promise.all([1, 2, 3].map((each) => clusterAt(run, each)));
    return views.every((view) => view?.replicas.every((each) => each.name !== name) && view.reconfiguration?.phase === "settled");
  });
}

/** Changes the voters until the driver was the one who came to `step`, which `change` says. */
export async function untilDriverTakes(step: string, change: () => Promise<boolean>): Promise<void> {
  for (let changes = 0; changes < changesMax; changes++) if (await change()) return;
  throw new Error(`in ${changesMax} changes of voters the driver never came to: ${step}`);
}
