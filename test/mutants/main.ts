/**
 * `npm run mutants [-- --only TEXT] [--from N] [--count N] [--seconds N] [--save]`: plants each mistake of list.ts in a copy
 * of the sources and says who catches it; `--only none` asks the same of the code as it is. `--seconds` is the time of the
 * simulator for each, 0 for none. `--save` puts what was found in the table of spec/INVARIANTS.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Hunt, hunt, NO_MUTANT, SEEDS } from "./hunt.ts";
import { mutants } from "./list.ts";
import type { TestRef } from "./mutant.ts";
import { runSeeds } from "./seeds.ts";
import { root } from "./tree.ts";

/** Of the table in spec/INVARIANTS.md. */
const HEADER = "| mistake | section | test that catches it | simulator |";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    from: { type: "string", default: "1" },
    count: { type: "string", default: "1000" },
    seconds: { type: "string", default: "30" },
    save: { type: "boolean", default: false },
    "seeds-only": { type: "string" },
  },
});

if (values["seeds-only"] !== undefined) {
  // Inside a copy.
  console.log(JSON.stringify(await runSeeds({ ...SEEDS, secondsMax: Number(values["seeds-only"]) })));
} else {
  process.exitCode = (await huntAll()) ? 0 : 1;
}

/** True where every mutant is caught and the code without one is clean. */
async function huntAll(): Promise<boolean> {
  const seedsSeconds = Number(values.seconds);
  const first = Number(values.from) - 1;
  const chosen = mutants.filter(({ name }) => name.includes(values.only)).slice(first, first + Number(values.count));
  let isGood = true;
  for (const mutant of chosen) {
    const found = await hunt(mutant, { tests: mutant.tests, seedsSeconds });
    const caught = found.test !== null || (found.seeds?.violation ?? null) !== null;
    console.log(`${caught ? "caught" : "MISSED"}  ${tell(found)}`);
    if (values.save) save(found);
    isGood &&= caught;
  }
  if (chosen.length < mutants.length && values.only !== NO_MUTANT) return isGood;
  // All the seeds that a mistake can meet, however long they take.
  const clean = await hunt(null, { tests: allTests(), seedsSeconds: seedsSeconds > 0 ? Number.POSITIVE_INFINITY : 0 });
  const isClean = clean.test === null && (clean.seeds?.violation ?? null) === null;
  console.log(`${isClean ? "clean" : "NOT CLEAN"}  ${tell(clean)}`);
  if (values.save) save(clean);
  return isGood && isClean;
}

/** Every file that is named, whole. */
function allTests(): TestRef[] {
  const files = new Set(mutants.flatMap(({ tests }) => tests.map(({ file }) => file)));
  return [...files].map((file) => ({ file, name: null }));
}

function cells({ name, test, seeds }: Hunt): readonly string[] {
  const seed =
    seeds === null
      ? ""
      : seeds.violation === null
        ? `none in ${seeds.seeds} (${seeds.seconds.toFixed(0)} s)`
        : `${seeds.violation} after ${seeds.seeds} (${seeds.seconds.toFixed(1)} s)`;
  return [name, test === null ? "" : `${test.by.replaceAll("|", "\\|")} (${test.seconds.toFixed(1)} s)`, seed];
}

function tell(found: Hunt): string {
  return cells(found)
    .filter((cell) => cell !== "")
    .join("; ");
}

/** Puts one row in the table, which has the order of the list. */
function save(found: Hunt): void {
  const file = join(root, "spec", "INVARIANTS.md");
  const lines = readFileSync(file, "utf8").split("\n");
  const start = lines.indexOf(HEADER) + 2;
  if (start === 1) throw new Error(`spec/INVARIANTS.md has no line "${HEADER}"`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  const rows = new Map(lines.slice(start, start + length).map((line) => [line.split(" | ")[0]?.slice(2), line]));
  const [name = "", ...rest] = cells(found);
  rows.set(name, `| ${[name, sectionOf(name), ...rest].join(" | ")} |`);
  const ordered = [...mutants.map((mutant) => mutant.name), NO_MUTANT].flatMap((each) => rows.get(each) ?? []);
  lines.splice(start, length, ...ordered);
  writeFileSync(file, lines.join("\n"));
}

function sectionOf(name: string): string {
  return `${mutants.find((mutant) => mutant.name === name)?.section ?? ""}`;
}
