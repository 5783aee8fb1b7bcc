/**
 * A cluster as activities see it, in memory: datacenters that can be unreachable, a members key and a chain of voters. It stands where
 * `Replica` stands, so the real activities and the real workflows run; consensus itself has its own tests.
 */
import type { Replica, ReplicaReport } from "../../../proposals/api.ts";
import { PeerUnreachable } from "../../../proposals/ports.ts";
import { EpoxyError } from "../../../protocol/errors.ts";
import { decodeMembers, encodeMembers } from "../../../protocol/members.ts";
import type { ChainLink, Epoch, Member, Members, ReplicaId } from "../../../protocol/types.ts";

export type FakeCluster = {
  members: Members;
  readonly chain: { readonly epoch: number; readonly voters: readonly number[] }[];
  /** Peer URLs that do not answer. */
  readonly down: Set<string>;
  /** Status reports that get lost on their way. */
  loseReports: number;
  /** What a newcomer's server says of itself, by URL; an empty store where nothing is said. */
  readonly stores: Map<string, { clusterId: string; replica: number; incarnation: string }>;
  /** Milliseconds that a change of members takes. */
  consensusMs: number;
  /** Milliseconds that a change of voters takes. */
  changeMs: number;
  /** Changes of voters that are refused because too few of the next ones are heard of, as yet. */
  voterChangesAway: number;
  /** Datacenters told to learn, in order. */
  readonly learning: { readonly id: number; readonly learnId: string; readonly sources: readonly number[] }[];
  readonly forwarded: { readonly name: string; readonly argument: unknown }[];
  onLearn: ((id: number, learnId: string) => void) | null;
  voters(): readonly number[];
};

export function createFakeCluster(ids: readonly number[]): FakeCluster {
  const members = {
    coordinator: ids[0],
    nextId: Math.max(...ids) + 1,
    members: ids.map((id) => fakeMember(id)),
    removed: [],
  } as unknown as Members;
  const cluster: FakeCluster = {
    members,
    chain: [{ epoch: 1, voters: ids }],
    down: new Set(),
    loseReports: 0,
    stores: new Map(),
    consensusMs: 0,
    changeMs: 5,
    voterChangesAway: 0,
    learning: [],
    forwarded: [],
    onLearn: null,
    voters: () => cluster.chain.at(-1)?.voters ?? [],
  };
  return cluster;
}

export function newcomer(id: number): { name: string; peerUrl: string; apiUrl: string } {
  return { name: `dc-${id}`, peerUrl: `http://10.0.0.${id}:7111`, apiUrl: `http://10.0.0.${id}:7110` };
}

function fakeMember(id: number): Member {
  return { ...newcomer(id), id: id as ReplicaId, voter: true, incarnation: `store-${id}`, leaving: false };
}

/** The replica of datacenter `self` in this cluster. */
export function fakeReplica(cluster: FakeCluster, self: number): Replica {
  const quorum = () => {
    const alive = cluster.voters().filter((id) => !cluster.down.has(newcomer(id).peerUrl));
    if (alive.length <= cluster.voters().length / 2)
      throw new EpoxyError("noQuorum", `${alive.length} of ${cluster.voters().length} voters answer; no quorum`);
  };
  const reachable = (url: string) => {
    if (cluster.down.has(url)) throw new PeerUnreachable(`connect ECONNREFUSED ${url}`);
  };
  const report = () =>
    ({
      status: "active",
      clusterId: "c1",
      self,
      epoch: cluster.chain.length,
      voters: cluster.voters(),
      members: cluster.members,
      peers: cluster.members.members
        .filter((m) => m.id !== self)
        .map((m) => ({ id: m.id, reachable: !cluster.down.has(m.peerUrl), lag: 7 })),
    }) as unknown as ReplicaReport;
  const offered: Partial<Replica> = {
    report,
    chain: async () => cluster.chain as unknown as readonly ChainLink[],
    async changeMembers(change) {
      quorum();
      if (cluster.consensusMs > 0) await new Promise((resolve) => setTimeout(resolve, cluster.consensusMs));
      // Through its text, as the replicas have it: what they cannot read is no members key.
      cluster.members = decodeMembers(encodeMembers(change(cluster.members) ?? cluster.members));
      return cluster.members;
    },
    async changeVoters(voters, { onPhase, signal }) {
      if (cluster.voterChangesAway > 0) {
        cluster.voterChangesAway -= 1;
        throw new EpoxyError("noQuorum", "of the next voters too few are there", { away: voters });
      }
      for (const phase of ["freezing", "closing", "draining", "activating"] as const) {
        quorum();
        onPhase?.(phase);
        await new Promise((resolve) => setTimeout(resolve, cluster.changeMs / 4));
        if (signal?.aborted) throw new EpoxyError("noQuorum", "given up");
      }
      if (JSON.stringify(cluster.voters()) !== JSON.stringify(voters)) cluster.chain.push({ epoch: cluster.chain.length + 1, voters });
      return cluster.chain.length as Epoch;
    },
    async healthCheck(url) {
      reachable(url);
      const store = cluster.stores.get(url) ?? { clusterId: "", replica: 0, incarnation: `store-at-${url}` };
      return { ...store, replica: store.replica as ReplicaId, status: "joining", build: "test" };
    },
    async beginLearning({ id, url, learnId, sources }) {
      reachable(url);
      cluster.stores.set(url, { clusterId: "c1", replica: id, incarnation: cluster.stores.get(url)?.incarnation ?? `store-at-${url}` });
      cluster.learning.push({ id, learnId, sources });
      if (cluster.loseReports > 0) cluster.loseReports -= 1;
      else cluster.onLearn?.(id, learnId);
    },
    async abortLearning() {},
    async coordinatorRequest(name, argument) {
      cluster.forwarded.push({ name, argument });
      return { generation: 1, id: 0 };
    },
  };
  return offered as Replica;
}
