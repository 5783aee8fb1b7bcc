/** The cluster as this replica knows it, in the form workflows keep. */
import type { Replica } from "../proposals/api.ts";
import { EpoxyError } from "../protocol/errors.ts";
import type { Members } from "../protocol/types.ts";

/** The same fields as workflows/state.ts has: a workflow's history outlives both. */
export type ClusterView = {
  readonly clusterId: string;
  readonly self: number;
  readonly epoch: number;
  readonly voters: readonly number[];
  readonly members: Members;
  readonly peers: readonly { readonly id: number; readonly reachable: boolean; readonly lag: number }[];
};

/** @throws EpoxyError notReady while this replica has no identity or no config */
export async function viewOf(replica: Replica, members: Members | null): Promise<ClusterView> {
  const report = replica.report();
  const newest = (await replica.chain()).at(-1);
  if (report.clusterId === null || report.self === null || members === null || newest === undefined) {
    throw new EpoxyError("notReady", "this replica does not know its cluster yet");
  }
  const peers = report.peers.map((p) => ({ id: p.id as number, reachable: p.reachable, lag: p.lag }));
  return { clusterId: report.clusterId, self: report.self, epoch: newest.epoch, voters: newest.voters, members, peers };
}
