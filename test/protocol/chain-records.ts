/** Records of a small cluster for tests of cluster.ts: three epochs, and a second link that another one competes with. */
import { createHash } from "node:crypto";
import { ownerBallot } from "../../protocol/ballot.ts";
import { genesisLink, makeLink } from "../../protocol/cluster.ts";
import { NO_DEPS } from "../../protocol/deps.ts";
import { frontierOf } from "../../protocol/frontier.ts";
import { instanceName, replicaId } from "../../protocol/ids.ts";
import { NOTHING_SETTLED } from "../../protocol/settled.ts";
import type { Ballot, ChainLink, Epoch, InstanceId, InstanceRecord, Settled, Write } from "../../protocol/types.ts";
import { id, noMembers } from "./arbitrary.ts";

export const hash = (text: string) => createHash("sha256").update(text).digest("hex");
export const ids = (...numbers: readonly number[]) => numbers.map(replicaId);
export const epoch = (number: number) => number as Epoch;
export const settled = (frontier: readonly (readonly [number, number])[], ...listed: readonly InstanceId[]): Settled => ({
  frontier: frontierOf(frontier),
  listed,
});

export const first = genesisLink({ voter: replicaId(1), members: noMembers }, hash);
export const second = makeLink({ previous: first, voters: ids(3, 1, 2), settled: settled([[1, 4]], id(1, 6)), members: noMembers }, hash);
export const third = makeLink(
  {
    previous: second,
    voters: ids(2, 3, 4),
    settled: settled(
      [
        [1, 4],
        [2, 2],
      ],
      id(1, 6),
    ),
    members: noMembers,
  },
  hash,
);
export const rival = makeLink({ previous: first, voters: ids(1, 2), settled: NOTHING_SETTLED, members: noMembers }, hash);

export function replica(self: number, at: number, more: { frozen?: boolean; reported?: Settled } = {}): Write {
  return {
    kind: "replica",
    id: "",
    record: {
      clusterId: "c",
      clusterName: "c",
      self: replicaId(self),
      incarnation: "i",
      epoch: epoch(at),
      frozen: more.frozen ?? false,
      reported: more.reported ?? null,
    },
  };
}
export const chain = (...links: readonly ChainLink[]): Write => ({ kind: "chain", id: "", record: { links } });
export const ballot = (at: number, counter: number, of: number): Ballot => ({ epoch: epoch(at), counter, replica: replicaId(of) });

export function instance(one: InstanceId, { at = 1, ...more }: Partial<InstanceRecord> & { at?: number } = {}): Write {
  const zero = ownerBallot(epoch(at), one);
  const record: InstanceRecord = {
    id: one,
    epoch: epoch(at),
    phase: "preaccepted",
    ballot: zero,
    acceptedBallot: zero,
    value: { seq: 1, entries: [] },
    deps: NO_DEPS,
    initPayload: null,
    initDeps: null,
    executed: false,
    waitingCount: 0,
    path: null,
    outcomes: null,
    resubmittedAs: null,
    ...more,
  };
  return { kind: "instance", id: instanceName(one), record };
}
