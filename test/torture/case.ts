/** What a suite of the fault campaign says: its cases, each a fault of the plan, with what it does to a cluster under load. */
import type { Dice } from "../../sim/random.ts";
import type { Recorder } from "../support/recorder.ts";
import type { TortureCluster } from "./cluster.ts";
import type { Load } from "./load.ts";

export type Span = {
  readonly name: string;
  /** The datacenters it was done to; empty: to none of them in particular. */
  readonly at: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
};

/** One run of a case: the cluster it may break, under load all the while. */
export type Run = {
  readonly cluster: TortureCluster;
  /** All chance of the case comes from here: the seed repeats it, as far as processes can. */
  readonly dice: Dice;
  readonly recorder: Recorder;
  readonly load: Load;
  /** In front of every key of this run, so that its history begins with absent keys. */
  readonly prefix: string;
  /** A size of the case, as it says itself or as `--param NAME=VALUE` says. @throws RangeError for a name that the case has not */
  param(name: string): number;
  /** Faults begin before this moment of `performance.now()`; the last one may end later. */
  readonly endMs: number;
  /** Does something wrong to datacenters, and writes down from when until when. */
  fault(name: string, at: readonly number[], during: () => Promise<void>): Promise<void>;
  /** A number for the report, added up where it is told several times. */
  count(name: string, more?: number): void;
  /** A number for the report of which the largest counts. */
  most(name: string, value: number): void;
  /** A process is about to end because the case makes it: at a step by SIGKILL, unless another way is named. */
  expectDeath(how?: string): void;
  /** Something that must never be: the run has failed. */
  violation(what: string): void;
};

export type TortureCase = {
  /** Row of the plan, 1 to 25. */
  readonly fault: number;
  readonly name: string;
  /** One sentence for the report. */
  readonly what: string;
  /** 3 unless given. */
  readonly datacenters?: 1 | 3 | 5;
  /** How long the faults go on, unless the command line says otherwise. */
  readonly seconds: number;
  /** Sizes that the command line may change. */
  readonly params?: Readonly<Record<string, number>>;
  /** Peers prove who they are: the datacenters share a secret. */
  readonly signed?: boolean;
  /** What this machine lacks for it; null: nothing. */
  readonly needs?: () => string | null;
  /** How long a client lets the server try; 2000 unless given. */
  readonly timeoutMs?: number;
  /** The longest rest of a client between two operations; as in load.ts unless given. */
  readonly restMsMax?: number;
  /** The cluster is not whole afterwards: the next case gets a new one. */
  readonly spoils?: boolean;
  /** Shows that lost writes would be seen: the run fails where none is lost. Runs only where it is named. */
  readonly mustLose?: boolean;
  /** Datacenters that are not asked whether they are well at the end, because the case has ended them for good. */
  readonly lost?: readonly number[];
  /** Waits through its faults and ends them all: what it returns from must be able to heal. */
  inject(run: Run): Promise<void>;
};
