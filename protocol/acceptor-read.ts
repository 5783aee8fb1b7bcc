/** The voter's side of a linearizable read: spec/PROPOSAL.md steps 58 and 59. */
import { assert } from "./assert.ts";
import { fateOf, notVoting, refusesNew, type Standing, staleEpoch, standingOf } from "./epoch-fence.ts";
import { covers } from "./frontier.ts";
import { instanceName } from "./ids.ts";
import { getInstance } from "./instance.ts";
import type { PeerReplyOf, RefusedByEpoch } from "./messages.ts";
import type { Epoch, Footprint, InstanceId, Step, View } from "./types.ts";

/** Every id registered here as a writer or adder of `wanted`, in whatever phase, above the global floor; committed Nops left out. */
export function readIndex(view: View, epoch: Epoch, wanted: readonly Footprint[]): Step<PeerReplyOf<"readIndexOk"> | RefusedByEpoch> {
  const standing = standingOf(view);
  if (standing !== null && epoch < standing.replica.epoch) return { reply: staleEpoch(standing, epoch), writes: [] };
  if (standing !== null && epoch > standing.replica.epoch) return { reply: notVoting(standing), writes: [] };
  const refused = refusesNew(standing);
  if (refused !== null) return { reply: refused, writes: [] };
  assert(standing !== null, "a replica without identity was not refused");
  const { globalFloor } = standing.progress;
  const ids = new Set<InstanceId>();
  let hasAdders = false;
  for (const footprint of wanted) {
    for (const { id, access } of view.get("index", footprint)?.entries ?? []) {
      if (access === "read" || covers(globalFloor, id) || isNop(view, standing, id)) continue;
      ids.add(id);
      if (access === "add") hasAdders = true;
    }
  }
  return { reply: { kind: "readIndexOk", ids: [...ids].sort((a, b) => a - b), hasAdders, globalFloor }, writes: [] };
}

function isNop(view: View, { chain }: Standing, id: InstanceId): boolean {
  const record = getInstance(view, id);
  assert(record !== null, `${instanceName(id)} is in the index without a record`);
  return record.phase === "committed" ? record.value === "nop" : fateOf(chain, record.epoch, id) === "nop";
}
