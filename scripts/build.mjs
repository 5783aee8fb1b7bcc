// Compiles the TypeScript to dist/, copies what is not TypeScript, bundles the workflows. Plain Node.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
/** The folders that run in production. tsconfig.build.json names the same ones. */
const folders = ["protocol", "proposals", "activities", "workflows", "server", "client", "cli", "bench", "sim", "lab"];
/** Beside the folders: what decides the outcome, and what dist needs although it is a script. */
const inputs = ["package.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs", "scripts/bundle-workflows.mjs"];
const copied = ["scripts/tools.mjs"];
/** A campaign writes there while its processes come and go: a dist/ that was stale by it would have each of them start from the sources. */
const measured = join(root, "bench", "results");

/** Whether dist/ was made from the sources as they are now. True where there are no sources, as in an installed package. */
export function distIsCurrent() {
  const stamp = readStamp();
  if (!existsSync(join(root, "tsconfig.build.json"))) return stamp !== null;
  return stamp === fingerprint();
}

/** Builds from nothing beside dist/ and swaps: whoever starts meanwhile finds the old one or the new one whole. */
export function build() {
  const next = join(root, "node_modules", ".cache", "epoxy", `dist-${process.pid}`);
  const made = fingerprint();
  rmSync(next, { recursive: true, force: true });
  try {
    run("tsc", join(root, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.build.json", "--outDir", next]);
    copyAssets(next);
    bundleWorkflows(next);
    writeFileSync(join(next, ".stamp"), `${made}\n`);
    rmSync(`${next}-old`, { recursive: true, force: true });
    if (existsSync(dist)) renameSync(dist, `${next}-old`);
    renameSync(next, dist);
  } finally {
    rmSync(next, { recursive: true, force: true });
    rmSync(`${next}-old`, { recursive: true, force: true });
  }
}

function readStamp() {
  try {
    return readFileSync(join(dist, ".stamp"), "utf8").trim();
  } catch {
    return null;
  }
}

/** Names, sizes and times, not contents: a launcher asks at every start. */
function fingerprint() {
  const hash = createHash("sha256");
  for (const file of [
    ...folders.flatMap((folder) => filesUnder(join(root, folder))),
    ...[...inputs, ...copied].map((file) => join(root, file)),
  ]) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined) hash.update(`${relative(root, file)} ${stat.size} ${stat.mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** Pages for readers, and what was measured, are no part of a build. */
function filesUnder(folder) {
  if (!existsSync(folder) || folder === measured) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = entries.flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]));
  return found.filter((file) => extname(file) !== ".md");
}

/** Lua scripts, wire schemas, generated JavaScript, web pages: all that tsc leaves behind. */
function copyAssets(target) {
  const assets = folders
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((file) => file.endsWith(".d.ts") || extname(file) !== ".ts");
  for (const file of [...assets, ...copied.map((file) => join(root, file))]) {
    const to = join(target, relative(root, file));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(file, to);
  }
}

/** The bundler writes into dist/; the copy is newer than the compiled workflows, which is how a worker knows that it is current. */
function bundleWorkflows(target) {
  const script = join(root, "scripts", "bundle-workflows.mjs");
  if (!existsSync(script)) return;
  run("the bundle of the workflows", process.execPath, [script]);
  cpSync(join(dist, "workflow-bundle.js"), join(target, "workflow-bundle.js"));
}

function run(what, program, args) {
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  if (error !== undefined) throw new Error(`${what} cannot be run (${error.message}): run npm run setup`);
  if (status !== 0) throw new Error(`${what} failed\n${`${stdout}${stderr}`.trim()}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (distIsCurrent() && !process.argv.includes("--force")) {
    console.log("build  up to date");
  } else {
    const startedMs = Date.now();
    try {
      build();
      console.log(`build  dist/ (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`);
    } catch (error) {
      console.error(`build  failed: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
