/** What becomes of a replica whose Redis comes back with other data than it had. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";

const victim = 3;

export const cases: readonly TortureCase[] = [
  {
    fault: 4,
    name: "redis-emptied",
    what: "the Redis of one datacenter comes back empty: its replica must not vote",
    seconds: 10,
    spoils: true,
    lost: [victim],
    inject: (run) => refused(run, "Redis emptied", async (folder) => rmSync(join(folder, "appendonlydir"), { recursive: true })),
  },
  {
    fault: 4,
    name: "redis-put-back",
    what: "the Redis of one datacenter comes back with a copy of some seconds ago: its replica must not vote",
    seconds: 10,
    spoils: true,
    lost: [victim],
    async inject(run) {
      const copy = join(run.cluster.folder, "older");
      cpSync(folderOf(run), copy, { recursive: true });
      await sleep(6_000);
      await refused(run, "older Redis put back", async (folder) => {
        rmSync(join(folder, "appendonlydir"), { recursive: true });
        cpSync(join(copy, "appendonlydir"), join(folder, "appendonlydir"), { recursive: true });
      });
    },
  },
];

/** Its datacenter goes down, gets the other data, and must be ready no more, while the others go on. */
async function refused(run: Run, name: string, change: (folder: string) => Promise<void>): Promise<void> {
  const { cluster } = run;
  await run.fault(name, [victim], async () => {
    await cluster.kill(victim);
    await change(folderOf(run));
    cluster.start(victim, "redis");
    await sleep(500);
    cluster.start(victim);
    for (let waited = 0; waited < 8_000; waited += 200) {
      if (await cluster.api(victim).isReady()) run.violation(`dc-${victim} is ready with ${name}`);
      await sleep(200);
    }
  });
}

function folderOf(run: Run): string {
  return join(run.cluster.place(victim).folder, "redis");
}
