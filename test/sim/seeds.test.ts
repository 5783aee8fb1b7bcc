/**
 * New seeds with every change of the code they run, so that what they cover grows and a run can be repeated; and one seed is
 * one run.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runSeed } from "../../sim/run.ts";

/** SEEDS_FROM=S repeats an earlier run's seeds. */
const { SEEDS_FROM: wanted } = process.env as { readonly SEEDS_FROM?: string };
const SHARDS = 2;
const SEEDS_EACH = 150;
/** Fewer than the campaign's: what is new here is the seeds. */
const OPERATIONS = 60;

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Compiled: a tenth faster than through the loader. */
const main = join(root, "dist", "sim", "main.js");

/** Below 2^31. */
function seedOfTheCode(): number {
  const hash = createHash("sha256");
  for (const folder of ["protocol", "proposals", "sim"]) {
    const files = readdirSync(join(root, folder), { recursive: true }).map((file) => `${file}`.replaceAll("\\", "/"));
    for (const file of files.filter((each) => each.endsWith(".ts")).sort()) hash.update(readFileSync(join(root, folder, file)));
  }
  return hash.digest().readUInt32BE(0) >>> 1;
}

function simulate(from: number): Promise<{ readonly code: number | null; readonly said: string }> {
  // A larger young generation: less time goes into moving what soon dies.
  const words = ["--max-semi-space-size=64", main, "--seeds", `${SEEDS_EACH}`, "--from", `${from}`, "--operations", `${OPERATIONS}`];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, said }));
  });
}

describe("seeds", { concurrency: SHARDS }, () => {
  const first = wanted === undefined ? seedOfTheCode() : Number(wanted);
  for (let shard = 0; shard < SHARDS; shard++) {
    const from = first + shard * SEEDS_EACH;
    test(`${SEEDS_EACH} from ${from}`, async (t) => {
      const { code, said } = await simulate(from);
      t.diagnostic(said.trim().split("\n").slice(-3).join("; "));
      assert.equal(code, 0, said);
    });
  }
});

describe("one seed is one run", () => {
  for (const seed of [3, 8]) {
    test(`seed ${seed}`, async () => {
      const [once, again] = [await runSeed({ seed, operations: 40 }), await runSeed({ seed, operations: 40, keepsLines: true })];
      assert.equal(again.hash, once.hash);
      assert.deepEqual([...again.cover], [...once.cover]);
      assert.deepEqual([again.events, again.virtualMs, again.history.length], [once.events, once.virtualMs, once.history.length]);
    });
  }

  test("and another seed another run", async () => {
    const hashes = [(await runSeed({ seed: 3, operations: 20 })).hash, (await runSeed({ seed: 4, operations: 20 })).hash];
    assert.notEqual(hashes[0], hashes[1]);
  });
});
