/** The links between datacenters: cut, one way only, flapping; slow, lossy, doubling; replies lost; old messages coming back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";
import { down, inTurn, some, split } from "../faults.ts";
import type { Weather } from "../proxy.ts";

export const cases: readonly TortureCase[] = [
  {
    fault: 10,
    name: "one-cut-off",
    what: "one datacenter after the other is cut off for 2 to 6 s, silently or with refused connections",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => cut(run, "cut off", [datacenter], run.dice.between(2_000, 6_000))),
  },
  {
    fault: 10,
    name: "two-and-three",
    what: "two datacenters of five are cut off from three",
    datacenters: 5,
    seconds: 40,
    inject: (run) => inTurn(run, () => cut(run, "two cut off", some(run, 2), run.dice.between(2_000, 6_000))),
  },
  {
    fault: 10,
    name: "all-apart",
    what: "every link is cut for 2 to 5 s",
    seconds: 40,
    inject: (run) =>
      inTurn(run, () => weather(run, "all links cut", run.dice.between(2_000, 5_000), (from, to) => run.cluster.links.cut(from, to))),
  },
  {
    fault: 10,
    name: "one-way",
    what: "one datacenter is heard by nobody, but hears the others",
    seconds: 40,
    inject: (run) =>
      inTurn(run, (datacenter) =>
        weather(run, "heard by nobody", run.dice.between(2_000, 6_000), (from, to) => {
          if (from === datacenter) run.cluster.links.cut(from, to);
        }),
      ),
  },
  {
    fault: 10,
    name: "flapping",
    what: "one datacenter is cut off and back every 0.2 to 2 s",
    seconds: 40,
    inject: (run) =>
      inTurn(run, async (datacenter) => {
        for (let i = 0; i < 5; i++) {
          await cut(run, "cut off", [datacenter], run.dice.between(200, 2_000));
          await sleep(run.dice.between(200, 1_000));
        }
      }),
  },
  shaky("delay", "messages take 50 to 300 ms and overtake each other", { delayMs: [50, 300] }),
  shaky("loss", "a fifth of all messages and of all replies is lost", { loss: 0.2 }),
  shaky("lost-replies", "requests arrive, but of the replies every third is lost", {}, { loss: 0.33 }),
  shaky("doubled", "every third message arrives twice, in any order", { duplication: 0.33, delayMs: [0, 50] }),
  {
    fault: 11,
    name: "old-messages",
    what: "messages are kept, and sent again seconds later, after their receiver was killed and is back",
    seconds: 40,
    inject: (run) =>
      inTurn(run, async (datacenter) => {
        await weather(run, "messages kept", 3_000, (from, to) => run.cluster.links.set(from, to, { replay: 0.3 }, run.dice));
        await down(run, "server killed", [datacenter], 0, "server");
        await run.fault("messages sent again", [], async () => run.count("old messages", await run.cluster.links.replayAll()));
      }),
  },
];

function shaky(name: string, what: string, there: Partial<Weather>, back: Partial<Weather> = there): TortureCase {
  return {
    fault: 11,
    name,
    what,
    seconds: 30,
    inject: (run) =>
      inTurn(run, () =>
        weather(run, name, run.dice.between(4_000, 8_000), (from, to) =>
          run.cluster.links.set(from, to, from < to ? there : back, run.dice.fork(`${from}>${to}`)),
        ),
      ),
  };
}

async function cut(run: Run, name: string, side: readonly number[], ms: number): Promise<void> {
  await run.fault(name, side, async () => {
    split(run, side, run.dice.chance(0.5) ? "silent" : "refused");
    await sleep(ms);
    run.cluster.links.heal();
  });
}

/** `set` is asked for every link in each direction. */
async function weather(run: Run, name: string, ms: number, set: (from: number, to: number) => void): Promise<void> {
  const { datacenters, links } = run.cluster;
  await run.fault(name, [], async () => {
    for (const from of datacenters) for (const to of datacenters) if (from !== to) set(from, to);
    await sleep(ms);
    links.heal();
  });
}
