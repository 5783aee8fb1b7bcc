// Puts another text in the place of protocol/wire/versioned, built or not. Runs beside the server, in Node's loader thread.
import { readFileSync } from "node:fs";

const source = readFileSync(new URL("wire-v2-versioned.mjs", import.meta.url), "utf8");

export async function load(url, context, nextLoad) {
  const found = /\/protocol\/wire\/versioned\.(js|ts)(\?.*)?$/.exec(url);
  if (found === null) return nextLoad(url, context);
  return { format: "module", shortCircuit: true, source: source.replaceAll(".EXTENSION", `.${found[1]}`) };
}
