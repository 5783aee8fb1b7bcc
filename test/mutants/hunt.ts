/** Who catches a mutant: its tests, and the simulator's seeds. */
import { spawn } from "node:child_process";
import type { Mutant, TestRef } from "./mutant.ts";
import type { SeedsResult } from "./seeds.ts";
import { plant } from "./tree.ts";

/** The first seed, so that every mutant and the code without one meet the same. */
export const SEEDS = { from: 1, count: 40, operations: 60 };
const TEST_SECONDS_MAX = 120;
/** What stands for the code as it is. */
export const NO_MUTANT = "none";

export type Caught = { readonly by: string; readonly seconds: number };
export type Hunt = {
  readonly name: string;
  /** The test that caught it; null where none of its tests did. */
  readonly test: Caught | null;
  /** null where the simulator was not asked. */
  readonly seeds: SeedsResult | null;
};

/** @param options.seedsSeconds 0: the simulator is not asked */
export async function hunt(
  mutant: Mutant | null,
  options: { readonly tests: readonly TestRef[]; readonly seedsSeconds: number },
): Promise<Hunt> {
  const { folder, remove } = plant(mutant);
  try {
    let test: Caught | null = null;
    for (const each of options.tests) test ??= await runTest(folder, each);
    const isAsked = options.seedsSeconds > 0;
    return { name: mutant?.name ?? NO_MUTANT, test, seeds: isAsked ? await askSeeds(folder, options.seedsSeconds) : null };
  } finally {
    remove();
  }
}

async function runTest(folder: string, { file, name }: TestRef): Promise<Caught | null> {
  const startMs = performance.now();
  const words = ["--test", "--test-reporter=tap", `--test-timeout=${TEST_SECONDS_MAX * 1000}`];
  if (name !== null) words.push(`--test-name-pattern=${name}`);
  const { code, said } = await run(folder, [...words, file]);
  if (code === 0) return null;
  const failed = [...said.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map((match) => match[1] ?? "").find((each) => !each.endsWith(".ts"));
  if (failed === undefined) throw new Error(`${file} does not run:\n${said}`);
  // A schedule is known by the name of its script.
  const by = file.includes("scenarios") ? failed.replace(/:.*/, "") : `${file.replace(/^test\/|\.test\.ts$/g, "")}: ${failed}`;
  return { by, seconds: (performance.now() - startMs) / 1000 };
}

async function askSeeds(folder: string, secondsMax: number): Promise<SeedsResult> {
  const { said } = await run(folder, ["test/mutants/main.ts", "--seeds-only", `${secondsMax}`]);
  const line = said.trim().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) return { seeds: 1, seconds: 0, violation: "it does not run" };
  return JSON.parse(line) as SeedsResult;
}

function run(folder: string, words: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    // A test of a test runner inside another one would report to the outer one.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env as Record<string, string | undefined>;
    const child = spawn(process.execPath, ["--import", "tsx", ...words], { cwd: folder, stdio: ["ignore", "pipe", "ignore"], env });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, said }));
  });
}
