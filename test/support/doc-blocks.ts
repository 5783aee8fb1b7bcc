/** The code of the documents: their fenced blocks and the spans of code in their sentences. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * What stands behind the language of a fence says what the tests do with the block:
 * nothing (it is run), `stays up` (its commands are started and run beside what follows), `not run: WHY` (its syntax is checked).
 */
export type Block = {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly how: "run" | "stays up" | "not run";
  readonly text: string;
};

export const repository = fileURLToPath(new URL("../..", import.meta.url));

export const textOf = (page: string): string => readFileSync(`${repository}/${page}`, "utf8");

/** @throws Error when a fence has another word behind its language, or leaves out why it is not run */
export function blocksOf(page: string): Block[] {
  return [...textOf(page).matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map((found) => {
    const [, language = "", words = "", text = ""] = found;
    const line = textOf(page).slice(0, found.index).split("\n").length;
    return { page, line, language, how: howOf(words.trim(), `${page}:${line}`), text };
  });
}

function howOf(words: string, where: string): Block["how"] {
  if (words === "") return "run";
  if (words === "stays up") return "stays up";
  if (/^not run: \S/.test(words)) return "not run";
  throw new Error(`${where}: a fence says nothing, "stays up" or "not run: WHY" behind its language, not "${words}"`);
}

/** Code in sentences and tables. */
export function spansOf(page: string): string[] {
  const prose = textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => (code as string).replaceAll("\\|", "|"));
}

/** The simple commands of a line of shell, as words: no comments, variables before a command or redirections. */
export function commandsOf(line: string): string[][] {
  const tokens = line.match(/(?:"[^"]*"|'[^']*'|\\.|[^\s"'\\|&;<>()#]|(?<=\S)#)+|\|\||&&|[|&;()]|[<>]+\s*\S+|#.*/g) ?? [];
  const commands: string[][] = [[]];
  for (const token of tokens) {
    if (token.startsWith("#")) break;
    if (/^[<>]/.test(token)) continue;
    if (/^(\|\||&&|[|&;()])$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replaceAll(/"([^"]*)"|'([^']*)'|\\(.)/g, "$1$2$3"));
  }
  return commands.map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)))).filter((words) => words.length > 0);
}
