/** Every command and flag that a document, a help text or a unit file shows is one that there is. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { type Command, CommanderError } from "commander";
import { buildProgram } from "../../cli/program.ts";
import { blocksOf, commandsOf, repository, spansOf, textOf } from "../support/doc-blocks.ts";

const docs = readdirSync(`${repository}/docs`)
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
/** Of the command line alone; the others also tell of the flags of scripts. */
const manual = ["README.md", "SECURITY.md", ...docs];
const pages = [
  ...manual,
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "bench/RESULTS.md",
  "examples/reservations/README.md",
  "test/torture/README.md",
];
const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
/** A sentence may name a command without what it takes. */
const mayBeLeftOut = [
  "commander.missingArgument",
  "commander.missingMandatoryOptionValue",
  "commander.optionMissingArgument",
  "commander.help",
];

describe("the documents", () => {
  for (const page of pages) {
    test(page, () => {
      const inBlocks = blocksOf(page)
        .filter(({ language }) => language === "sh")
        .flatMap(({ line, text }) => complaintsOf(`${page}:${line}`, text, []));
      const inSentences = spansOf(page)
        .filter((span) => /^(npx |npm |epoxy )/.test(span))
        .flatMap((span) => complaintsOf(page, span.replaceAll("…", ""), mayBeLeftOut));
      assert.deepEqual([...inBlocks, ...inSentences], []);
    });
  }

  test("flags that stand alone", () => {
    const known = new Set(everyCommand(buildProgram()).flatMap(({ options }) => options.map(({ long }) => long as string)));
    const unknown = manual.flatMap((page) =>
      spansOf(page)
        .filter((span) => /^--[a-z]/.test(span) && !known.has(span.split(" ", 1)[0] ?? ""))
        .map((span) => `${page}: ${span}`),
    );
    assert.deepEqual(unknown, []);
  });

  test("the syntax of blocks", () => {
    for (const { page, line, language, text } of pages.flatMap(blocksOf)) {
      if (language === "json") JSON.parse(text);
      if (language !== "sh") continue;
      const { status, stderr } = spawnSync("bash", ["-n"], { input: text, encoding: "utf8" });
      assert.equal(status, 0, `${page}:${line}: ${stderr}`);
    }
  });
});

test("the examples of help texts, and none is missing", () => {
  for (const command of everyCommand(buildProgram()).filter((each) => each.name() !== "demo")) {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const examples = help
      .slice(help.indexOf("\nExample"))
      .split("\n")
      .filter((line) => line.startsWith("  "))
      // What an example does stands behind it, some spaces away.
      .map((line) => line.trim().split(/ {3,}/, 1)[0] as string);
    if (command.commands.length === 0) assert.ok(/\nExamples?:/.test(help), `${command.name()} has no example`);
    assert.deepEqual(complaintsOf(command.name(), examples.join("\n"), []), []);
  }
});

test("what unit files and the compose file start", () => {
  const units = ["epoxy-server", "epoxy-worker"].map((name) => textOf(`deploy/systemd/${name}.service`));
  const started = units.map((unit) => /^ExecStart=\/usr\/bin\/(.*)$/m.exec(unit)?.[1] ?? "");
  const composed = [...textOf("deploy/compose.yaml").matchAll(/command: \["node", "cli\/epoxy\.mjs", "(.*)"\]/g)];
  started.push(...composed.map(([, words]) => `epoxy ${words}`));
  assert.deepEqual(started, ["epoxy server", "epoxy worker", "epoxy server", "epoxy worker"]);
  assert.deepEqual(complaintsOf("deploy", started.join("\n"), []), []);
});

/** Nothing is left to do but what the command does. */
class Understood extends Error {}

/** Asks the program itself. */
function complaintsOf(where: string, text: string, forgiven: readonly string[]): string[] {
  return text
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap(commandsOf)
    .flatMap((words) => {
      const complaint = complaintOf(words[0] === "npx" ? words.slice(1) : words, forgiven);
      return complaint === null ? [] : [`${where}: ${words.join(" ")}: ${complaint}`];
    });
}

function complaintOf([name, ...words]: readonly string[], forgiven: readonly string[]): string | null {
  if (name === "npm" && words[0] === "run") return words[1] !== undefined && words[1] in scripts ? null : "there is no such script";
  if (name !== "epoxy") return null;
  const program = buildProgram();
  for (const command of everyCommand(program))
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  program.hook("preAction", (_, { args, registeredArguments }) => {
    throw new Understood(args.length > registeredArguments.length ? "too many arguments" : "");
  });
  try {
    program.parse(words, { from: "user" });
  } catch (error) {
    if (error instanceof Understood) return error.message === "" ? null : error.message;
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0 && !forgiven.includes(error.code)) return error.message;
  }
  return null;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
