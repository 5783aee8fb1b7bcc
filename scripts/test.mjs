// Sets up, runs every suite, and ends with one line: `N passed, N failed, N skipped`. Plain Node.
//   npm test                       everything
//   npm test -- unit               a suite (static, unit, or a folder of test/)
//   npm test -- protocol T29       the tests in files with `protocol` in their path whose name matches T29
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { addCounts, emptyCounts, exitCodeOf, summaryLine } from "./counts.mjs";
import { SetupError, setup } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules", ".bin", name);

/** Suites with processes or long runs of their own: one file at a time, in this order, after the quick ones. `beside`: with the one before it, each leaves a core idle. */
const heavy = [
  { name: "workflows", minutesMax: 8 },
  { name: "explore", minutesMax: 5, beside: true },
  { name: "sim", minutesMax: 15 },
  { name: "scenarios", minutesMax: 4 },
  { name: "cluster", minutesMax: 20 },
  { name: "torture", minutesMax: 12 },
  { name: "browser", minutesMax: 6 },
];
/** Every other folder of test/ is part of `unit`, so a new folder cannot be forgotten. */
const unit = { minutesMax: 10, concurrency: 2 };

/** What one file of `unit` may take; a file of a heavy suite may take all of its suite's time but the last half minute. */
const unitFileMinutesMax = 1.5;

/** The suites that a run is made of. `files` are paths below test/. */
export function planSuites(files) {
  const folderOf = (file) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");
  const heavyNames = new Set(heavy.map(({ name }) => name));
  return [
    { name: "unit", ...unit, files: files.filter((file) => !heavyNames.has(folderOf(file))) },
    ...heavy.map((suite) => ({ ...suite, concurrency: 1, files: files.filter((file) => folderOf(file) === suite.name) })),
  ].filter((suite) => suite.files.length > 0);
}

/** Keeps what `wanted` names: a suite whole, else every file with `wanted` in its path. */
export function selectSuites(suites, wanted) {
  if (wanted === null) return suites;
  const named = suites.filter(({ name }) => name === wanted);
  if (named.length > 0) return named;
  const part = wanted.replace(/^(\.\/)?test\//, "");
  return suites
    .map((suite) => ({ ...suite, files: suite.files.filter((file) => file.includes(part)) }))
    .filter(({ files }) => files.length > 0);
}

/** What runs at the same time. */
function groupsOf(suites) {
  const groups = [];
  for (const suite of suites) {
    const last = groups.at(-1);
    if (suite.beside === true && last !== undefined) last.push(suite);
    else groups.push([suite]);
  }
  return groups;
}

async function main([wanted = null, pattern = null]) {
  let total = emptyCounts();
  const suites = wanted === "static" ? [] : selectSuites(planSuites(testFiles()), wanted);
  // The quick ones run from the sources.
  const withBuild = suites.some(({ name }) => name !== "unit");
  try {
    await setup({ withBuild, withBrowser: suites.some(({ name }) => name === "browser") });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`setup  failed    ${error.message}`);
    total = addCounts(total, { ...emptyCounts(), failed: 1 });
  }
  if (existsSync(join(root, "node_modules"))) {
    if (wanted === null || wanted === "static") {
      for (const check of staticChecks()) total = addCounts(total, await runCheck(check));
    }
    for (const group of groupsOf(suites)) {
      for (const counts of await Promise.all(group.map((suite) => runSuite(suite, pattern)))) total = addCounts(total, counts);
    }
  }
  process.exitCode = exitCodeOf(total);
  console.log(summaryLine(total));
}

function testFiles() {
  const files = readdirSync(join(root, "test"), { recursive: true }).map((file) => `${file}`.replaceAll("\\", "/"));
  return files.filter((file) => file.endsWith(".test.ts")).sort();
}

/** Each counts as one test. */
function staticChecks() {
  return [
    { name: "types", words: [bin("tsc"), "-p", "."] },
    { name: "style", words: [bin("biome"), "ci", "--colors=off", "."] },
    { name: "unused", words: [bin("knip"), "--no-progress"] },
    { name: "codegen", words: [process.execPath, join(root, "scripts", "codegen.mjs"), "--check"] },
  ];
}

async function runCheck({ name, words }) {
  const startedMs = Date.now();
  const { code, output } = await run(words, { minutesMax: 2, quiet: true });
  console.log(`static ${name}: ${code === 0 ? "passed" : "FAILED"} (${secondsSince(startedMs)})`);
  if (code !== 0) console.log(output.slice(-20_000).replaceAll(/^/gm, "    "));
  return { ...emptyCounts(), [code === 0 ? "passed" : "failed"]: 1 };
}

async function runSuite({ name, files, concurrency, minutesMax }, pattern) {
  const startedMs = Date.now();
  console.log(`${name}: ${files.length} files`);
  const folder = mkdtempSync(join(tmpdir(), "epoxy-test-"));
  const results = join(folder, "results");
  writeFileSync(results, "");
  const words = [process.execPath, "--import", "tsx", "--test", `--test-concurrency=${concurrency}`];
  // A file that does not end (a handle left open) fails alone, and the files after it still run.
  words.push(`--test-timeout=${(name === "unit" ? unitFileMinutesMax : minutesMax - 0.5) * 60_000}`);
  words.push(`--test-reporter=${new URL("test-reporter.mjs", import.meta.url).href}`, "--test-reporter-destination=stdout");
  if (pattern !== null) words.push(`--test-name-pattern=${pattern}`);
  try {
    const { code, signal, timedOut } = await run([...words, ...files.map((file) => join("test", file))], {
      minutesMax,
      quiet: false,
      env: { ...process.env, EPOXY_TEST_RESULTS: results },
    });
    const counts = readCounts(readFileSync(results, "utf8"));
    // Something ended badly that no test reported: it must not pass for a success.
    const crashed = counts.failed === 0 && code !== 0;
    if (timedOut) console.log(`  FAILED ${name}: stopped after ${minutesMax} minutes`);
    else if (crashed) console.log(`  FAILED ${name}: ended with ${signal ?? `code ${code}`}`);
    const all = timedOut || crashed ? addCounts(counts, { ...emptyCounts(), failed: 1 }) : counts;
    console.log(`${name}: ${summaryLine(all)} (${secondsSince(startedMs)})`);
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One word a line, as test-reporter.mjs appends them. */
export function readCounts(text) {
  const counts = emptyCounts();
  for (const word of text.split("\n")) if (word in counts) counts[word]++;
  return counts;
}

/** In a process group of its own, so that whatever a test leaves running ends with it. */
function run(words, { minutesMax, quiet, env = process.env }) {
  const [program, ...args] = words;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let output = "";
    let timedOut = false;
    const endGroup = (signal) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // Nobody of the group is left.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup("SIGKILL");
    }, minutesMax * 60_000);
    const onInterrupt = () => {
      endGroup("SIGKILL");
      process.exit(130);
    };
    process.once("SIGINT", onInterrupt).once("SIGTERM", onInterrupt);
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    const finish = (code, signal) => {
      clearTimeout(timer);
      process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
      endGroup("SIGKILL");
      resolve({ code, signal, timedOut, output });
    };
    child.once("error", (error) => {
      output += error.message;
      finish(1, null);
    });
    child.once("exit", (code, signal) => setImmediate(finish, code, signal));
  });
}

function secondsSince(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
