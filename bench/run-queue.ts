/** What a tree of processes has had of the machine's cores, and how long it stood in line for them. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds since the processes began, summed over all their threads. */
export type CpuUse = { readonly ranMs: number; readonly waitedMs: number };

/** Of `root` and all that it started; what has ended meanwhile is left out. Zeros where the kernel does not say (/proc/PID/task/TID/schedstat). */
export function cpuUseOf(root: number): CpuUse {
  const children = new Map<number, number[]>();
  for (const name of namesIn("/proc")) {
    const pid = Number(name);
    // The parent is the second field after the name, which stands in brackets and may hold anything.
    const parent = Number(textOf(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[1]);
    if (pid > 0 && parent > 0) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  let [ranMs, waitedMs] = [0, 0];
  for (const pid of tree) {
    for (const thread of namesIn(`/proc/${pid}/task`)) {
      const [ran = 0, waited = 0] = textOf(`/proc/${pid}/task/${thread}/schedstat`).split(" ").map(Number);
      ranMs += ran / 1e6;
      waitedMs += waited / 1e6;
    }
  }
  return { ranMs, waitedMs };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
