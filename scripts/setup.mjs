// Gets everything that a fresh checkout needs: npm packages, Redis, the Temporal CLI, the build; Chromium for the tests.
// Plain Node, no dependency; safe to run twice and quick when there is nothing to do.
import { spawn } from "node:child_process";
import { copyFileSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, distIsCurrent } from "./build.mjs";
import { cacheBin, findChromium, findRedis, findTemporal, onPath, outputOf } from "./tools.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const temporalVersion = "1.5.1";
const redisMajorMin = 7;
const goMinorMin = 25;
const progressEveryMs = 15_000;
const downloadStartMs = 5_000;
const downloadMs = 120_000;
const shownMax = 1_500;

/** What the person at the keyboard can do something about: one sentence, no stack. */
export class SetupError extends Error {
  name = "SetupError";
}

/** A program failed in a way that its caller has an answer to. */
class ExpectedFailure extends Error {
  name = "ExpectedFailure";
}

/** Runs every step. `withBuild: false` leaves dist/ alone; only the tests of pages want a browser. @throws SetupError */
export async function setup({ withBuild = true, withBrowser = false } = {}) {
  await packages();
  await redis();
  await temporal();
  if (withBrowser) await chromium();
  if (withBuild) await compile();
}

// --- npm packages

// The level first: npm run -s would silence the very message that is looked for below.
const npmFlags = ["--loglevel=warn", "--ignore-scripts", "--no-audit", "--no-fund"];

async function packages() {
  if (packagesAreCurrent()) return say("packages", "up to date");
  const whatToDo = "npm could not install the packages, see above: mend the connection to the npm registry and run this again";
  say("packages", "npm ci");
  try {
    // Registries differ in which other platforms' optional binaries they hold, and npm ci insists on the very list of the
    // lock file. npm install takes the same versions and lets the rest be.
    await long("packages", "npm", ["ci", ...npmFlags], { whatToDo, expected: /npm (error|ERR!) code EUSAGE/ });
  } catch (error) {
    if (!(error instanceof ExpectedFailure)) throw error;
    say("packages", "npm install, with the versions of the lock file: it lists no binaries of other platforms");
    await long("packages", "npm", ["install", "--no-save", ...npmFlags], { whatToDo });
  }
}

/** npm writes node_modules/.package-lock.json last, so an interrupted install never looks complete. */
function packagesAreCurrent() {
  const wanted = lockedVersions(join(root, "package-lock.json"));
  const installed = lockedVersions(join(root, "node_modules", ".package-lock.json"));
  return wanted !== null && installed !== null && sameVersions(wanted, installed);
}

function lockedVersions(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return null;
  }
}

/** Optional packages (other platforms' binaries) may be missing on either side; everything else must be there, at its version. */
export function sameVersions(wanted, installed) {
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = installed[path];
    if (found === undefined ? entry.optional !== true && entry.devOptional !== true : found.version !== entry.version) return false;
  }
  return Object.entries(installed).every(
    ([path, entry]) => wanted[path] !== undefined || entry.optional === true || entry.devOptional === true,
  );
}

// --- Redis

async function redis() {
  const before = findRedis();
  if (before === null) await installRedis();
  const program = findRedis();
  if (program === null) throw new SetupError("Redis is missing: install Redis 7 or newer (or Valkey) so that redis-server is on PATH");
  const major = majorVersion(outputOf(program, "--version") ?? "");
  if (major === null || major < redisMajorMin) {
    throw new SetupError(`${program} is older than Redis ${redisMajorMin}: install Redis ${redisMajorMin} or newer (or Valkey)`);
  }
  say("redis", `${short(program)} (${major})`);
}

/** From `Redis server v=7.0.15 sha=…` or `Valkey server v=8.0.1 …`; null for anything else. */
export function majorVersion(text) {
  const found = /\bv=(\d+)\./.exec(text);
  return found === null ? null : Number(found[1]);
}

async function installRedis() {
  const whatToDo = "Redis could not be installed: install Redis 7 or newer (or Valkey) so that redis-server is on PATH";
  if (process.platform === "darwin" && onPath("brew") !== null) {
    say("redis", "brew install redis");
    await long("redis", "brew", ["install", "redis"], { whatToDo });
    return;
  }
  await installByApt("redis", "redis-server", whatToDo);
}

/** Does nothing where there is no apt-get, or no right to use it. */
async function installByApt(step, name, whatToDo) {
  if (onPath("apt-get") === null) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && onPath("sudo") === null) return;
  say(step, `apt-get install ${name}`);
  const aptGet = (...args) => {
    // A package would start a service of its own; Epoxy starts what it needs itself.
    const words = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", ...args];
    const [program, ...rest] = isRoot ? words : ["sudo", "-n", ...words];
    return long(step, program, rest, { whatToDo });
  };
  await aptGet("update");
  await aptGet("install", "-y", "--no-install-recommends", name);
}

// --- Temporal

/** The CLI carries the dev server and the Web UI; `epoxy dev`, the demo and the tests run it whatever TEMPORAL_ADDRESS says. */
async function temporal() {
  try {
    const program = findTemporal() ?? (await downloadTemporal()) ?? (await buildTemporal());
    const version = outputOf(program, "--version");
    if (version === null) throw new SetupError(`${program} --version does not run: remove it and run the set-up again`);
    say("temporal", short(program));
  } catch (error) {
    if (!(error instanceof SetupError) || !process.env.TEMPORAL_ADDRESS) throw error;
    say("temporal", `servers use TEMPORAL_ADDRESS; no CLI for \`epoxy dev\`, demo and tests (${error.message})`);
  }
}

/** null where the network or the platform does not allow it: building is tried next. */
async function downloadTemporal() {
  const os = process.platform;
  const cpu = { x64: "amd64", arm64: "arm64" }[process.arch];
  if (!["linux", "darwin"].includes(os) || cpu === undefined || onPath("tar") === null) return null;
  const url = `https://github.com/temporalio/cli/releases/download/v${temporalVersion}/temporal_cli_${temporalVersion}_${os}_${cpu}.tar.gz`;
  say("temporal", `downloading the Temporal CLI ${temporalVersion}`);
  const folder = mkdtempSync(join(tmpdir(), "epoxy-temporal-"));
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), downloadStartMs);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), downloadMs);
    const archive = join(folder, "temporal.tar.gz");
    await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), { signal: stop.signal });
    if (outputOf("tar", "-xzf", archive, "-C", folder, "temporal") === null) throw new Error("the archive cannot be unpacked");
    if (outputOf(join(folder, "temporal"), "--version") === null) throw new Error("the program does not run here");
    return keep(join(folder, "temporal"));
  } catch (error) {
    say("temporal", `no download (${error.cause?.code ?? error.message})`);
    return null;
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies across file systems, then renames: a half-written program is never found by anyone. */
function keep(program) {
  mkdirSync(cacheBin(), { recursive: true });
  const target = join(cacheBin(), "temporal");
  copyFileSync(program, `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target);
  return target;
}

async function buildTemporal() {
  const missing = "the Temporal CLI is missing: install it (https://docs.temporal.io/cli), or install Go 1.25 or newer and run this again";
  const go = onPath("go") ?? (onPath("go", "/usr/local/go/bin:/opt/homebrew/bin") || null);
  if (go === null) throw new SetupError(missing);
  const minor = Number(/go1\.(\d+)/.exec(outputOf(go, "version") ?? "")?.[1] ?? 0);
  if (minor < goMinorMin) throw new SetupError(`${missing} (${short(go)} is 1.${minor})`);
  say("temporal", `building the Temporal CLI ${temporalVersion} with Go, once: 3 to 5 minutes`);
  mkdirSync(cacheBin(), { recursive: true });
  await long("temporal", go, ["install", `github.com/temporalio/cli/cmd/temporal@v${temporalVersion}`], {
    env: { ...process.env, GOBIN: cacheBin() },
    whatToDo: "the Temporal CLI could not be built: install it (https://docs.temporal.io/cli) and run this again",
  });
  return join(cacheBin(), "temporal");
}

// --- Chromium

/** Without it the tests of pages are skipped, and say so: no reason for the set-up to fail. */
async function chromium() {
  const whatToDo = "Chromium could not be installed: install it so that chromium is on PATH, or the tests of pages are skipped";
  try {
    if (findChromium() === null) await installByApt("chromium", "chromium", whatToDo);
    const program = findChromium();
    say("chromium", program === null ? "missing: the tests of pages are skipped" : short(program));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say("chromium", error.message);
  }
}

// --- the build

async function compile() {
  if (distIsCurrent()) return say("build", "up to date");
  const startedMs = Date.now();
  try {
    build();
  } catch (error) {
    throw new SetupError(`the build failed: ${error.message}`);
  }
  say("build", `dist/ (${seconds(startedMs)})`);
}

// --- saying and running

function say(step, text) {
  console.log(`setup  ${step.padEnd(9)} ${text}`);
}

function short(path) {
  return path.startsWith(`${homedir()}/`) ? `~${path.slice(homedir().length)}` : path;
}

function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/** Runs a program in silence but for a sign of life; shows the end of its output if it fails. */
async function long(step, program, args, { whatToDo, env = process.env, expected = null }) {
  const startedMs = Date.now();
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  // The reason stands first in what npm and Go print, and last in what apt prints.
  let head = "";
  let tail = "";
  const collect = (chunk) => {
    if (head.length < shownMax) head += chunk;
    else tail = `${tail}${chunk}`.slice(-shownMax);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const timer = setInterval(() => say(step, `still at it after ${seconds(startedMs)}`), progressEveryMs);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0) {
      if (expected?.test(head) === true) throw new ExpectedFailure(whatToDo);
      process.stderr.write(`${head.slice(0, 2 * shownMax)}${tail}`.trimEnd().concat("\n"));
      throw new SetupError(whatToDo);
    }
    say(step, `done (${seconds(startedMs)})`);
  } catch (error) {
    throw error instanceof SetupError || error instanceof ExpectedFailure ? error : new SetupError(`${whatToDo} (${error.message})`);
  } finally {
    clearInterval(timer);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    await setup({ withBuild: !process.argv.includes("--no-build") });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup  failed    ${error.message}`);
    process.exitCode = 1;
  }
}
