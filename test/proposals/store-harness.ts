/** What the tests of a Store are made of: a disk with processes on it, and records to put there. */
import type { Transaction } from "../../proposals/ports.ts";
import type { TransactionalStore } from "../../proposals/store/transaction.ts";
import { instanceId, instanceName, replicaId, slot } from "../../protocol/ids.ts";
import type { Epoch, InstanceRecord, Key, Progress, Write } from "../../protocol/types.ts";

/** One replica's disk, and processes on it. */
export type Harness = {
  open(options?: {
    readonly cacheEntriesMax?: number;
    readonly changesMax?: number;
    readonly changesBytesMax?: number;
  }): Promise<TransactionalStore>;
  /** Flips a bit in the middle of a stored record. */
  damage(name: string): Promise<void>;
  stop(): Promise<void>;
};

export const id = (replica: number, position: number) => instanceId(replicaId(replica), slot(position));
export const text = (bytes: Uint8Array | null | undefined) =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString();

export function put(key: string, value: string | null, version: number): Write {
  return { kind: "value", id: key as Key, record: { value: value === null ? null : new Uint8Array(Buffer.from(value)), version } };
}

/** Adds one to a decimal number and to its version; the number before. */
export function increment(key: string) {
  return (tx: Transaction): number => {
    const state = tx.get("value", key);
    const before = Number(text(state?.value) ?? 0);
    tx.put(put(key, `${before + 1}`, (state?.version ?? 0) + 1));
    return before;
  };
}

export function instance(replica: number, position: number): Write {
  const ballot = { epoch: 1 as Epoch, counter: 0, replica: replicaId(replica) };
  const record: InstanceRecord = {
    ...{ id: id(replica, position), epoch: 1 as Epoch, phase: "committed", ballot, acceptedBallot: ballot, value: "nop" },
    ...{ deps: { floor: [], explicit: [] }, initPayload: null, initDeps: null, executed: false, waitingCount: 0 },
    ...{ path: null, outcomes: null, resubmittedAs: null },
  };
  return { kind: "instance", id: instanceName(id(replica, position)), record };
}

export function progress(executed: readonly (readonly [number, number])[]): Write {
  const record: Progress = { executed: executed.map(([replica, position]) => [replicaId(replica), slot(position)]), globalFloor: [] };
  return { kind: "progress", id: "", record };
}

export const putAll =
  (...writes: Write[]) =>
  (tx: Transaction) => {
    for (const write of writes) tx.put(write);
  };

export type CheckFn = (title: string, body: (harness: Harness) => Promise<void>) => void;
