/** DIR/dev.json: what a later start must know to go on. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CommandError, UsageError } from "../exit.ts";
import { limits, type Size } from "./layout.ts";

export type Wanted = {
  readonly datacenters?: number;
  readonly learners?: number;
  readonly servers?: number;
  readonly port?: number;
  readonly data?: string;
};
export type DevState = Size & {
  readonly format: 1;
  /** All datacenters were members once: from then on the cluster's own list counts. */
  readonly formed: boolean;
  /** The process that uses the folder, or did. */
  readonly pid: number;
};

const defaults: Size = { datacenters: 3, learners: 0, servers: 1, port: 7_100 };

/** Opens DIR or makes a fresh folder. @throws UsageError for a size that is wrong or not the folder's; CommandError for one in use */
export function openFolder(wanted: Wanted): { folder: string; state: DevState } {
  const folder = wanted.data === undefined ? mkdtempSync(join(tmpdir(), "epoxy-dev-")) : resolve(wanted.data);
  const before = readState(folder);
  const size = sizeOf(wanted, before);
  if (before !== null && before.pid !== process.pid && isEpoxyDev(before.pid)) {
    throw new CommandError(`${folder} is in use by another epoxy dev (process ${before.pid})`);
  }
  mkdirSync(join(folder, "logs"), { recursive: true });
  const state: DevState = { format: 1, ...size, formed: before?.formed ?? false, pid: process.pid };
  writeState(folder, state);
  return { folder, state };
}

/** How large the cluster in that folder will be, before anything is started. @throws UsageError, CommandError */
export function sizeOfFolder(wanted: Wanted): Size {
  return sizeOf(wanted, wanted.data === undefined ? null : readState(resolve(wanted.data)));
}

export function writeState(folder: string, state: DevState): void {
  const file = join(folder, "dev.json");
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function readState(folder: string): DevState | null {
  const file = join(folder, "dev.json");
  if (!existsSync(file)) return null;
  try {
    const state = JSON.parse(readFileSync(file, "utf8")) as DevState;
    if (state.format === 1) return state;
  } catch {
    // Fall through: what cannot be read is not ours to go on from.
  }
  throw new CommandError(`${file} is not of this version of epoxy dev: choose another --data folder`);
}

/** @throws UsageError */
export function sizeOf(wanted: Wanted, before: Size | null): Size {
  const base = before ?? defaults;
  const size: Size = {
    datacenters: wanted.datacenters ?? base.datacenters,
    learners: wanted.learners ?? base.learners,
    servers: wanted.servers ?? base.servers,
    port: wanted.port ?? base.port,
  };
  for (const [name, value, fixed] of [
    ["--datacenters", size.datacenters, before?.datacenters],
    ["--learners", size.learners, before?.learners],
    ["--port", size.port, before?.port],
  ] as const) {
    if (fixed !== undefined && value !== fixed)
      throw new UsageError(`that folder holds a cluster with ${name} ${fixed}: leave ${name} out, or choose another --data folder`);
  }
  const last = size.port + 10 * (size.datacenters + size.learners) + 9;
  if (last > 65_535) throw new UsageError(`--port ${size.port} leaves no room: the last datacenter would need port ${last}`);
  if (size.servers > limits.servers) throw new UsageError(`--servers is at most ${limits.servers}`);
  return size;
}

/** A pid may have gone to some other program since: only one that looks like ours counts. */
function isEpoxyDev(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.some((word) => word.includes("epoxy")) && words.some((word) => word === "dev" || word === "demo");
  } catch {
    return process.platform !== "linux";
  }
}
