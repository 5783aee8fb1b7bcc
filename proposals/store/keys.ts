/** How records and sets are called in the backend. Binary strings: one character a byte. */
import { frontierIds } from "../../protocol/frontier.ts";
import { instanceId, ownerOf } from "../../protocol/ids.ts";
import type { Frontier, InstanceId, RecordKind, Slot } from "../../protocol/types.ts";

const PREFIXES = {
  instance: "i:",
  index: "x:",
  value: "v:",
  row: "r:",
  bucket: "b:",
  replica: "m:replica",
  chain: "m:chain",
  close: "m:close",
  progress: "m:progress",
  slots: "m:slots",
  peers: "m:peers",
  disk: "m:disk",
  ends: "m:ends",
} as const satisfies Record<RecordKind, string>;

/** Names beside the records. */
export const SETS = {
  open: "s:open",
  state: "s:state",
  changes: "s:changes",
  changesKept: "s:changesKept",
  digest: "s:digest",
  counter: "s:counter",
  turn: "s:turn",
} as const;

export function recordName(kind: RecordKind, id: string): string {
  return PREFIXES[kind] + id;
}

/** The record that is called so; null for the name of something else. */
export function refOfName(name: string): { readonly kind: RecordKind; readonly id: string } | null {
  const found = (Object.entries(PREFIXES) as [RecordKind, string][]).find(([, prefix]) =>
    prefix.endsWith(":") ? name.startsWith(prefix) : name === prefix,
  );
  return found === undefined ? null : { kind: found[0], id: name.slice(found[1].length) };
}

/** Where the outcomes of a process's last batches are kept. */
export function outcomesName(processId: string): string {
  return `p:${processId}`;
}

const STATE_PREFIXES = { value: "k", row: "i", bucket: "b" } as const;
export type ReplicatedKind = keyof typeof STATE_PREFIXES;

export function isReplicated(kind: RecordKind): kind is ReplicatedKind {
  return kind in STATE_PREFIXES;
}

/** The name of a replicated record in `Store.stateNames`: keys first, then what idempotency needs. */
export function stateName(kind: ReplicatedKind, id: string): string {
  return STATE_PREFIXES[kind] + id;
}

/** The smallest string above all that start with `prefix`; null when there is none. */
export function afterPrefix(prefix: string): string | null {
  for (let end = prefix.length; end > 0; end--) {
    const code = prefix.charCodeAt(end - 1);
    if (code < 255) return prefix.slice(0, end - 1) + String.fromCharCode(code + 1);
  }
  return null;
}

/** Eight bytes, most significant first, so that bytes and ids sort alike. */
export function openMember(id: number): string {
  const [high, low] = [Math.floor(id / 2 ** 32), id % 2 ** 32];
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 255,
    (high >>> 8) & 255,
    high & 255,
    low >>> 24,
    (low >>> 16) & 255,
    (low >>> 8) & 255,
    low & 255,
  );
}

export function openMemberId(member: string): InstanceId {
  let id = 0;
  for (let i = 0; i < 8; i++) id = id * 256 + member.charCodeAt(i);
  return id as InstanceId;
}

/** One range of members for each column that the frontier covers. */
export function openRanges(frontier: Frontier): { readonly from: string; readonly to: string }[] {
  return frontierIds(frontier).map((id) => ({ from: openMember(instanceId(ownerOf(id), 0 as Slot)), to: openMember(id) }));
}
