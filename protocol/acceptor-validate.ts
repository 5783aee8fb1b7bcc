/** Validate: could the value that a recovery wants to finish have been decided at ballot 0? spec/PROPOSAL.md steps 37 to 39. */
import { assert } from "./assert.ts";
import { compareBallots } from "./ballot.ts";
import { conflictingIds, register } from "./conflict-index.ts";
import { hasDep, sameDeps } from "./deps.ts";
import { fateOf, type Standing } from "./epoch-fence.ts";
import { covers } from "./frontier.ts";
import { instanceName } from "./ids.ts";
import { getInstance, putInstance } from "./instance.ts";
import type { AcceptorReply, AcceptorRequest, ValidateConflict } from "./messages.ts";
import type { InstanceId, InstanceRecord, Step, View, Write } from "./types.ts";
import { samePayload } from "./value.ts";

type ValidateRequest = Extract<AcceptorRequest, { kind: "validate" }>;

/** Scan and registration are one step: from here on every conflicting PreAccept at this replica gets `id` into its dependencies. */
export function onValidate(view: View, standing: Standing, record: InstanceRecord, request: ValidateRequest): Step<AcceptorReply> {
  const { id, ballot, payload, deps } = request;
  const { initPayload, initDeps } = record;
  // Step 37. One id has one initial value; another one is a lie or a lost disk, and gets no vote.
  const sameInit = initPayload === null || initDeps === null || (samePayload(initPayload, payload) && sameDeps(initDeps, deps));
  if (compareBallots(record.ballot, ballot) !== 0 || !sameInit) {
    return { reply: { kind: "nack", id, ballot: record.ballot }, writes: [] };
  }
  const conflicts: ValidateConflict[] = [];
  for (const other of conflictingIds(view, payload, id).sort((a, b) => a - b)) {
    const conflict = invalidating(view, standing, request, other);
    if (conflict !== null) conflicts.push(conflict);
  }
  // Step 39: phase, value, deps and accepted ballot stay as they are.
  const writes: Write[] = register(view, { id, payload, globalFloor: standing.progress.globalFloor });
  if (initPayload === null) writes.push(putInstance({ ...record, initPayload: payload, initDeps: deps }));
  return { reply: { kind: "validateOk", id, ballot, conflicts }, writes };
}

/** Step 38: is `other` ordered with neither side depending on the other, or may it come to be? */
function invalidating(view: View, standing: Standing, { id, epoch, deps }: ValidateRequest, other: InstanceId): ValidateConflict | null {
  if (hasDep(deps, other)) return null;
  const record = getInstance(view, other);
  if (record === null) {
    // Executed by all members and dropped. The floor passed it only because the owner knows `id` decided (step 57): a value
    // decided by votes shows in rules a and b, so only the fast one is left, which this scan must not speak against.
    assert(covers(standing.progress.globalFloor, other), `${instanceName(other)} is in the index without a record`);
    return null;
  }
  // Epochs order: whatever an earlier one decided is before everything of a later one, without being listed.
  if (record.epoch !== epoch) return null;
  if (record.phase === "committed") {
    return record.value !== "nop" && !hasDep(record.deps, id) ? { id: other, committed: true } : null;
  }
  if (record.initDeps === null || hasDep(record.initDeps, id)) return null;
  return fateOf(standing.chain, epoch, other) === "nop" ? null : { id: other, committed: false };
}
