/** What a power loss leaves of a log, and disks that sync slowly: `synced.c` stands between Redis and the kernel. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Compiles it into `folder`, which outlives the cluster. @returns its path; null where there is no Linux or no C compiler */
export function compileSynced(folder: string): string | null {
  if (process.platform !== "linux") return null;
  const library = join(folder, "synced.so");
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, fileURLToPath(new URL("synced.c", import.meta.url)), "-ldl"]);
    return library;
  } catch {
    return null;
  }
}

export function lacksCompiler(): string | null {
  if (process.platform !== "linux") return "Linux, for LD_PRELOAD";
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return null;
  } catch {
    return "a C compiler (cc)";
  }
}

/** Cuts the newest log of a Redis that is down to what it had synced last. @returns how many bytes are gone */
export function cutToSynced(redisFolder: string): number {
  const log = newestLog(redisFolder);
  const noted = join(redisFolder, `${log.slice(log.lastIndexOf("/") + 1)}.synced`);
  // A log of which nothing was ever synced.
  const synced = existsSync(noted) ? Number(readFileSync(noted, "utf8")) : 0;
  const { size } = statSync(log);
  if (!Number.isSafeInteger(synced) || synced > size) throw new Error(`${log} has ${size} bytes, and ${synced} were synced`);
  truncateSync(log, synced);
  return size - synced;
}

/** 0: as fast as it is. */
export function slowSync(redisFolder: string, ms: number): void {
  const file = join(redisFolder, "fsync-delay");
  if (ms === 0) rmSync(file, { force: true });
  else writeFileSync(file, `${ms * 1000}`);
}

export function newestLog(redisFolder: string): string {
  const folder = join(redisFolder, "appendonlydir");
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith(".incr.aof"))
    .sort((a, b) => a.length - b.length || a.localeCompare(b))
    .at(-1);
  if (newest === undefined) throw new Error(`no log in ${folder}`);
  return join(folder, newest);
}
