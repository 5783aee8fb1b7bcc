/** Processes that stop and go on, none the wiser: servers, Redis, both; and disks that are slow. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";
import { lacksCompiler, slowSync } from "../disk/synced.ts";
import { inTurn, paused } from "../faults.ts";

export const cases: readonly TortureCase[] = [
  {
    fault: 9,
    name: "pause-server",
    what: "one server after the other stands still for 1 to 8 s",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => paused(run, "server paused", [datacenter], run.dice.between(1_000, 8_000), "server")),
  },
  {
    fault: 9,
    name: "pause-datacenter",
    what: "a server and its Redis stand still together",
    seconds: 40,
    inject: (run) =>
      inTurn(run, (datacenter) => paused(run, "datacenter paused", [datacenter], run.dice.between(1_000, 8_000), "server", "redis")),
  },
  {
    fault: 6,
    name: "pause-redis",
    what: "one Redis after the other stands still for 1 to 8 s, its server does not",
    seconds: 40,
    inject: (run) => inTurn(run, (datacenter) => paused(run, "Redis paused", [datacenter], run.dice.between(1_000, 8_000), "redis")),
  },
  {
    fault: 6,
    name: "slow-disk",
    what: "the disk of one Redis after the other takes 20 to 500 ms for each sync",
    seconds: 40,
    needs: lacksCompiler,
    inject: (run) => inTurn(run, (datacenter) => slowDisk(run, datacenter)),
  },
];

async function slowDisk(run: Run, datacenter: number): Promise<void> {
  const folder = join(run.cluster.place(datacenter).folder, "redis");
  const ms = run.dice.pick([20, 100, 500]);
  await run.fault(`syncs take ${ms} ms`, [datacenter], async () => {
    slowSync(folder, ms);
    await sleep(run.dice.between(3_000, 8_000));
    slowSync(folder, 0);
  });
}
