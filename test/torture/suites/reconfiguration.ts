/** Datacenters come, go and are replaced under load: no request fails because of it, however long the voters are changing. */
import { bodyOf, eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { added, another, membersAt, type Newcomer, untilVotes, wishVote } from "../members.ts";
import { judgePause, longestPauseMs, longestWriteMs, pauseAllowedMs, roundTripMs, serving } from "../serving.ts";

type Change = {
  readonly method: "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: object;
};

const timeoutMs = 10_000;
/** From the wish until all vote that shall vote; beyond it the change hangs. */
const changeMsMax = 120_000;

export const cases: readonly TortureCase[] = [
  {
    fault: 20,
    name: "grow-and-shrink",
    what: "four datacenters are added to three at once, serve, and are removed at once",
    seconds: 1,
    timeoutMs,
    spoils: true,
    lost: [4, 5, 6, 7],
    inject: growAndShrink,
  },
  {
    fault: 20,
    name: "replace-dead",
    what: "one of three is lost for good, and a new one takes its place",
    seconds: 1,
    timeoutMs,
    spoils: true,
    lost: [3],
    inject: replaceDead,
  },
  {
    fault: 20,
    name: "replace-all",
    what: "each of three is replaced, one after the other, the coordinator's first",
    seconds: 1,
    timeoutMs,
    spoils: true,
    lost: [1, 2, 3],
    inject: (run) => serving(run, () => replaceAll(run)),
  },
  {
    fault: 20,
    name: "pause-over-distance",
    what: "a datacenter's vote is taken and given again and again, with every message between datacenters oneWayMs on its way",
    seconds: 1,
    params: { oneWayMs: 50, changes: 8 },
    timeoutMs,
    spoils: true,
    inject: (run) => serving(run, () => pauseOverDistance(run)),
  },
];

async function growAndShrink(run: Run): Promise<void> {
  const newcomers: Newcomer[] = [];
  for (let i = 0; i < 4; i++) newcomers.push((await another(run)).newcomer);
  await serving(run, async () => {
    const three = await membersAt(run, 1);
    const replicas = [...three.map(({ id, name, peerUrl, apiUrl }) => ({ id, name, peerUrl, apiUrl })), ...newcomers];
    const seven = [1, 2, 3, 4, 5, 6, 7];
    await change(run, "3 -> 7", { method: "PUT", path: "", body: { replicas } }, { at: [4, 5, 6, 7], voters: seven, seenBy: seven });
    // Those who joined serve like those who were there.
    await run.load.move(2, 5);
    await run.load.move(3, 7);
    await sleepOfLoad(run, 100);
    await run.load.move(5, 2);
    await run.load.move(7, 3);
    const body = { replicas: replicas.slice(0, 3) };
    await change(run, "7 -> 3", { method: "PUT", path: "", body }, { at: [4, 5, 6, 7], voters: [1, 2, 3], seenBy: [1, 2, 3] });
  });
}

async function replaceDead(run: Run): Promise<void> {
  const { newcomer: by } = await another(run);
  // Whoever asked the lost one cannot tell its death from anything else: the others' requests are what is judged.
  await run.load.move(3, 2);
  await serving(run, () =>
    run.fault("datacenter lost for good", [3], async () => {
      await run.cluster.kill(3);
      await replace(run, 3, by, { voters: [1, 2, 4], seenBy: [1, 2, 4], askedOf: 2 });
    }),
  );
}

async function replaceAll(run: Run): Promise<void> {
  for (const old of [1, 2, 3]) {
    const { number: newest, newcomer: by } = await another(run);
    const voters = [1, 2, 3, 4, 5, 6].filter((each) => each > old && each <= newest);
    const askedOf = voters[0] as number;
    await run.load.move(old, askedOf);
    await replace(run, old, by, { voters, seenBy: voters, askedOf });
    await run.load.move(askedOf, newest);
  }
}

function replace(run: Run, old: number, by: Newcomer, seen: Pick<Expected, "voters" | "seenBy" | "askedOf">): Promise<void> {
  return change(run, `replace ${old}`, { method: "POST", path: `/${old}/replace`, body: by }, { at: [old], ...seen });
}

/** How long writes wait for a change of voters, of anyone and of the clients of each datacenter. */
async function pauseOverDistance(run: Run): Promise<void> {
  const { cluster } = run;
  const { newcomer } = await another(run);
  await added(run, newcomer);
  const oneWayMs = run.param("oneWayMs");
  for (const from of cluster.datacenters)
    for (const to of cluster.datacenters)
      if (from !== to) cluster.links.set(from, to, { delayMs: [oneWayMs, oneWayMs] }, run.dice.fork(`${from}>${to}`));
  await sleepOfLoad(run, 200);
  const pauses: number[] = [];
  for (let i = 0; i < run.param("changes"); i++) {
    const startNs = process.hrtime.bigint();
    await run.fault(i % 2 === 0 ? "vote taken" : "vote given", [4], async () => {
      await wishVote(run, newcomer, i % 2 === 1);
      await untilVotes(run, newcomer, i % 2 === 1);
    });
    await sleepOfLoad(run, 50);
    const during = run.recorder.operations.filter(({ endNs }) => (endNs ?? 0n) >= startNs);
    pauses.push(longestPauseMs(during, startNs));
    run.most("longest write, ms", Math.round(longestWriteMs(during)));
    for (const at of [1, 2, 3]) {
      const own = during.filter(({ client }) => `${client}`.startsWith(`dc-${at}.`));
      run.most(`longest time without a write at datacenter ${at}, ms`, Math.round(longestPauseMs(own, startNs)));
    }
  }
  cluster.links.heal();
  pauses.sort((a, b) => a - b);
  const longest = Math.round(pauses.at(-1) ?? 0);
  run.most("round trip, ms", 2 * oneWayMs);
  run.most("longest time without a write, the middle of the changes, ms", Math.round(pauses[Math.floor(pauses.length / 2)] ?? 0));
  run.most("longest time without a write, ms", longest);
  if (longest > pauseAllowedMs(2 * oneWayMs)) run.violation(`no write was answered for ${longest} ms`);
}

type Expected = {
  readonly at: readonly number[];
  /** Ids as well as numbers of datacenters: they join in order. */
  readonly voters: readonly number[];
  readonly seenBy: readonly number[];
  /** The datacenter that is told of the wish; 2 unless given, which is not the coordinator's. */
  readonly askedOf?: number;
};

async function change(run: Run, name: string, { method, path, body }: Change, expected: Expected): Promise<void> {
  const { at, voters, seenBy, askedOf = 2 } = expected;
  const roundTrip = await roundTripMs(run);
  const startMs = performance.now();
  const startNs = process.hrtime.bigint();
  await run.fault(name, at, async () => {
    const options = { headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) };
    bodyOf(await run.cluster.api(askedOf).ask(method, `/v1/cluster/replicas${path}`, options), 202);
    for (const datacenter of seenBy)
      await eventually(`${voters} vote for datacenter ${datacenter}`, changeMsMax, async () => {
        const members = await membersAt(run, datacenter);
        return members.every(({ status }) => status === "active") && members.map(({ id }) => id).join() === voters.join();
      });
  });
  run.most(`${name}: done after, ms`, Math.round(performance.now() - startMs));
  judgePause(run, name, { startNs, roundTrip });
}

/** Until so many more operations are done. */
async function sleepOfLoad(run: Run, operations: number): Promise<void> {
  const before = run.recorder.operations.length;
  await eventually("the load goes on", 30_000, async () => run.recorder.operations.length >= before + operations);
}
