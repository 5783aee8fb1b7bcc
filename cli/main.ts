/** The `epoxy` command line. Every command is loaded only when it runs, so that a `get` does not wait for a server's libraries. */
import { CommanderError } from "commander";
import { RequestError } from "../client/errors.ts";
import { exit, exitCodeOf, hintOf } from "./exit.ts";
import { json, note } from "./output.ts";
import { buildProgram } from "./program.ts";

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    // Commander has printed its own message already; asking for help is no error.
    process.exitCode = error.exitCode === 0 ? exit.done : exit.usage;
    return;
  }
  process.exitCode = exitCodeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (process.argv.includes("--json") && error instanceof RequestError)
    json(error.answer ?? { error: { code: error.code, message: text, ...error.details } });
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
