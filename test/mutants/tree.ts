/** A copy of the sources in which something is wrong. The shipped code knows nothing of it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutant.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const COPIED = ["protocol", "proposals", "sim", "server", "activities", "workflows", "test", "docs", "package.json", "tsconfig.json"];

/** The changed files, by name. @throws Error where a text to be replaced is not there exactly once */
export function mutate({ name, edits }: Mutant): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const parts = (texts.get(file) ?? readFileSync(join(root, file), "utf8")).split(from);
    if (parts.length !== 2) throw new Error(`"${name}": ${file} has ${parts.length - 1} times: ${from}`);
    texts.set(file, parts.join(to));
  }
  return texts;
}

/** Makes the copy; null: one without a mistake. The caller removes it. */
export function plant(mutant: Mutant | null): { readonly folder: string; remove(): void } {
  const texts = mutant === null ? new Map<string, string>() : mutate(mutant);
  const folder = mkdtempSync(join(tmpdir(), "epoxy-mutant-"));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [file, text] of texts) writeFileSync(join(folder, file), text);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
