/** What Linux tells of a process; 0 where it is not there, or the system does not tell. */
import { readdirSync, readFileSync } from "node:fs";

export function rssMiB(pid: number | null): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

export function descriptors(pid: number | null): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
