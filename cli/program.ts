/** The commands of `epoxy`, put together. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, type Option } from "commander";
import { SHARED, withClientOptions } from "./client-options.ts";
import { registerBenchCommands } from "./commands/bench-commands.ts";
import { registerClusterCommands } from "./commands/cluster-commands.ts";
import { registerDataCommands } from "./commands/data-commands.ts";
import { registerLabCommands } from "./commands/lab-commands.ts";
import { registerProcessCommands } from "./commands/process-commands.ts";
import { packageRoot } from "./package-root.ts";

/** Every command with its options and help; what they do is loaded when they run. */
export function buildProgram(): Command {
  const program = withClientOptions(new Command("epoxy"))
    .description("Geo-distributed, strongly consistent key-value store on EPaxos*")
    .version(readVersion(), "-V, --version", "print epoxy's version")
    // Options belong to the command they stand behind: `members add --api` is the new member's address.
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  epoxy dev                                   a whole cluster of 3 datacenters on this machine
  epoxy put greeting hello
  epoxy get greeting --read local
  epoxy cas greeting --expect hello --value bye
  epoxy --api http://127.0.0.1:7120 status

Exit codes: 0 done, 1 error, 2 usage, 3 condition not met or key absent, 4 unreachable or no quorum, 5 outcome unknown`,
    );
  registerDataCommands(program.commandsGroup("Keys:"));
  registerClusterCommands(program.commandsGroup("The cluster:"));
  registerProcessCommands(program.commandsGroup("Processes:"));
  registerLabCommands(program.commandsGroup("What to expect:"));
  registerBenchCommands(program);
  finish(program, "epoxy");
  return program;
}

/** An error names the help that explains it; a command's own options stand above those of every command. */
function finish(command: Command, path: string): void {
  command.showHelpAfterError(`(${path} --help explains)`);
  const isShared = ({ helpGroupHeading }: Option) => Number(helpGroupHeading === SHARED);
  (command.options as Option[]).sort((a, b) => isShared(a) - isShared(b));
  for (const each of command.commands) finish(each, `${path} ${each.name()}`);
}

function readVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }).version;
}
