/** Who is a member: the members key, changed through consensus, and what newcomers say of themselves. */
import type { Replica } from "../proposals/api.ts";
import { about } from "../proposals/log-subject.ts";
import { PeerUnreachable } from "../proposals/ports.ts";
import { assert } from "../protocol/assert.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { replicaId } from "../protocol/ids.ts";
import { removeMember } from "../protocol/members.ts";
import type { Member, Members } from "../protocol/types.ts";
import { activity, refused } from "./failures.ts";
import type { ActivityDeps } from "./index.ts";
import type { ClusterView } from "./view.ts";
import { viewOf } from "./view.ts";

const CONSENSUS_TIMEOUT_MS = 8_000;

export type MemberFields = { readonly name: string; readonly peerUrl: string; readonly apiUrl: string; readonly voter: boolean };
export type Admitted = { readonly id: number; readonly view: ClusterView };

export function createMembershipActivities({ replica, log }: ActivityDeps) {
  /** Only the coordinator's datacenter changes members: a coordinator that was taken over learns so here. */
  async function change(apply: (members: Members) => Members | null): Promise<ClusterView> {
    const self = replica.report().self;
    const members = await replica.changeMembers((current) => {
      if (current.coordinator !== self) throw refused(`the coordinator is datacenter ${current.coordinator} now`, "notCoordinator");
      return apply(current);
    }, CONSENSUS_TIMEOUT_MS);
    return viewOf(replica, members);
  }

  return {
    /** `fresh`: by consensus, so that nothing decided before is missed; else as this replica has it in memory. */
    async readCluster(input: { readonly fresh: boolean }): Promise<ClusterView> {
      return activity(async () => {
        const members = input.fresh ? await replica.changeMembers(() => null, CONSENSUS_TIMEOUT_MS) : replica.report().members;
        return viewOf(replica, members);
      });
    },

    /** Asks an address whether it is an empty replica that can join (or the one that already has this id). */
    async healthCheck(input: {
      readonly peerUrl: string;
      readonly id: number | null;
    }): Promise<{ readonly incarnation: string; readonly build: string }> {
      return activity(async () => {
        const found = await askHealth(replica, input.peerUrl);
        const { clusterId, members } = replica.report();
        if (found.clusterId !== "" && found.clusterId !== clusterId)
          throw refused(`${input.peerUrl} belongs to another cluster (${found.clusterId})`);
        if (found.replica !== 0 && found.replica !== input.id) {
          const past = members?.removed.includes(found.replica) === true || found.status === "removed";
          throw refused(
            `${input.peerUrl} ${past ? "belonged to" : "is already"} replica ${found.replica}; a newcomer begins with an empty store`,
          );
        }
        const holder = members?.members.find((m) => m.incarnation === found.incarnation && m.id !== input.id);
        // Its own admission may have been durable before the answer got lost: then the address tells that it is the same one.
        if (holder !== undefined && holder.peerUrl !== input.peerUrl)
          throw refused(`${input.peerUrl} is already replica ${holder.id} (the same store)`);
        return { incarnation: found.incarnation, build: found.build };
      });
    },

    /** Gives a newcomer its id: the next one, never used again. Idempotent by name and URLs. */
    async admitMember(input: { readonly member: MemberFields; readonly incarnation: string }): Promise<Admitted> {
      return activity(async () => {
        const view = await change((members) => {
          const same = members.members.find((m) => isSame(m, input.member));
          if (same !== undefined)
            return same.incarnation === input.incarnation ? null : withMember(members, { ...same, incarnation: input.incarnation });
          const member: Member = { ...input.member, id: members.nextId, incarnation: input.incarnation, leaving: false };
          return { ...members, nextId: replicaId(members.nextId + 1), members: [...members.members, member] };
        });
        const member = view.members.members.find((m) => isSame(m, input.member));
        assert(member !== undefined, "an admitted member is in the members key");
        about(log, { peer: member.id }).info({ datacenter: member.name }, "a replica was admitted");
        return { id: member.id, view };
      });
    },

    /** Notes the store behind an id. A voter's is fixed: another disk under its id would have forgotten its promises. */
    async registerIncarnation(input: { readonly id: number; readonly incarnation: string }): Promise<ClusterView> {
      return activity(() =>
        change((members) => {
          const member = members.members.find((m) => m.id === input.id);
          if (member === undefined) throw refused(`replica ${input.id} is not a member`);
          if (member.incarnation === input.incarnation) return null;
          const voted = member.incarnation !== null && replica.report().voters.includes(member.id);
          if (voted) throw refused(`replica ${input.id} votes with another store; replace it instead`);
          return withMember(members, { ...member, incarnation: input.incarnation });
        }),
      );
    },

    /** Name, URLs, whether it shall vote, whether it is on its way out: whatever is given. */
    async updateMember(input: {
      readonly id: number;
      readonly fields: Partial<MemberFields & { readonly leaving: boolean }>;
    }): Promise<ClusterView> {
      return activity(() =>
        change((members) => {
          const member = members.members.find((m) => m.id === input.id);
          if (member === undefined) return null;
          const next = { ...member, ...input.fields };
          return JSON.stringify(next) === JSON.stringify(member) ? null : withMember(members, next);
        }),
      );
    },

    /** Ends a membership. Only after no epoch's voters include it. */
    async dropMember(input: { readonly id: number }): Promise<ClusterView> {
      return activity(async () => {
        const { voters } = await viewOf(replica, replica.report().members);
        if (voters.includes(input.id)) throw refused(`replica ${input.id} still votes`);
        const view = await change((members) => {
          const gone = members.members.find((m) => m.id === input.id);
          if (gone === undefined) return null;
          const change = removeMember(members, gone.id);
          if (change.kind === "refused") throw refused(change.message);
          return change.members;
        });
        about(log, { peer: replicaId(input.id) }).info({}, "a replica was dropped");
        return view;
      });
    },

    /** Makes another datacenter the coordinator's, and passes on what was asked for and is in no replica yet. */
    async handOver(input: {
      readonly to: number;
      readonly pending: readonly { readonly name: string; readonly argument: unknown }[];
    }): Promise<ClusterView> {
      return activity(async () => {
        const self = replica.report().self;
        const members = await replica.changeMembers((current) => {
          if (current.coordinator === input.to) return null;
          if (current.coordinator !== self) throw refused(`the coordinator is datacenter ${current.coordinator} now`, "notCoordinator");
          return { ...current, coordinator: replicaId(input.to) };
        }, CONSENSUS_TIMEOUT_MS);
        for (const { name, argument } of input.pending) {
          await replica.coordinatorRequest(name, argument).catch((error: unknown) => {
            // It knows already: from an earlier attempt, or because it has read this one's memo. The others are still to be told.
            if (!(error instanceof EpoxyError && error.code === "badRequest")) throw error;
            log.warn({ change: name, error: error.message }, "the next coordinator refuses what this one was asked");
          });
        }
        about(log, { peer: replicaId(input.to) }).info({}, "the coordinator was handed over");
        return viewOf(replica, members);
      });
    },
  };
}

async function askHealth(replica: Replica, url: string) {
  try {
    return await replica.healthCheck(url);
  } catch (error) {
    if (error instanceof PeerUnreachable) throw new PeerUnreachable(`${url} is unreachable: ${error.message}`, { cause: error });
    throw error;
  }
}

function isSame(member: Member, fields: MemberFields): boolean {
  return !member.leaving && member.name === fields.name && member.peerUrl === fields.peerUrl && member.apiUrl === fields.apiUrl;
}

function withMember(members: Members, member: Member): Members {
  return { ...members, members: members.members.map((m) => (m.id === member.id ? member : m)) };
}
