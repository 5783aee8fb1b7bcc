// Makes protocol/wire/generated/ from the BARE schemas. `--check` writes nothing and fails when it is not current.
// Uses the compiler's transform(): its command line is broken in 0.16.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transform } from "@bare-ts/tools";

const wire = new URL("../protocol/wire/", import.meta.url);
const schemas = ["v1", "records-v1"];

/** Types that scalars.ts reads and writes by hand, with their range checks. */
const scalars = new Set([
  "ReplicaId",
  "MaybeReplicaId",
  "Epoch",
  "MaybeEpoch",
  "Slot",
  "InstanceId",
  "InstanceIds",
  "Frontier",
  "Deps",
  "Ballot",
  "Bytes",
  "Key",
  "Footprint",
  "Text",
  "IdempotencyKey",
  "Hex16",
  "MaybeHex16",
  "Hex32",
  "MaybeHex32",
  "Voters",
]);

/**
 * TypeScript of one schema. The compiler's own output does not pass this repository's tsconfig and reads lists of any
 * length, so it is adapted: enums become unions of strings, lists get the bound of their name in bounds.ts, scalars
 * come from scalars.ts, and the runtime is bare.ts.
 */
export function generate(schema) {
  const source = transform(schema, { generator: "ts", useSafeInt: true, lib: true });
  const blocks = source.split(/\n\n(?=\S)/).slice(1);
  const enums = new Set(blocks.flatMap((block) => /^export enum (\w+)/m.exec(block)?.[1] ?? []));
  const body = blocks.map((block) => adapt(block, enums)).filter((block) => block !== "");
  const head = [
    "// Made by scripts/codegen.mjs. Do not edit.",
    'import * as bare from "../bare.ts";',
    'import { bounds } from "../bounds.ts";',
    'import * as scalars from "../scalars.ts";',
  ];
  return `${[head.join("\n"), ...body].join("\n\n").trimEnd()}\n`;
}

function adapt(block, enums) {
  const [, kind, name] = /^export (type|function|enum) (\w+)/m.exec(block) ?? [];
  if (/^(export type \w+Safe = number\n?)+$/.test(block)) return "";
  if (kind === "type" && scalars.has(name)) return block.replace(/export type (\w+) = .*$/s, "export type $1 = scalars.$1");
  if (kind === "function" && scalars.has(name.replace(/^(read|write)/, ""))) return `export const ${name} = scalars.${name}`;
  if (kind === "enum")
    return block.replace(/export enum (\w+) \{(.*)\}/s, (_all, alias, members) => `export type ${alias} = ${stringsOf(members)}`);
  return boundLists(block, name)
    .replace(/\b(\w+)\.([A-Z]\w*)\b/g, (all, alias, member) => (enums.has(alias) ? `"${member.toLowerCase()}"` : all))
    .replace(/\b(u?int)Safe\b/g, "number")
    .replace(/\bi64Safe\b/g, "bigint")
    .replace(/\b(read|write)I64Safe\b/g, "$1I64")
    .replace(/\bx\[i\]/g, "x[i]!");
}

function stringsOf(members) {
  return [...members.matchAll(/= "(\w+)"/g)].map((match) => `"${match[1].toLowerCase()}"`).join(" | ");
}

function boundLists(block, name) {
  if (!/const len = |x\.length\)/.test(block)) return block;
  const list = name?.replace(/^(read|write)/, "");
  if (list === undefined) throw new Error(`a list without a name has no bound:\n${block}`);
  return block
    .replace("const len = bare.readUintSafe(bc)", `const len = bare.readLength(bc, bounds.${list})`)
    .replace("bare.writeUintSafe(bc, x.length)", `bare.writeLength(bc, x.length, bounds.${list})`);
}

let stale = 0;
for (const name of schemas) {
  const target = new URL(`generated/${name}.ts`, wire);
  const made = generate(readFileSync(new URL(`${name}.bare`, wire), "utf8"));
  if (!process.argv.includes("--check")) {
    writeFileSync(target, made);
  } else if (made !== read(target)) {
    console.error(`codegen  ${fileURLToPath(target)} is not what ${name}.bare makes: npm run codegen`);
    stale++;
  }
}
process.exitCode = stale === 0 ? 0 : 1;

function read(url) {
  try {
    return readFileSync(url, "utf8");
  } catch {
    return "";
  }
}
