/** Execution: the same order of conflicting commands everywhere, and nothing before what it depends on. I11 and I12. */
import { fateOf } from "../../protocol/epoch-fence.ts";
import { covers, frontierSlot } from "../../protocol/frontier.ts";
import { instanceId, instanceName } from "../../protocol/ids.ts";
import { inSettled } from "../../protocol/settled.ts";
import type { Access, Footprint, InstanceId, Slot } from "../../protocol/types.ts";
import { broken, footprintsOf, type Ledger, type Mirror, type Position } from "./ledger.ts";

const START: Position = { writes: 0, reads: 0, readSum: 0, adds: 0, addSum: 0 };
/** Ids are sums of two numbers below it, so that a sum of many stays exact. */
const SUM_MODULUS = 2 ** 52;

/** In the order in which the replica executed them, in one transaction. */
export function checkExecuted(ledger: Ledger, mirror: Mirror, ids: readonly InstanceId[]): void {
  for (const id of ids) {
    const decided = ledger.decided.get(id);
    if (decided === undefined) {
      broken(ledger, mirror, "I12", `${instanceName(id)} was executed before it was committed`, [id]);
      return;
    }
    if (!ledger.executed.has(id)) ledger.executed.set(id, ledger.world.schedule.nowMs());
    if (decided.value === "nop") continue;
    for (const [footprint, access] of footprintsOf(ledger, id, decided.value)) step(ledger, mirror, { id, footprint, access });
    checkDeps(ledger, mirror, id);
  }
}

function isExecuted(mirror: Mirror, id: InstanceId): boolean {
  return (mirror.progress !== null && covers(mirror.progress.executed, id)) || mirror.instances.get(id)?.executed === true;
}

function checkDeps(ledger: Ledger, mirror: Mirror, id: InstanceId): void {
  const decided = ledger.decided.get(id);
  if (decided === undefined) return;
  const { deps, epoch } = decided;
  const isDue = (dep: InstanceId) => !isExecuted(mirror, dep) && fateOf(ledger.chain, epoch as Parameters<typeof fateOf>[1], dep) !== "nop";
  const early = (dep: InstanceId) =>
    broken(ledger, mirror, "I12", `${instanceName(id)} was executed before its dependency ${instanceName(dep)}`, [id, dep]);
  for (const dep of deps.explicit) if (dep !== id && isDue(dep) && !isLater(ledger, epoch, dep)) early(dep);
  for (const [replica, top] of deps.floor) {
    for (let slot = frontierSlot(mirror.progress?.executed ?? [], replica) + 1; slot <= top; slot++) {
      const dep = instanceId(replica, slot as Slot);
      if (isDue(dep)) early(dep);
    }
  }
}

/** Outside K of its epoch: whatever became of that id is ordered after. */
function isLater(ledger: Ledger, epoch: number, dep: InstanceId): boolean {
  const next = ledger.chain[epoch];
  return next !== undefined && !inSettled(next.settled, dep);
}

function step(ledger: Ledger, mirror: Mirror, { id, footprint, access }: { id: InstanceId; footprint: Footprint; access: Access }): void {
  const at = mirror.positions.get(footprint) ?? { ...START };
  mirror.positions.set(footprint, at);
  const order = orderOf(ledger, footprint);
  const place = placeOf(at, access);
  const known = order.places.get(id);
  if (known === undefined) order.places.set(id, place);
  else if (known !== place)
    broken(ledger, mirror, "I11", `${instanceName(id)} was executed on ${footprint} at ${place}, elsewhere at ${known}`, [
      id,
      ...order.writes.slice(-3),
    ]);
  if (access === "write") {
    const other = order.writes[at.writes];
    if (other === undefined) order.writes.push(id);
    else if (other !== id)
      broken(ledger, mirror, "I11", `write ${at.writes + 1} of ${footprint} is ${instanceName(id)}, elsewhere ${instanceName(other)}`, [
        id,
        other,
      ]);
  }
  advance(at, id, access);
}

/** Everything executed so far that conflicts with such a command. */
function placeOf(at: Position, access: Access): string {
  const reads = `${at.reads}r${at.readSum}`;
  const adds = `${at.adds}a${at.addSum}`;
  return `${at.writes}w ${access === "write" ? `${reads} ${adds}` : access === "add" ? reads : adds}`;
}

function advance(at: Position, id: InstanceId, access: Access): void {
  if (access === "write") Object.assign(at, { ...START, writes: at.writes + 1 });
  else if (access === "read") Object.assign(at, { reads: at.reads + 1, readSum: (at.readSum + id) % SUM_MODULUS });
  else Object.assign(at, { adds: at.adds + 1, addSum: (at.addSum + id) % SUM_MODULUS });
}

function orderOf(ledger: Ledger, footprint: Footprint) {
  let order = ledger.order.get(footprint);
  if (order === undefined) {
    order = { writes: [], places: new Map() };
    ledger.order.set(footprint, order);
  }
  return order;
}

/** A copied state stands where its executed set says; that must be a point in the one order. */
export function placeCopy(ledger: Ledger, mirror: Mirror): void {
  mirror.positions.clear();
  for (const [footprint, { writes, places }] of ledger.order) {
    const done = writes.filter((id) => isExecuted(mirror, id)).length;
    const gap = writes.findIndex((id) => !isExecuted(mirror, id));
    if (gap !== -1 && gap < done)
      broken(
        ledger,
        mirror,
        "I11",
        `the copy has executed a later write of ${footprint} and not ${instanceName(writes[gap] as InstanceId)}`,
        [writes[gap] as InstanceId],
      );
    const at: Position = { ...START, writes: done };
    for (const [id, place] of places) {
      if (!place.startsWith(`${done}w `) || writes[done] === id || !isExecuted(mirror, id)) continue;
      const access = ledger.footprints.get(id)?.get(footprint) ?? "read";
      if (access !== "write") advance(at, id, access);
    }
    mirror.positions.set(footprint, at);
  }
}
