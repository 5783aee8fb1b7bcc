/** What the HTTP API takes and answers, as it stands in JSON. */
import type { WireBytes } from "./bytes.ts";

export type Expect = { readonly expectOneOf: readonly (WireBytes | null)[] } | { readonly expectVersion: number };

export type SimpleCommandJson =
  | { readonly kind: "set"; readonly key: WireBytes; readonly value: WireBytes | null }
  | ({ readonly kind: "checkAndSet"; readonly key: WireBytes; readonly newValue: WireBytes | null } & Expect)
  | { readonly kind: "delete"; readonly key: WireBytes }
  | { readonly kind: "add"; readonly key: WireBytes; readonly delta: number | string }
  | { readonly kind: "get"; readonly key: WireBytes };

export type TxnJson = {
  readonly kind: "txn";
  readonly checks: readonly ({ readonly key: WireBytes } & Expect)[];
  readonly commands: readonly SimpleCommandJson[];
};
export type CommandJson = SimpleCommandJson | TxnJson;

export type ResultJson =
  | { readonly ok: true; readonly version?: number; readonly value?: WireBytes | null; readonly results?: readonly ResultJson[] }
  | { readonly ok: false; readonly error: "expectedValueDoesNotMatch"; readonly current: WireBytes | null; readonly version: number }
  | {
      readonly ok: false;
      readonly error: "checkFailed";
      readonly failed: number;
      readonly current: WireBytes | null;
      readonly version: number;
    }
  | { readonly ok: false; readonly error: "notACounter" };

export type ProposalAnswer = {
  readonly instance: string;
  readonly path: "fast" | "slow" | "recovered";
  readonly results: readonly ResultJson[];
};
export type WriteAnswer = { readonly version: number; readonly instance: string };
export type KeyAnswer = { readonly key: WireBytes; readonly value: WireBytes | null; readonly version: number };
export type ListAnswer = { readonly entries: readonly KeyAnswer[]; readonly cursor: string | null };

export type ReadMode = "linearizable" | "local" | "optimistic";
export type MemberStatus = "joining" | "learning" | "active" | "leaving";
export type Member = {
  readonly id: number;
  readonly name: string;
  readonly status: MemberStatus;
  readonly peerUrl: string;
  readonly apiUrl: string;
};
export type Reconfiguration = {
  readonly generation: number;
  readonly phase: "checking" | "learning" | "freezing" | "closing" | "draining" | "activating" | "settled";
  /** A date: milliseconds since 1970, or text. */
  readonly since: number | string;
  readonly detail: unknown;
  readonly workflowUrl: string | null;
};
export type ClusterAnswer = {
  readonly clusterId: string;
  readonly name: string;
  readonly epoch: number;
  readonly coordinator: number;
  readonly replica: { readonly id: number; readonly status: string };
  readonly replicas: readonly Member[];
  readonly reconfiguration: Reconfiguration | null;
};
export type ChangeAnswer = { readonly generation: number; readonly id?: number };
export type NewMember = { readonly name: string; readonly peerUrl: string; readonly apiUrl: string; readonly voter?: boolean };

/** One instance as one replica has it. */
export type InstanceAnswer = {
  readonly status: string;
  readonly epoch?: number;
  readonly ballot?: { readonly epoch: number; readonly counter: number; readonly replica: number };
  /** null: not known here. */
  readonly commands?: readonly CommandJson[] | null;
  readonly nop?: boolean;
  /** Every instance of a row up to the one in `floor`, and those listed. */
  readonly deps?: { readonly floor: readonly string[]; readonly explicit: readonly string[] };
  readonly seq?: number | null;
  readonly resubmittedAs?: string;
};

/** `delete`: the key was there or not, and is absent now, as a change. `gap`: changes before this point are not told: list again. */
export type WatchEvent = {
  /** Opaque; goes into `after` to go on behind this event. */
  readonly id: string;
  readonly event: "put" | "delete" | "gap";
  readonly data: { readonly key: WireBytes; readonly value: WireBytes | null; readonly version: number; readonly instance: string } | null;
};
