import { type Command, Option } from "commander";

/** What these options stand under in a help text, below the command's own. */
export const SHARED = "Which datacenter, and how it is asked:";

/** Collects an option that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The options of everything that talks to a cluster; they may stand before or behind the command's name. */
export function withClientOptions(command: Command, options: { readonly api: boolean } = { api: true }): Command {
  const add = (flags: string, text: string) => {
    const option = new Option(flags, text).helpGroup(SHARED);
    command.addOption(option);
    return option;
  };
  if (options.api) add("--api <url>", "a datacenter's client API, may be repeated (or EPOXY_API, separated by commas)").argParser(collect);
  add("--token-file <file>", "file with the API token (or EPOXY_TOKEN)");
  add("--timeout <seconds>", "how long to wait for an answer, retries included (default 10)");
  add("--json", "print JSON: what the API answered");
  return command;
}
