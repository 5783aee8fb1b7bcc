/** `epoxy bench` and its kinds. */
import type { Command } from "commander";

const kinds = [
  ["throughput", "proposals of fresh keys, as many as come", "1,16,64", "epoxy bench throughput --callers 8,32,128 --svg throughput.svg"],
  ["conflict", "some share of the proposals goes to one hot key, or keys follow Zipf's law", "16", "epoxy bench conflict --hot 0,2,25,100"],
  ["read", "linearizable, optimistic and local reads", "16", "epoxy bench read --keys 10000"],
  ["wan", "between regions: latency of each of them", "1,16", "epoxy bench wan --regions CA,VA,EU --hot 0,2,25"],
  [
    "growth",
    "the same keys over and over: latency and memory of ten parts, one after the other",
    "16",
    "epoxy bench growth --keys 100000 --seconds 60",
  ],
] as const;

export function registerBenchCommands(program: Command): void {
  const bench = program
    .command("bench")
    .description("measure: a cluster of its own on this machine, or the one that --api names")
    .addHelpText("after", "\nExample:\n  epoxy bench throughput --callers 8,32 --seconds 5");
  for (const [kind, description, callers, example] of kinds) {
    const command = bench
      .command(kind)
      .description(description)
      .option("--callers <n,…>", "callers at each datacenter, a run each", callers)
      .option("--rate <n>", "an open loop: so many requests a second at each datacenter, at random times, whoever is still waiting")
      .option("--seconds <n>", "of each run", "8")
      .option("--warm-up <seconds>", "before each run", "3")
      .option("--value-bytes <n>", "in each value", "64")
      .option("--api <urls>", "datacenters of a running cluster, separated by commas; default: a cluster of its own")
      .option("--datacenters <n>", "of a cluster of its own", "3")
      .option("--port <n>", "first port of a cluster of its own", "17100")
      .option("--svg <file>", "draw latency by datacenter, and throughput against latency")
      .option("--json", "print JSON")
      .addHelpText("after", `\nExample:\n  ${example}`);
    if (kind === "conflict" || kind === "wan") {
      command
        .option("--hot <percent,…>", "shares of the proposals that go to one key, a run each", "0,2,25,100")
        .option("--zipf <exponent>", "instead: keys by Zipf's law, as 0.9")
        .option("--reads <share>", "of the operations with --zipf, from 0 to 1", "0.5");
    }
    if (kind === "throughput" || kind === "growth") command.option("--commands <n>", "in each request, of as many keys", "1");
    if (kind !== "throughput") command.option("--keys <n>", "how many keys there are", "10000");
    if (kind === "wan") command.option("--regions <names>", "a region a datacenter: CA, VA, EU, OR, JP", "CA,VA,EU");
    command.action(async (_options, self: Command) => (await import("./bench.ts")).bench(kind, self.opts()));
  }
}
