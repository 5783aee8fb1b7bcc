// Finds the programs that Epoxy runs beside itself. Plain Node: it is used before anything is installed.
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where setup keeps what it has to fetch or build, once per user. */
export function cacheBin() {
  return join(homedir(), ".cache", "epoxy", "bin");
}

/** The full path of a program on PATH, or null. */
export function onPath(name, path = process.env.PATH ?? "") {
  for (const folder of path.split(delimiter)) {
    if (folder !== "" && isExecutable(join(folder, name))) return join(folder, name);
  }
  return null;
}

/** redis-server, else Valkey's, which speaks the same; or null. */
export function findRedis() {
  return onPath("redis-server") ?? onPath("valkey-server");
}

/** The Temporal CLI: TEMPORAL_CLI, else on PATH, else the cached one; or null. */
export function findTemporal() {
  const named = process.env.TEMPORAL_CLI;
  if (named !== undefined && named !== "") return isExecutable(named) ? named : null;
  const cached = join(cacheBin(), "temporal");
  return onPath("temporal") ?? (isExecutable(cached) ? cached : null);
}

/** CHROMIUM, else what PATH has under its usual names and runs (a stub that asks for another package does not); or null. */
export function findChromium() {
  const named = process.env.CHROMIUM;
  const found = named ? [named] : ["chromium", "chromium-browser", "google-chrome"].map((name) => onPath(name));
  return found.find((program) => program !== null && outputOf(program, "--version") !== null) ?? null;
}

/** What a program prints, or null when it cannot be run. */
export function outputOf(program, ...args) {
  const { error, status, stdout } = spawnSync(program, args, { encoding: "utf8", timeout: 20_000 });
  return error === undefined && status === 0 ? stdout.trim() : null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
