/** The commands that need no cluster: the latency lab and the planner. */
import type { Command } from "commander";

export function registerLabCommands(program: Command): void {
  const lab = program
    .command("lab")
    .description("what latencies to expect: the protocol in virtual time between regions, beside others")
    .option("--regions <names>", "a region a datacenter (default CA,VA,EU; --regions list shows the built-in ones)")
    .option("--matrix <file>", 'round trips in milliseconds instead of the built-in ones: {"paris-tokyo": 220, …}')
    .option("--protocols <names>", "protocols to run, or all (default epaxos-star, the one that ships)")
    .option("--leader <region>", "of multi-paxos (default the first region)")
    .option("--reads <share>", "of operations, from 0 to 1 (default 0)")
    .option("--conflicts <share>", "of operations that go to one hot key, from 0 to 1 (default 0.02)")
    .option("--zipf <exponent>", "draw keys by Zipf's law instead, as 0.9")
    .option("--keys <n>", "keys of --zipf (default 1000000)")
    .option("--clients <n>", "closed loops a region (default 16)")
    .option("--rate <n>", "operations a second and region at random times, instead of closed loops")
    .option("--seconds <n>", "virtual time that is measured (default 10)")
    .option("--overhead <ms>", "what handling a message costs beside its way (default 0)")
    .option("--jitter <share>", "how much of a way a message may be late (default 0)")
    .option("--down <region>", "a datacenter that is down all the while; the shipped protocol only")
    .option("--seed <n>", "the same seed gives the same figures (default 1)")
    .option("--svg <file>", "draw the percentiles of each region")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy lab --regions CA,VA,EU,OR,JP --conflicts 0.25\n  epoxy lab --protocols all --zipf 0.9 --reads 0.5 --svg lab.svg\n  epoxy lab --regions CA,VA,EU --down VA",
    )
    .allowExcessArguments()
    .action(async (_options, command: Command) => {
      // What is no option of its own is a mistyped subcommand: commander's words for that suggest what may have been meant.
      if (command.args.length > 0) (command as unknown as { unknownCommand(): never }).unknownCommand();
      await (await import("./lab.ts")).lab(command.opts());
    });
  lab
    .command("revisited")
    .description("the comparison of EPaxos Revisited over all protocols: five regions, mixed reads and writes, Zipf keys")
    .option("--seconds <n>", "virtual time of each run (default 5)")
    .option("--clients <n>", "closed loops a region (default 10)")
    .option("--seed <n>", "(default 1)")
    .option("--svg <file>", "draw it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  epoxy lab revisited --seconds 5 --svg revisited.svg")
    .action(async (_options, command: Command) => (await import("./lab.ts")).revisited(command.opts()));
  lab
    .command("thrifty")
    .description("which fast paths survive two crashes of five: the paper's, example 3 of EPaxos Revisited, and the one that ships")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  epoxy lab thrifty")
    .action(async (_options, command: Command) => (await import("./lab.ts")).thrifty(command.opts()));
  program
    .command("plan")
    .description("rank placements and cluster sizes by what users would wait, also with one datacenter down")
    .requiredOption("--users <regions>", "where users are, with weights where they differ: CA:3,EU:2,JP")
    .option("--candidates <regions>", "where datacenters may stand (default: all of the matrix)")
    .option("--sizes <n,…>", "numbers of datacenters (default 3,5)")
    .option("--matrix <file>", "as in epoxy lab")
    .option("--conflicts <share>", "of writes that take a second round (default 0.02)")
    .option("--top <n>", "how many to print (default 10)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  epoxy plan --users CA:3,EU:2,JP\n  epoxy plan --users EU --candidates CA,VA,EU,OR --sizes 3")
    .action(async (_options, command: Command) => (await import("./plan.ts")).plan(command.opts()));
}
