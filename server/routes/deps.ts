import type { FastifyBaseLogger } from "fastify";
import type { Replica } from "../../proposals/api.ts";
import type { Clock, Meter, Random, Store } from "../../proposals/ports.ts";
import type { Figures } from "../console/figures.ts";
import type { ApiToken, Scope } from "../security.ts";
import type { Cost } from "./admission.ts";

/** What `/v1/cluster` says of a reconfiguration. */
export type ReconfigurationView = {
  readonly generation: number;
  readonly phase: string;
  readonly since: number | string;
  readonly detail: string;
  readonly workflowUrl: string | null;
  /** What each datacenter that it concerns does, or waits for. */
  readonly replicas: readonly {
    readonly id: number | null;
    readonly name: string;
    readonly stage: string;
    readonly since: number;
    readonly lag: number | null;
    readonly ratePerSecond: number | null;
    readonly error: string | null;
  }[];
};

export type AppDeps = {
  /** This build's name: the package's version. */
  readonly build: string;
  readonly replica: Replica;
  readonly store: Pick<Store, "changes" | "lastChange" | "stateNames" | "read" | "openInstances">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: FastifyBaseLogger;
  readonly meter: Meter;
  /** Prometheus text. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  /** The same as sums, for the console. */
  readonly figures: () => Promise<Figures>;
  /** None: the API is open, which config.ts allows on loopback only. */
  readonly tokens: readonly ApiToken[];
  /** From the coordinator workflow, or null where it cannot be asked. */
  readonly reconfiguration: () => Promise<ReconfigurationView | null>;
  /** Makes this datacenter the coordinator's: for when the old one is gone for good. The generation its workflow is at. */
  readonly takeover: () => Promise<number>;
  /** Why this process cannot serve, beside what the replica reports: Redis settings and the like. Empty when it can. */
  readonly readyProblems: () => Promise<readonly string[]>;
  /** Proposals and reads of this process at once; beyond them 429. */
  readonly inFlightMax: number;
  /** What takes longer is logged. */
  readonly slowRequestMs: number;
  /** For a request to arrive whole. */
  readonly requestTimeoutMs: number;
};

declare module "fastify" {
  interface FastifyContextConfig {
    /** Which token a route needs; open without one. */
    scope?: Scope;
    /** What one request of this URL costs; it may be refused where there is too much of that. */
    cost?: (url: string) => Cost;
    /** The content type of its body where that is not JSON. */
    takes?: string;
  }
}
