/** Processes that stop and go on, none the wiser: servers, Redis, both, Temporal. */
import type { TortureCase } from "../case.ts";
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
];
