// Puts a call before or after a line of a module. A line that is no longer there stops the process: the list below
// must be kept to the code.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { places } from "./steps.mjs";

export async function load(url, context, nextLoad) {
  const file = /\/((?:proposals|activities)\/[\w-]+)\.js$/.exec(url)?.[1];
  const here = places.filter((place) => place.file === file);
  if (here.length === 0) return nextLoad(url, context);
  let source = await readFile(fileURLToPath(url), "utf8");
  for (const { before, after, call } of here) {
    const text = before ?? after;
    if (source.split(text).length !== 2) throw new Error(`failpoints: ${file} must have exactly once: ${text}`);
    source = source.replace(text, () => (after === undefined ? `${call} ${text}` : `{ ${text} ${call} }`));
  }
  return { format: "module", shortCircuit: true, source };
}
