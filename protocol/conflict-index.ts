/** Which instances a replica knows on each footprint; consensus section 1.1 and 2. An id leaves only below the global floor, Nops included. */
import { accessesConflict, footprints } from "./conflict.ts";
import { covers } from "./frontier.ts";
import type { Access, Footprint, Frontier, IndexEntry, InstanceId, Payload, View, Write } from "./types.ts";

/** Every other id registered here whose payload conflicts with `payload`, without repeats. */
export function conflictingIds(view: View, payload: Payload, self: InstanceId): InstanceId[] {
  const found = new Set<InstanceId>();
  for (const [footprint, access] of footprints(payload)) {
    for (const entry of view.get("index", footprint)?.entries ?? []) {
      if (entry.id !== self && accessesConflict(access, entry.access)) found.add(entry.id);
    }
  }
  return [...found];
}

/** Puts `id` under each footprint of `payload`; nothing where it is there already. */
export function register(view: View, input: { id: InstanceId; payload: Payload; globalFloor: Frontier }): Write[] {
  const { id, payload, globalFloor } = input;
  const writes: Write[] = [];
  for (const [footprint, access] of footprints(payload)) {
    const entries = view.get("index", footprint)?.entries ?? [];
    const before = entries.find((entry) => entry.id === id);
    const merged = before === undefined ? access : strongest(before.access, access);
    if (before?.access === merged) continue;
    writes.push(withEntry(footprint, entries, { id, access: merged }, globalFloor));
  }
  return writes;
}

function withEntry(footprint: Footprint, entries: readonly IndexEntry[], added: IndexEntry, globalFloor: Frontier): Write {
  const kept = entries.filter((entry) => entry.id !== added.id && !covers(globalFloor, entry.id));
  const place = kept.findIndex((entry) => entry.id > added.id);
  kept.splice(place === -1 ? kept.length : place, 0, added);
  return { kind: "index", id: footprint, record: { entries: kept } };
}

/** Two accesses that differ conflict together with all that a write conflicts with. */
function strongest(a: Access, b: Access): Access {
  return a === b ? a : "write";
}
