/** The `epoxy` command line. Every command is loaded only when it runs, so that a `get` does not wait for a server's libraries. */
import { Command, CommanderError } from "commander";
import { RequestError } from "../client/errors.ts";
import { withClientOptions } from "./client-options.ts";
import { registerClusterCommands } from "./commands/cluster-commands.ts";
import { registerDataCommands } from "./commands/data-commands.ts";
import { registerLabCommands } from "./commands/lab-commands.ts";
import { registerProcessCommands } from "./commands/process-commands.ts";
import { exit, exitCodeOf, hintOf } from "./exit.ts";
import { json, note } from "./output.ts";

function buildProgram(): Command {
  const program = withClientOptions(new Command("epoxy"))
    .description("Geo-distributed, strongly consistent key-value store on EPaxos*")
    // Options belong to the command they stand behind: `members add --api` is the new member's address.
    .enablePositionalOptions()
    .showHelpAfterError("(epoxy COMMAND --help explains)")
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
  registerDataCommands(program);
  registerClusterCommands(program);
  registerProcessCommands(program);
  registerLabCommands(program);
  return program;
}

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    // Commander has printed its own message already; asking for help is no error.
    process.exitCode = error.exitCode === 0 ? exit.done : exit.usage;
    return;
  }
  process.exitCode = exitCodeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (process.argv.includes("--json") && error instanceof RequestError)
    json({ error: { code: error.code, message: text, ...error.details } });
  note(`epoxy: ${text}`);
  const hint = hintOf(error);
  if (hint !== null) note(hint);
  if ((process.env as { EPOXY_DEBUG?: string }).EPOXY_DEBUG !== undefined && error instanceof Error) note(String(error.stack));
}

// `epoxy list | head` closes the pipe early: that is the reader's wish, not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exit.done);
  throw error;
});

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  report(error);
}
