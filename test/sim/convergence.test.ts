/** How old what is open may be once all faults have ended: I19, by the instance. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openMember } from "../../proposals/store/keys.ts";
import { createUnencodedSealing } from "../../proposals/store/sealing.ts";
import { instanceId } from "../../protocol/ids.ts";
import type { ReplicaId, Slot } from "../../protocol/types.ts";
import { type OpenSince, overdue } from "../../sim/invariants/convergence.ts";
import { createMirror, type Mirror } from "../../sim/invariants/ledger.ts";
import { createSite } from "../../sim/site.ts";

const MAX_MS = 30_000;
const EVERY_MS = 100;

function member(number: number, { copying = false } = {}): Mirror {
  const mirror = createMirror(createSite({ number, region: 0, sealing: createUnencodedSealing() }));
  if (!copying) mirror.progress = { executed: [], globalFloor: [] };
  return mirror;
}

const id = (replica: number, slot: number) => instanceId(replica as ReplicaId, slot as Slot);

/** Looks as often as the simulator does; `openAt` says what a member has open then. When the first one was overdue, or null. */
function firstOverdue(members: readonly Mirror[], untilMs: number, openAt: (mirror: Mirror, nowMs: number) => readonly number[]) {
  const since: OpenSince = new Map();
  for (let nowMs = 0; nowMs <= untilMs; nowMs += EVERY_MS) {
    for (const mirror of members) mirror.site.disk.open.splice(0, Number.POSITIVE_INFINITY, ...openAt(mirror, nowMs).map(openMember));
    const old = overdue(since, members, { nowMs, maxMs: MAX_MS });
    if (old !== null) return { nowMs, ids: old.ids };
  }
  return null;
}

describe("an instance is overdue", () => {
  test("where it stays, whatever else comes and goes at the members before", () => {
    const stuck = id(2, 7);
    const openAt = ({ site }: Mirror, nowMs: number) =>
      site.number === 1 ? [id(1, 1 + nowMs / 1_000)] : [id(1, 1 + nowMs / 1_000), stuck];
    assert.deepEqual(firstOverdue([member(1), member(2)], 60_000, openAt), { nowMs: MAX_MS + EVERY_MS, ids: [stuck] });
  });

  test("also where it is open at one member after the other", () => {
    const openAt = ({ site }: Mirror, nowMs: number) => (site.number === 1 + (Math.floor(nowMs / 20_000) % 2) ? [id(1, 1)] : []);
    assert.equal(firstOverdue([member(1), member(2)], 60_000, openAt)?.nowMs, MAX_MS + EVERY_MS);
  });

  test("and not where each comes to its end, nor where a newcomer still copies", () => {
    assert.equal(
      firstOverdue([member(1)], 90_000, (_, nowMs) => [id(1, 1 + Math.floor(nowMs / MAX_MS))]),
      null,
    );
    assert.equal(
      firstOverdue([member(1, { copying: true })], 90_000, () => [id(1, 1)]),
      null,
    );
  });
});
