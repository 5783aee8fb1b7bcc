/** What a coordinator carries from run to run: plain JSON with a schema number. */
import type { Members } from "../protocol/types.ts";
import type { HistoryEntry } from "./messages.ts";

/** The cluster as one replica sees it. `members` comes from the members key, `epoch` and `voters` from the chain's newest link. */
export type ClusterView = {
  readonly clusterId: string;
  readonly self: number;
  readonly epoch: number;
  readonly voters: readonly number[];
  readonly members: Members;
  readonly peers: readonly { readonly id: number; readonly reachable: boolean; readonly lag: number }[];
};

/** One datacenter that shall be a member. `ticket` names it before it has an id and ever after. */
export type Wanted = {
  readonly ticket: string;
  readonly id: number | null;
  readonly name: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
  readonly voter: boolean;
};

/** What people asked for. Changed by `accept` alone, and by what the replicas answer about ids. */
export type Desired = {
  readonly generation: number;
  readonly wanted: readonly Wanted[];
  /** Ids that a removed replica waits for before it goes: tickets of those who come in its stead. */
  readonly after: readonly { readonly id: number; readonly tickets: readonly string[] }[];
  readonly nextTicket: number;
  /** Tickets that were wanted when everything was last as desired: what a cancel goes back to. */
  readonly settledTickets: readonly string[];
};

/** What was asked for and stands in no replica yet: all that is lost with a coordinator, unless the next one is told. */
export type Waiting = {
  /** Newcomers without an id, and those that somebody who leaves waits for. */
  readonly wanted: readonly Wanted[];
  readonly after: Desired["after"];
};

export type CoordinatorState = {
  readonly schema: 1;
  readonly view: ClusterView | null;
  readonly desired: Desired;
  readonly settledGeneration: number;
  /** The learnId with which a replica last said that it has learned, by replica id. */
  readonly learned: Readonly<Record<string, string>>;
  readonly history: readonly HistoryEntry[];
  readonly runs: number;
};

export const HISTORY_ENTRIES_MAX = 100;

export function initialState(): CoordinatorState {
  return {
    schema: 1,
    view: null,
    desired: { generation: 0, wanted: [], after: [], nextTicket: 1, settledTickets: [] },
    settledGeneration: 0,
    learned: {},
    history: [],
    runs: 0,
  };
}

/** State of any schema ever released, in today's. A new field is given its value here. */
export function upgrade(state: CoordinatorState): CoordinatorState {
  switch (state.schema) {
    case 1:
      return state;
    default:
      throw new Error(`state of schema ${String(state.schema)} is newer than this code`);
  }
}
