/** Tables for people, plain lines for pipes, JSON for programs. */
import { getSystemErrorMap } from "node:util";
import { fromWire, textOf, type WireBytes } from "../client/bytes.ts";

export type Row = readonly (string | number)[];

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function json(value: unknown): void {
  line(JSON.stringify(value));
}

/** Aligned and headed on a terminal; one tab-separated line a row in a pipe. */
export function table(head: readonly string[], rows: readonly Row[], isTerminal = process.stdout.isTTY): string {
  const cells = rows.map((row) => row.map(String));
  if (!isTerminal) return cells.map((row) => row.map((cell) => cell.replaceAll(/[\t\n]/g, " ")).join("\t")).join("\n");
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const format = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [format(head.map((title) => title.toUpperCase())), ...cells.map(format)].join("\n");
}

/** Bytes for a person: their text, or what they are in base64. */
export function show(value: WireBytes | null): string {
  if (value === null) return "(absent)";
  return typeof value === "string" ? value : `base64:${value.base64}`;
}

const charsOnTerminal = 120;

/** The same in a line on a terminal: what a terminal would obey is escaped, and what is long is cut. */
export function showShort(value: WireBytes | null, isTerminal = process.stdout.isTTY): string {
  const text = show(value);
  if (!isTerminal) return text;
  const cut = text.length > charsOnTerminal ? `${text.slice(0, charsOnTerminal)}… (${text.length} characters)` : text;
  return cut.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Quoted, so that an empty text or one with spaces can be told from the sentence around it. */
export function quote(value: WireBytes | null): string {
  if (value === null) return "absent";
  return JSON.stringify(textOf(fromWire(value)) ?? show(value));
}

/** In words alone: the sentence around it names the file. */
export function whyUnreadable(error: unknown): string {
  const { errno, message } = error as { errno?: number; message: string };
  return getSystemErrorMap().get(errno ?? 0)?.[1] ?? message;
}

export async function readInput(file: string): Promise<Buffer> {
  const { readFile } = await import("node:fs/promises");
  if (file !== "-") return readFile(file);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
