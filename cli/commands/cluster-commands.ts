/** The commands over the cluster: members, health, instances. */
import type { Command } from "commander";
import { withClientOptions } from "../client-options.ts";

export function registerClusterCommands(program: Command): void {
  registerMembers(program);
  withClientOptions(program.command("status"))
    .description("the health of every datacenter")
    .addHelpText("after", "\nExamples:\n  epoxy status\n  epoxy --api http://10.4.0.1:7110 status --json")
    .action(async (...all) => (await import("./status.ts")).status(...all));
  withClientOptions(program.command("instance <id>"))
    .description("one instance of the log (R.SLOT) as each replica has it")
    .option("--recover", "run explicit prepare on it now")
    .addHelpText("after", "\nExamples:\n  epoxy instance 1.7\n  epoxy instance 1.7 --recover")
    .action(async (...all) => (await import("./instance.ts")).instance(...all));
  withClientOptions(program.command("doctor"))
    .description("look for what is wrong: Redis durability, clocks, peers, Temporal, versions; and how to mend it")
    .option("--redis <url>", "this datacenter's Redis, to check its settings (or REDIS_URL)")
    .option("--temporal <address>", "this datacenter's Temporal (or TEMPORAL_ADDRESS)")
    .option("--temporal-namespace <name>", "its namespace (or TEMPORAL_NAMESPACE)")
    .addHelpText("after", "\nExamples:\n  epoxy doctor\n  epoxy doctor --redis redis://127.0.0.1:6379 --temporal 127.0.0.1:7233")
    .action(async (...all) => (await import("./doctor.ts")).doctor(...all));
  withClientOptions(program.command("backup <file>"))
    .description("a consistent copy of one datacenter's key space, while it serves")
    .addHelpText("after", "\nExample:\n  epoxy --api http://127.0.0.1:7120 backup epoxy.backup")
    .action(async (...all) => (await import("./backup.ts")).backup(...(all as unknown as [string, object, Command])));
  program
    .command("restore <file>")
    .description("put a backup into an empty Redis, to begin a new cluster from it")
    .option("--redis <url>", "the empty Redis (or REDIS_URL)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  epoxy restore epoxy.backup --redis redis://127.0.0.1:6379 && epoxy server --bootstrap --redis redis://127.0.0.1:6379",
    )
    .action(async (file, options) => (await import("./restore.ts")).restore(file, options));
  program
    .command("completion <shell>")
    .description("what bash, zsh or fish has to read to complete epoxy's commands and options")
    .addHelpText("after", "\nExamples:\n  source <(epoxy completion bash)\n  epoxy completion fish > ~/.config/fish/completions/epoxy.fish")
    .action(async (...all) => (await import("./completion.ts")).completion(...(all as unknown as [string, object, Command])));
}

function registerMembers(program: Command): void {
  const members = program
    .command("members")
    .enablePositionalOptions()
    .description("the cluster's datacenters; changes go to the coordinator workflow")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy members\n  epoxy members add tokyo --peer http://10.4.0.1:7111 --api http://10.4.0.1:7110 --wait",
    );
  const newMember = (command: Command) =>
    withClientOptions(command, { api: false })
      .requiredOption("--peer <url>", "where the other datacenters reach it")
      .requiredOption("--api <url>", "where its clients reach it (`epoxy --api URL members …` says whom to ask)")
      .option("--wait", "show the progress until it is done");
  withClientOptions(members.command("list", { isDefault: true }))
    .description("the members and what is being changed (also without `list`)")
    .addHelpText("after", "\nExample:\n  epoxy members")
    // As the default it gets what is no command: commander's own words for that suggest what may have been meant.
    .allowExcessArguments()
    .action(async (...all) => {
      if ((all.at(-1) as Command).args.length > 0) (members as unknown as { unknownCommand(): never }).unknownCommand();
      await (await import("./members.ts")).list(...all);
    });
  newMember(members.command("add <name>"))
    .description("add a datacenter: it copies the data, then votes")
    .option("--learner", "it shall copy and follow, never vote")
    .addHelpText("after", "\nExample:\n  epoxy members add tokyo --peer http://10.4.0.1:7111 --api http://10.4.0.1:7110 --wait")
    .action(async (...all) => (await import("./members.ts")).add(...all));
  withClientOptions(members.command("remove <id>"))
    .description("remove a datacenter, also a dead one")
    .option("--wait", "show the progress until it is done")
    .addHelpText("after", "\nExample:\n  epoxy members remove 2 --wait")
    .action(async (...all) => (await import("./members.ts")).remove(...all));
  newMember(members.command("replace <id> <name>"))
    .description("add one datacenter, then remove another")
    .addHelpText("after", "\nExample:\n  epoxy members replace 2 berlin --peer http://10.5.0.1:7111 --api http://10.5.0.1:7110 --wait")
    .action(async (...all) => (await import("./members.ts")).replace(...all));
  withClientOptions(members.command("set <file>"))
    .description('the whole desired set, from a JSON file: {"replicas":[{"name","peerUrl","apiUrl"}…],"expectedGeneration"?}')
    .option("--wait", "show the progress until it is done")
    .addHelpText("after", "\nExample:\n  epoxy members set replicas.json --wait")
    .action(async (...all) => (await import("./members.ts")).set(...all));
  withClientOptions(members.command("cancel"))
    .description("give up the change that is under way, as far as it still can be")
    .addHelpText("after", "\nExample:\n  epoxy members cancel")
    .action(async (...all) => (await import("./members.ts")).cancel(...all));
  withClientOptions(members.command("takeover"))
    .description("give the coordinator to the datacenter that is asked, when its own is lost")
    .addHelpText("after", "\nExample:\n  epoxy --api http://10.4.0.1:7110 members takeover")
    .action(async (...all) => (await import("./members.ts")).takeover(...all));
}
