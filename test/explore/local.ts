/** One replica's disk, as far as the explored instances are on it. Values of this type are never changed. */

import { instanceName } from "../../protocol/ids.ts";
import type { InstanceId, InstanceRecord, RecordKind, Records, ReplicaId, ReplicaState, View, Write } from "../../protocol/types.ts";
import { EPOCH, type Setup } from "./setup.ts";

export type Local = { readonly self: ReplicaId; readonly records: ReadonlyMap<string, Write> };

export function blankLocal(self: ReplicaId): Local {
  return { self, records: new Map() };
}

/** Two disks with equal keys are the same disk. */
export function localKey({ self, records }: Local): string {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, write]) => write);
  return JSON.stringify([self, sorted]);
}

export function viewOf(setup: Setup, { self, records }: Local): View {
  const replica: ReplicaState = {
    clusterId: "c",
    clusterName: "explored",
    self,
    incarnation: `disk${self}`,
    epoch: EPOCH,
    frozen: false,
    reported: null,
  };
  const chain = { links: [setup.link] };
  return {
    get<K extends RecordKind>(kind: K, id: string): Records[K] | null {
      if (kind === "replica") return replica as Records[K];
      if (kind === "chain") return chain as unknown as Records[K];
      return (records.get(`${kind} ${id}`)?.record ?? null) as Records[K] | null;
    },
  };
}

export function withWrites(local: Local, writes: readonly Write[]): Local {
  if (writes.length === 0) return local;
  const records = new Map(local.records);
  for (const write of writes) records.set(`${write.kind} ${write.id}`, withoutPath(write));
  return { self: local.self, records };
}

/** How a value came to be committed is kept for people only; no step reads it but to answer its own repetition. */
function withoutPath(write: Write): Write {
  if (write.kind !== "instance" || write.record === null || write.record.path === null) return write;
  return { ...write, record: { ...write.record, path: null } };
}

export function recordOf({ records }: Local, id: InstanceId): InstanceRecord | null {
  return (records.get(`instance ${instanceName(id)}`)?.record ?? null) as InstanceRecord | null;
}

/** Is the id in the conflict index under the key? */
export function isIndexed({ records }: Local, key: string, id: InstanceId): boolean {
  const index = records.get(`index k${key}`);
  return index?.kind === "index" && (index.record?.entries.some((entry) => entry.id === id) ?? false);
}
