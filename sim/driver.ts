/** Who changes the members: what the coordinator workflow does, step by step over the same functions, and as easily killed. */
import { wantedVoters } from "../protocol/members.ts";
import type { Member, Members, ReplicaId } from "../protocol/types.ts";
import type { Dice } from "./random.ts";
import type { Process, Site } from "./site.ts";
import { type Temporal, workerOf } from "./temporal.ts";
import { pause, type World, within } from "./world.ts";

export type Desired = {
  /** Sites that shall be members, with whether they shall vote. Changed from outside at any time. */
  readonly wanted: Map<number, { readonly voter: boolean }>;
};

export type DriverDeps = {
  readonly world: World;
  readonly temporal: Temporal;
  readonly sites: () => readonly Site[];
  readonly desired: Desired;
  readonly dice: Dice;
};

/** Its end leaves whatever it began to run on at its process, as an activity whose worker is not heard of any more. */
export type Driver = { readonly site: Site; stopped: boolean; settled: boolean };

const CHANGE_TIMEOUT_MS = 8_000;
const VOTERS_TIMEOUT_MS = 20_000;

export function startDriver(deps: DriverDeps, site: Site): Driver {
  const driver: Driver = { site, stopped: false, settled: false };
  void drive(deps, driver);
  return driver;
}

class Stopped extends Error {}

async function drive(deps: DriverDeps, driver: Driver): Promise<void> {
  const { world } = deps;
  while (!driver.stopped && world.violation === null) {
    const process = workerOf(driver.site);
    try {
      if (process !== undefined) await runStep(deps, driver, process);
    } catch (error) {
      world.trace.line([], () => `driver at ${driver.site.number}: ${error}`);
    }
    await pause(world, driver.settled ? 400 : 100);
  }
}

/** One look at what is and one step towards what is wanted. */
async function runStep(deps: DriverDeps, driver: Driver, process: Process): Promise<void> {
  const { world, desired, sites } = deps;
  const call = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
    const value = await within(world, ms, promise);
    if (driver.stopped || value === null) throw new Stopped("not heard of");
    return value;
  };
  const change = (apply: (members: Members) => Members | null) =>
    call(process.replica.changeMembers(apply, CHANGE_TIMEOUT_MS), CHANGE_TIMEOUT_MS + 1_000);
  const members = await change((current) => {
    // A driver elsewhere than the last one takes over.
    const self = current.members.find(({ peerUrl }) => peerUrl === driver.site.url);
    return self === undefined || self.id === current.coordinator ? null : { ...current, coordinator: self.id };
  });
  const siteOf = (member: Member) => sites().find(({ url }) => url === member.peerUrl);
  const isWanted = (member: Member) => desired.wanted.has(siteOf(member)?.number ?? -1);
  const chain = await call(process.replica.chain(), 2_000);
  const voters = chain.at(-1)?.voters ?? [];
  driver.settled = false;

  for (const site of sites()) {
    const wish = desired.wanted.get(site.number);
    if (wish === undefined || site.lost || members.members.some(({ peerUrl }) => peerUrl === site.url)) continue;
    const { incarnation, replica } = await call(process.replica.healthCheck(site.url), 3_000);
    if (replica !== 0) throw new Stopped(`${site.url} is replica ${replica} already`);
    await change((current) => admit(current, site, incarnation, wish.voter));
    return;
  }
  const leaving = members.members.find((member) => !member.leaving && !isWanted(member));
  if (leaving !== undefined) return void (await change((current) => update(current, leaving.id, { leaving: true })));
  const turned = members.members.find(
    (member) => isWanted(member) && desired.wanted.get(siteOf(member)?.number ?? -1)?.voter !== member.voter,
  );
  if (turned !== undefined) return void (await change((current) => update(current, turned.id, { voter: !turned.voter })));

  const learners = members.members.filter(({ id, leaving: goes }) => !goes && !voters.includes(id));
  const missing = learners.filter((member) => !deps.temporal.hasLearned(driver.site, member.id, learnIdOf(member)));
  for (const member of missing) {
    const sources = deps.dice.shuffle(voters.filter((id) => id !== member.id));
    await call(process.replica.beginLearning({ id: member.id, url: member.peerUrl, learnId: learnIdOf(member), sources }), 11_000);
  }
  const ready = wantedVoters(members).filter((id) => voters.includes(id) || !missing.some((member) => member.id === id));
  if (ready.length > 0 && JSON.stringify(ready) !== JSON.stringify(voters)) {
    await call(process.replica.changeVoters(ready, { timeoutMs: VOTERS_TIMEOUT_MS }), VOTERS_TIMEOUT_MS + 1_000);
    return;
  }
  if (missing.length > 0) return;
  const gone = members.members.find(({ id, leaving: goes }) => goes && !voters.includes(id) && id !== members.coordinator);
  if (gone !== undefined) return void (await change((current) => drop(current, gone.id)));
  driver.settled =
    members.members.every((member) => isWanted(member)) &&
    [...desired.wanted.keys()].every((number) => members.members.some((member) => siteOf(member)?.number === number));
}

function learnIdOf({ id, incarnation }: Member): string {
  return `${id}.${incarnation ?? ""}`;
}

function admit(members: Members, site: Site, incarnation: string, voter: boolean): Members | null {
  if (members.members.some(({ peerUrl }) => peerUrl === site.url)) return null;
  const member: Member = {
    id: members.nextId,
    name: `dc-${site.number}`,
    peerUrl: site.url,
    apiUrl: site.apiUrl,
    voter,
    incarnation,
    leaving: false,
  };
  return { ...members, nextId: (members.nextId + 1) as ReplicaId, members: [...members.members, member] };
}

function update(members: Members, id: ReplicaId, change: Partial<Member>): Members | null {
  if (!members.members.some((member) => member.id === id)) return null;
  return { ...members, members: members.members.map((member) => (member.id === id ? { ...member, ...change } : member)) };
}

function drop(members: Members, id: ReplicaId): Members | null {
  if (!members.members.some((member) => member.id === id)) return null;
  const removed = [...members.removed, id].sort((a, b) => a - b);
  return { ...members, members: members.members.filter((member) => member.id !== id), removed };
}
