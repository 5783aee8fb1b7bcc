/** A disk with little room, under the data of a Redis that is down. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type SmallDisk = {
  grow(bytes: number): void;
  /** The data goes back to where it was: its Redis must be down. */
  remove(): void;
};

/** @returns what is missing to make one */
export function lacksMounts(): string | null {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-mount-"));
  try {
    mount(["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
    execFileSync("umount", [folder]);
    return null;
  } catch {
    return "the right to mount a tmpfs (root)";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts the folder's files on a disk that has so many bytes left. */
export function onSmallDisk(folder: string, spareBytes: number): SmallDisk {
  const size = sizeOf(folder) + spareBytes;
  const aside = mkdtempSync(join(tmpdir(), "epoxy-aside-"));
  cpSync(folder, aside, { recursive: true });
  mount(["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  cpSync(aside, folder, { recursive: true });
  return {
    grow: (bytes) => mount(["-o", `remount,size=${size + bytes}`, folder]),
    remove() {
      rmSync(aside, { recursive: true });
      cpSync(folder, aside, { recursive: true });
      execFileSync("umount", [folder]);
      rmSync(folder, { recursive: true });
      cpSync(aside, folder, { recursive: true });
      rmSync(aside, { recursive: true });
    },
  };
}

function mount(args: readonly string[]): void {
  execFileSync("mount", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** In whole pages, as a tmpfs counts them. */
function sizeOf(folder: string): number {
  const pageBytes = 4096;
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
    .reduce((sum, size) => sum + (Math.ceil(size / pageBytes) + 1) * pageBytes, 0);
}
