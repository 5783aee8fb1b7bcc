/** Wall clocks that are wrong: safety takes none from them, and only the freshness of signatures may refuse because of one. */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";
import { inTurn, readyAgain } from "../faults.ts";

const hourMs = 3_600_000;
type Wrong = {
  readonly name: string;
  readonly ms: number;
  readonly set: (clock: (offsetMs: number, rate?: number) => void) => Promise<void>;
};

export const cases: readonly TortureCase[] = [
  {
    fault: 12,
    name: "clock-wrong",
    what: "the clock of one datacenter after the other jumps by an hour, runs at double speed, jumps to and fro, or shows 1970",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => wrong(run, datacenter, run.dice.pick(kinds), "serves")),
  },
  {
    fault: 12,
    name: "clock-wrong-signed",
    what: "the same where peers sign their messages: 40 s off is nothing, beyond a minute the others refuse it until it is right again",
    seconds: 40,
    signed: true,
    inject: (run) =>
      inTurn(run, async (datacenter) => {
        if (run.dice.chance(0.5)) return wrong(run, datacenter, steady("40 s ahead", 40_000), "serves");
        await wrong(run, datacenter, run.dice.pick([steady("an hour ahead", hourMs), steady("an hour behind", -hourMs)]), "may not");
        await readyAgain(run, [datacenter]);
      }),
  },
];

const kinds: readonly Wrong[] = [
  steady("an hour ahead", hourMs),
  steady("an hour behind", -hourMs),
  steady("in 1970", -Date.now() + hourMs),
  { name: "at double speed", ms: 6_000, set: async (clock) => clock(0, 2) },
  {
    name: "to and fro",
    ms: 0,
    async set(clock) {
      for (let i = 0; i < 25; i++) {
        clock(i % 2 === 0 ? 90_000 : -90_000);
        await sleep(200);
      }
    },
  },
];

function steady(name: string, offsetMs: number): Wrong {
  return { name, ms: 4_000, set: async (clock) => clock(offsetMs) };
}

async function wrong(run: Run, datacenter: number, { name, ms, set }: Wrong, expected: "serves" | "may not"): Promise<void> {
  const file = run.cluster.clockFile(datacenter);
  const before = run.recorder.operations.length;
  await run.fault(`clock ${name}`, [datacenter], async () => {
    await set((offsetMs, rate = 1) => writeFileSync(file, JSON.stringify({ offsetMs, rate })));
    await sleep(ms);
    rmSync(file, { force: true });
  });
  const here = run.recorder.operations.slice(before).filter(({ client }) => `${client}`.startsWith(`dc-${datacenter}.`));
  const ok = here.filter(({ status }) => status === "ok").length;
  run.count(`asked with a clock ${name}`, here.length);
  run.count(`ok with a clock ${name}`, ok);
  // A busy machine may have let some time out.
  if (expected === "serves" && 2 * ok < here.length)
    run.violation(`only ${ok} of ${here.length} were ok with the clock of dc-${datacenter} ${name}`);
}
