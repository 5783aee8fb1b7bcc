/** Every write of an instance's record, against what any replica ever wrote of it: I1 to I7, I9, I15, I16, I18 and I20. */
import { compareBallots } from "../../protocol/ballot.ts";
import { accessesConflict } from "../../protocol/conflict.ts";
import { hasDep, sameDeps } from "../../protocol/deps.ts";
import { fateOf } from "../../protocol/epoch-fence.ts";
import { covers } from "../../protocol/frontier.ts";
import { instanceName, ownerOf } from "../../protocol/ids.ts";
import { thresholds } from "../../protocol/quorum.ts";
import { inSettled } from "../../protocol/settled.ts";
import type { InstanceId, InstanceRecord, Payload, Phase, ReplicaId } from "../../protocol/types.ts";
import { samePayload, sameValue } from "../../protocol/value.ts";
import { short } from "../trace.ts";
import { type Accepted, atBallot, broken, footprintsOf, type Ledger, type Mirror, nameOf } from "./ledger.ts";

const HEIGHT: Readonly<Record<Phase, number>> = { initial: 0, preaccepted: 1, accepted: 2, committed: 3 };

export function checkInstance(
  ledger: Ledger,
  mirror: Mirror,
  id: InstanceId,
  before: InstanceRecord | null,
  after: InstanceRecord | null,
): void {
  const name = instanceName(id);
  if (after === null) {
    const dropped = mirror.progress !== null && covers(mirror.progress.globalFloor, id);
    if (!dropped) broken(ledger, mirror, "prune", `${name} was dropped above the global floor`, [id]);
    return;
  }
  checkBallots(ledger, mirror, before, after);
  checkInitial(ledger, mirror, after);
  if (before?.phase === "committed") {
    const same =
      after.phase === "committed" && after.epoch === before.epoch && sameDeps(after.deps, before.deps) && isSameValue(after, before);
    if (!same) broken(ledger, mirror, "I4", `${name} was committed as ${short(before)} and became ${short(after)}`, [id]);
    // Who has no progress executes nothing by itself: a copy that begins anew has nothing of the one before it (RECONFIGURE 10b).
    if (before.executed && !after.executed && mirror.progress !== null)
      broken(ledger, mirror, "I13", `${name} is executed no longer`, [id]);
    return;
  }
  if (before !== null && before.epoch === after.epoch && HEIGHT[after.phase] < HEIGHT[before.phase])
    broken(ledger, mirror, "I4", `${name} went from ${before.phase} back to ${after.phase}`, [id]);
  if (after.phase === "preaccepted" && (before?.phase !== "preaccepted" || before.epoch !== after.epoch))
    onPreAccepted(ledger, mirror, after);
  if (after.phase === "accepted") onAccepted(ledger, mirror, before, after);
  if (after.phase === "committed") onCommitted(ledger, mirror, after);
}

function isSameValue(a: InstanceRecord, b: InstanceRecord): boolean {
  return a.value !== null && b.value !== null && sameValue(a.value, b.value);
}

function checkBallots(ledger: Ledger, mirror: Mirror, before: InstanceRecord | null, { id, ballot, acceptedBallot }: InstanceRecord): void {
  const backwards =
    before !== null && (compareBallots(ballot, before.ballot) < 0 || compareBallots(acceptedBallot, before.acceptedBallot) < 0);
  if (backwards || compareBallots(acceptedBallot, ballot) > 0)
    broken(
      ledger,
      mirror,
      "I3",
      `${instanceName(id)} has ballot ${short(ballot)}, accepted at ${short(acceptedBallot)}, before ${short(before?.ballot)}`,
      [id],
    );
}

function checkInitial(ledger: Ledger, mirror: Mirror, { id, initPayload, initDeps }: InstanceRecord): void {
  if (initPayload === null || initDeps === null) return;
  const known = ledger.initial.get(id);
  if (known === undefined) ledger.initial.set(id, { payload: initPayload, deps: initDeps });
  else if (known.payload === initPayload && known.deps === initDeps) return;
  else if (!samePayload(known.payload, initPayload) || !sameDeps(known.deps, initDeps))
    broken(ledger, mirror, "I5", `${instanceName(id)} has two initial values: ${short(known)} and ${short({ initPayload, initDeps })}`, [
      id,
    ]);
}

function onPreAccepted(ledger: Ledger, mirror: Mirror, { id, epoch, deps, initDeps, ballot }: InstanceRecord): void {
  mirror.preAccepted.set(id, deps);
  checkVote(ledger, mirror, id, epoch);
  const { replica, chain } = mirror;
  if (replica?.frozen === true || chain.length > epoch)
    broken(ledger, mirror, "I16", `${instanceName(id)} was pre-accepted in the frozen epoch ${epoch}`, [id]);
  if (ballot.counter !== 0) broken(ledger, mirror, "I3", `${instanceName(id)} was pre-accepted at ballot ${short(ballot)}`, [id]);
  if (initDeps === null || !sameDeps(initDeps, deps)) return;
  const agreed = ledger.agreed.get(id);
  if (agreed === undefined) ledger.agreed.set(id, new Set([nameOf(mirror)]));
  else agreed.add(nameOf(mirror));
}

/** Only a voter of the instance's own epoch, taking part in it, gives votes. */
function checkVote(ledger: Ledger, mirror: Mirror, id: InstanceId, epoch: number): void {
  const { replica, chain } = mirror;
  const votes = replica !== null && replica.epoch === epoch && (chain[epoch - 1]?.voters.includes(replica.self) ?? false);
  if (!votes)
    broken(ledger, mirror, "I16", `a vote for ${instanceName(id)} of epoch ${epoch} by a replica of epoch ${replica?.epoch ?? 0}`, [id]);
}

function onAccepted(ledger: Ledger, mirror: Mirror, before: InstanceRecord | null, after: InstanceRecord): void {
  const { id, epoch, acceptedBallot, value, deps } = after;
  if (before?.phase === "accepted" && compareBallots(before.acceptedBallot, acceptedBallot) === 0) {
    if (value === null || before.value === null || !sameValue(value, before.value) || !sameDeps(deps, before.deps))
      broken(ledger, mirror, "I7", `${instanceName(id)} was accepted twice at ${short(acceptedBallot)}`, [id]);
    return;
  }
  if (value === null) return broken(ledger, mirror, "I7", `${instanceName(id)} was accepted without a value`, [id]);
  checkVote(ledger, mirror, id, epoch);
  const { replica, chain } = mirror;
  if (value !== "nop" && replica !== null && (replica.frozen || chain.length > epoch)) {
    const allowed = chain[epoch]?.settled ?? replica.reported;
    if (allowed === null || !inSettled(allowed, id))
      broken(ledger, mirror, "I16", `${instanceName(id)} was accepted in a frozen epoch without being in its report`, [id]);
  }
  const key = atBallot(id, acceptedBallot);
  const ballots = ledger.accepted.get(id) ?? new Map<string, Accepted>();
  ledger.accepted.set(id, ballots);
  const known = ballots.get(key);
  if (known === undefined) ballots.set(key, { value, deps, replicas: new Set([nameOf(mirror)]) });
  else {
    known.replicas.add(nameOf(mirror));
    if (!sameValue(known.value, value) || !sameDeps(known.deps, deps))
      broken(ledger, mirror, "I7", `two values at ${key}: ${short(known)} and ${short({ value, deps })}`, [id]);
  }
}

function onCommitted(ledger: Ledger, mirror: Mirror, { id, epoch, value, deps, path }: InstanceRecord): void {
  const name = instanceName(id);
  if (value === null) return broken(ledger, mirror, "I1", `${name} was committed without a value`, [id]);
  const known = ledger.decided.get(id);
  if (known !== undefined) {
    // A slot that nobody used before its epoch ended is Nop in each epoch that comes to speak of it.
    const isSame = sameValue(known.value, value) && sameDeps(known.deps, deps) && (known.epoch === epoch || value === "nop");
    if (!isSame) broken(ledger, mirror, "I1", `${name} was committed as ${short(known)} and as ${short({ value, deps, epoch })}`, [id]);
    return;
  }
  ledger.decided.set(id, { value, deps, epoch });
  checkChosen(ledger, mirror, { id, epoch, value, deps, path });
  if (value === "nop") return;
  const initial = ledger.initial.get(id);
  if (initial === undefined) return broken(ledger, mirror, "I6", `${name} was committed and nobody ever proposed it`, [id]);
  if (!samePayload(initial.payload, value))
    broken(ledger, mirror, "I6", `${name} was committed with another payload than its owner's`, [id]);
  const missing = initial.deps.explicit.find((dep) => !hasDep(deps, dep));
  if (missing !== undefined) broken(ledger, mirror, "I6", `${name} lost its initial dependency ${instanceName(missing)}`, [id, missing]);
  const next = ledger.chain[epoch];
  if (next !== undefined && !inSettled(next.settled, id))
    broken(ledger, mirror, "I18", `${name} was committed in epoch ${epoch}, whose K lacks it`, [id]);
  checkVisible(ledger, mirror, id, value);
}

/** A value may be committed only once a quorum has durably said so: I9 for the fast path, counting votes for every other. */
function checkChosen(
  ledger: Ledger,
  mirror: Mirror,
  { id, epoch, value, deps, path }: Pick<InstanceRecord, "id" | "epoch" | "value" | "deps" | "path">,
): void {
  const voters = ledger.chain[epoch - 1]?.voters ?? [];
  const need = thresholds(Math.max(1, voters.length));
  const counted = (replicas: ReadonlySet<ReplicaId>) => [...replicas].filter((replica) => voters.includes(replica)).length;
  const agreed = counted(ledger.agreed.get(id) ?? new Set());
  if (path === "fast") {
    if (agreed < need.fast || nameOf(mirror) !== ownerOf(id))
      broken(ledger, mirror, "I9", `${instanceName(id)} was committed fast with ${agreed} of ${need.fast} votes`, [id]);
    return;
  }
  if (value === "nop" && fateOf(ledger.chain, epoch as InstanceRecord["epoch"], id) === "nop") return;
  for (const accepted of ledger.accepted.get(id)?.values() ?? []) {
    if (value === null || !sameValue(accepted.value, value) || !sameDeps(accepted.deps, deps)) continue;
    if (counted(accepted.replicas) >= need.slow) return;
  }
  broken(ledger, mirror, "I9", `${instanceName(id)} was committed as ${short(value)} and no quorum of ${need.slow} accepted that`, [id]);
}

/** I2: of two conflicting commands of one epoch, one depends on the other. */
function checkVisible(ledger: Ledger, mirror: Mirror, id: InstanceId, payload: Payload): void {
  const own = ledger.decided.get(id);
  if (own === undefined) return;
  for (const [footprint, access] of footprintsOf(ledger, id, payload)) {
    const touched = ledger.touched.get(footprint) ?? [];
    for (const other of touched) {
      if (!accessesConflict(access, other.access) || hasDep(own.deps, other.id)) continue;
      const theirs = ledger.decided.get(other.id);
      if (theirs === undefined || theirs.epoch !== own.epoch || hasDep(theirs.deps, id)) continue;
      broken(
        ledger,
        mirror,
        "I2",
        `${instanceName(id)} and ${instanceName(other.id)} conflict on ${footprint} and neither depends on the other`,
        [id, other.id],
      );
    }
    touched.push({ id, access });
    ledger.touched.set(footprint, touched);
  }
}

/** I20, at the end of the transaction that made the payload known here. */
export function checkIndexed(ledger: Ledger, mirror: Mirror, id: InstanceId, payload: Payload): void {
  if (mirror.progress !== null && covers(mirror.progress.globalFloor, id)) return;
  for (const footprint of footprintsOf(ledger, id, payload).keys()) {
    if (!mirror.index.get(footprint)?.entries.some((entry) => entry.id === id))
      broken(ledger, mirror, "I20", `${instanceName(id)} is known and not in the index of ${footprint}`, [id]);
  }
}
