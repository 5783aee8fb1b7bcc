/** `epoxy completion bash|zsh|fish`: what a shell has to read to complete commands and options, made from the commands themselves. */
import type { Command } from "commander";
import { UsageError } from "../exit.ts";
import { line } from "../output.ts";

type Entry = {
  readonly path: readonly string[];
  readonly text: string;
  readonly options: readonly Option[];
  readonly commands: readonly Entry[];
};
type Option = { readonly name: string; readonly text: string };

export function completion(shell: string, _options: object, command: Command): void {
  const root = entryOf(command.parent as Command, []);
  const scripts: Record<string, () => string> = {
    bash: () => bash(root),
    zsh: () => zsh(root),
    fish: () => fish(root),
  };
  const script = scripts[shell];
  if (script === undefined) throw new UsageError(`the shell must be bash, zsh or fish, not ${JSON.stringify(shell)}`);
  line(script());
}

function entryOf(command: Command, path: readonly string[]): Entry {
  const commands = command.commands.map((each) => entryOf(each, [...path, each.name()]));
  const options = command.options.flatMap(({ long, description }) => (long == null ? [] : [{ name: long, text: description }]));
  return { path, text: command.description(), options, commands };
}

function all(entry: Entry): readonly Entry[] {
  return [entry, ...entry.commands.flatMap(all)];
}

function bash(root: Entry): string {
  const wordsOf = ({ commands, options }: Entry) =>
    [...commands.map(({ path }) => path.at(-1)), ...options.map(({ name }) => name)].join(" ");
  const entries = all(root);
  const deeper = entries.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.slice(0, -1).join(" ")}|${path.at(-1)}"`);
  return [
    "_epoxy() {",
    '  local word path="" words=""',
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '    case "$path|$word" in',
    `      ${deeper.join(" | ")}) path="\${path:+$path }$word" ;;`,
    "    esac",
    "  done",
    '  case "$path" in',
    ...entries.map((entry) => `    "${entry.path.join(" ")}") words="${wordsOf(entry)}" ;;`),
    "  esac",
    `  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))`,
    "}",
    "complete -o default -F _epoxy epoxy",
  ].join("\n");
}

/** Read by `source` (after compinit) or from a file `_epoxy` on fpath. */
function zsh(root: Entry): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  /** `_describe` takes NAME:TEXT. */
  const described = (name: string, text: string) => quote(`${name.replaceAll(":", "\\:")}:${text}`);
  const entries = all(root);
  const deeper = entries.filter(({ path }) => path.length > 0).map(({ path }) => quote(`${path.slice(0, -1).join(" ")}|${path.at(-1)}`));
  return [
    "#compdef epoxy",
    "_epoxy() {",
    '  local word at=""',
    "  local -a names flags",
    `  for word in "\${(@)words[2,CURRENT-1]}"; do`,
    '    case "$at|$word" in',
    `      (${deeper.join("|")}) at="\${at:+$at }$word" ;;`,
    "    esac",
    "  done",
    '  case "$at" in',
    ...entries.flatMap(({ path, commands, options }) => [
      `    (${quote(path.join(" "))})`,
      `      names=(${commands.map((each) => described(each.path.at(-1) ?? "", each.text)).join(" ")})`,
      `      flags=(${options.map(({ name, text }) => described(name, text)).join(" ")}) ;;`,
    ]),
    "  esac",
    '  if [[ "$PREFIX" == -* ]]; then',
    "    _describe -o option flags",
    "  elif (( $#names )); then",
    "    _describe command names",
    "  else",
    "    _files",
    "  fi",
    "}",
    'if [[ "$funcstack[1]" == "_epoxy" ]]; then _epoxy "$@"; else compdef _epoxy epoxy; fi',
  ].join("\n");
}

function fish(root: Entry): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  return all(root)
    .flatMap(({ path, commands, options }) => {
      const seen = path.length === 0 ? "__fish_use_subcommand" : path.map((name) => `__fish_seen_subcommand_from ${name}`).join("; and ");
      return [
        ...commands.map(({ path: to, text }) => `complete -c epoxy -f -n ${quote(seen)} -a ${to.at(-1)} -d ${quote(text)}`),
        ...options.map(({ name, text }) => `complete -c epoxy -n ${quote(seen)} -l ${name.slice(2)} -d ${quote(text)}`),
      ];
    })
    .join("\n");
}
