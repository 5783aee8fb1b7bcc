import type { Command } from "commander";

/** Collects an option that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The options of everything that talks to a cluster; they may stand before or behind the command's name. */
export function withClientOptions(command: Command, options: { readonly api: boolean } = { api: true }): Command {
  if (options.api) command.option("--api <url>", "a datacenter's client API, may be repeated (or EPOXY_API, separated by commas)", collect);
  return command
    .option("--token-file <file>", "file with the API token (or EPOXY_TOKEN)")
    .option("--timeout <seconds>", "how long to wait for an answer, retries included (default 10)")
    .option("--json", "print JSON: what the API answered");
}
