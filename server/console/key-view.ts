/** What the console shows of one key: its value, its last versions, and the instances that touched it with how they depend on each other. */
import { keyFootprint } from "../../protocol/conflict.ts";
import { hasDep } from "../../protocol/deps.ts";
import { instanceName } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { Command, InstanceId, InstanceRecord, Key } from "../../protocol/types.ts";
import type { AppDeps } from "../routes/deps.ts";
import { type JsonBytes, keyToJson, valueToJson } from "../routes/json.ts";

export type KeyView = {
  readonly key: JsonBytes;
  /** As executed here. */
  readonly value: JsonBytes | null;
  readonly valueBytes: number | null;
  readonly version: number;
  /** The newest first, of the last `changesSearched` changes of this datacenter. */
  readonly versions: readonly { readonly version: number; readonly value: JsonBytes | null; readonly instance: string }[];
  readonly changesSearched: number;
  /** The newest that this log still has, in an order in which each comes after what it depends on. */
  readonly instances: readonly InstanceNode[];
};
type InstanceNode = {
  readonly instance: string;
  readonly status: string;
  readonly path: string | null;
  readonly what: string;
  /** Of the instances shown here, without those reached by another one. */
  readonly deps: readonly string[];
};
type Deps = Pick<AppDeps, "replica" | "store">;

const VERSIONS_MAX = 10;
const INSTANCES_MAX = 12;
const CHANGES_MAX = 4_000;
/** Changes hold whole values: a page of the largest is 32 MiB. */
const PAGE = 32;
const PREVIEW_BYTES = 512;

export async function keyView(deps: Deps, key: Key): Promise<KeyView> {
  const state = await deps.replica.read(key, "local", limits.timeoutDefaultMs);
  const { versions, searched } = await lastVersions(deps, key);
  const known = versions.map(({ instance }) => instance);
  const [index] = await deps.store.read("index", [keyFootprint(key)]);
  const open = await deps.store.openInstances(null, limits.pageEntriesMax);
  const ids = [...new Set([...known, ...(index?.entries ?? []).map(({ id }) => id), ...open])];
  const records = (await deps.store.read("instance", ids.map(instanceName))).filter((record) => record !== null);
  return {
    key: keyToJson(key),
    value: preview(state.value),
    valueBytes: state.value?.length ?? null,
    version: state.version,
    versions: versions.map(({ version, value, instance }) => ({ version, value, instance: instanceName(instance) })),
    changesSearched: searched,
    instances: graphOf(records, key),
  };
}

function preview(value: Uint8Array | null): JsonBytes | null {
  return valueToJson(value === null ? null : value.subarray(0, PREVIEW_BYTES));
}

type Version = { readonly version: number; readonly value: JsonBytes | null; readonly instance: InstanceId };

/** Backwards through the stream of changes: positions count up by one (the store's are `0-N`). */
async function lastVersions({ store }: Deps, key: Key): Promise<{ versions: Version[]; searched: number }> {
  const last = Number((await store.lastChange()).split("-").at(-1));
  const versions: Version[] = [];
  let searched = 0;
  for (let end = last; end > 0 && searched < CHANGES_MAX && versions.length < VERSIONS_MAX; end -= PAGE) {
    const from = Math.max(0, end - PAGE);
    const page = await store.changes(`0-${from}`, end - from);
    if (page === null) break;
    searched += page.changes.length;
    for (const { change } of [...page.changes].reverse()) {
      for (const write of [...change.writes].reverse()) {
        if (write.kind !== "value" || write.id !== key || write.record === null) continue;
        versions.push({ version: write.record.version, value: preview(write.record.value), instance: change.instance });
      }
    }
  }
  return { versions: versions.slice(0, VERSIONS_MAX), searched };
}

/** Exported for its test. */
export function graphOf(records: readonly InstanceRecord[], key: Key): InstanceNode[] {
  const touching = records.map((record) => ({ record, what: commandsOn(record, key) })).filter(({ what }) => what !== "");
  const depends = (a: InstanceRecord, b: InstanceRecord) => a.id !== b.id && hasDep(a.deps, b.id);
  const depth = new Map(touching.map(({ record }) => [record.id, touching.filter((other) => depends(record, other.record)).length]));
  const seqOf = ({ value }: InstanceRecord) => (value === null || value === "nop" ? 0 : value.seq);
  const newest = touching
    .sort(
      (a, b) =>
        (depth.get(a.record.id) ?? 0) - (depth.get(b.record.id) ?? 0) || seqOf(a.record) - seqOf(b.record) || a.record.id - b.record.id,
    )
    .slice(-INSTANCES_MAX);
  const shown = newest.map(({ record }) => record);
  /** a needs no line to c where one leads there over b. A cycle keeps its lines. */
  const isDirect = (a: InstanceRecord, c: InstanceRecord) =>
    !shown.some((b) => depends(a, b) && depends(b, c) && !depends(b, a) && !depends(c, b));
  return newest.map(({ record, what }) => ({
    instance: instanceName(record.id),
    status: record.executed ? "executed" : record.phase,
    path: record.path,
    what,
    deps: shown.filter((other) => depends(record, other) && isDirect(record, other)).map((other) => instanceName(other.id)),
  }));
}

/** What it does to the key, in a word or two; "" where it does not touch it. */
function commandsOn({ value, initPayload }: InstanceRecord, key: Key): string {
  if (value === "nop") return initPayload === null ? "" : commandsOf(initPayload.entries, key, "given up: ");
  return value === null ? "" : commandsOf(value.entries, key, "");
}

function commandsOf(entries: readonly { readonly commands: readonly Command[] }[], key: Key, before: string): string {
  const found = entries.flatMap(({ commands }) => commands.flatMap((command) => wordsOf(command, key)));
  if (found.length === 0) return "";
  return `${before}${found[0]}${found.length === 1 ? "" : ` and ${found.length - 1} more`}`;
}

function wordsOf(command: Command, key: Key): string[] {
  if (command.kind === "closeBucket") return [];
  if (command.kind !== "txn") return command.key === key ? [command.kind] : [];
  const touches = command.checks.some((check) => check.key === key) || command.commands.some((inner) => inner.key === key);
  return touches ? ["txn"] : [];
}
