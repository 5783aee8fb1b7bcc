/** When the simulator says that a global floor is above what a member has executed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createUnencodedSealing } from "../../proposals/store/sealing.ts";
import { encodeMembers } from "../../protocol/cluster.ts";
import type { Frontier, Members, RecordKind, Records, ReplicaId, ReplicaState } from "../../protocol/types.ts";
import { createCover } from "../../sim/cover.ts";
import { createObserver } from "../../sim/invariants/observer.ts";
import { createDice } from "../../sim/random.ts";
import { createSchedule } from "../../sim/schedule.ts";
import { createSite, type Site } from "../../sim/site.ts";
import { createTrace } from "../../sim/trace.ts";
import { pause, type World } from "../../sim/world.ts";

/** Two members' disks; the second one has executed 1.8. */
function watched() {
  const schedule = createSchedule();
  const trace = createTrace({ nowMs: schedule.nowMs, keepsLines: false });
  const world: World = { schedule, trace, dice: createDice("floor"), cover: createCover(), violation: null };
  const observer = createObserver(world);
  const sealing = createUnencodedSealing();
  const sites = [1, 2].map((number) => createSite({ number, region: 0, sealing })) as [Site, Site];
  const write = <K extends RecordKind>(site: Site, kind: K, name: string, record: Records[K]) => {
    const bytes = sealing.seal({ kind, name, tag: "a tag of text" }, record);
    const nothing = { adds: [], drops: [] };
    const open = { ...nothing, upTo: [] };
    site.disk.watch?.({
      checks: [],
      claims: false,
      puts: [{ name, bytes }],
      drops: [],
      appends: [],
      open,
      state: nothing,
      digestDelta: 0n,
    });
  };
  const progress = (site: Site, slot: number, floor: Frontier) =>
    write(site, "progress", "m:progress", { executed: frontier(slot), globalFloor: floor });
  for (const site of sites) {
    observer.siteOpened(site);
    const self = site.number as ReplicaId;
    write(site, "replica", "m:replica", { self, epoch: 1, frozen: false, reported: null } as unknown as ReplicaState);
  }
  const [first, second] = sites;
  progress(second, 8, []);
  const hears = () => write(first, "value", "v:", { value: encodeMembers(members), version: 1 });
  return { world, first, progress, hears };
}

const frontier = (slot: number): Frontier => [[1 as ReplicaId, slot]] as unknown as Frontier;
const members = {
  coordinator: 1,
  nextId: 3,
  members: [1, 2].map((id) => ({
    id,
    name: `dc-${id}`,
    peerUrl: `http://${id}`,
    apiUrl: `http://${id}`,
    voter: true,
    incarnation: null,
    leaving: false,
  })),
  removed: [],
} as unknown as Members;

/** For longer than a write can be under way. */
async function passTime(world: World): Promise<void> {
  let over = false;
  void pause(world, 2_000).then(() => {
    over = true;
  });
  await world.schedule.run(() => over);
}

describe("a global floor above what a member has executed", () => {
  test("is a violation where it was raised though the member was known", async () => {
    const { world, first, progress, hears } = watched();
    hears();
    await passTime(world);
    progress(first, 9, frontier(9));
    assert.equal(world.violation?.invariant, "floor");
  });

  test("is none where it stays as it was before the member was heard of", async () => {
    const { world, first, progress, hears } = watched();
    progress(first, 9, frontier(9));
    hears();
    await passTime(world);
    progress(first, 10, frontier(9));
    const violated = () => world.violation?.invariant ?? null;
    assert.equal(violated(), null);
    progress(first, 10, frontier(10));
    assert.equal(violated(), "floor");
  });
});
