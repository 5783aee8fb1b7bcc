/** `epoxy dev` as a process of its own, for benchmarks: fresh data, its own ports, gone when the benchmark is. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

type Pids = { readonly server: readonly number[]; readonly worker: readonly number[]; readonly redis: number };
export type BenchCluster = {
  readonly apis: readonly string[];
  readonly redises: readonly string[];
  /** Seconds of CPU that all servers and Redises together have used so far; null where the system does not tell. */
  cpuSeconds(): number | null;
  /** Memory of each server now; 0 where the system does not tell. */
  rssMiB(): readonly number[];
  /** `keepData` leaves the logs for whoever looks for the reason. */
  stop(options?: { readonly keepData: boolean }): Promise<void>;
};

/** What Linux counts CPU time in: a hundredth of a second on every machine this runs on. */
const ticksPerSecond = 100;

/** @param wan regions, one a datacenter, as `epoxy dev --wan` takes them; null for none */
export async function startBenchCluster(datacenters: number, port: number, wan: string | null = null): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-bench-"));
  const child = spawn(
    process.execPath,
    [
      ...[launcher(), "dev", "--json", "--datacenters", String(datacenters), "--port", String(port), "--data", folder],
      ...(wan === null ? [] : ["--wan", wan]),
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const first = await firstLine(child);
  const { datacenters: all } = JSON.parse(first) as {
    datacenters: readonly { api: string; redis: string; pids: Pids }[];
  };
  const pids = all.flatMap((each) => [...each.pids.server, each.pids.redis]);
  return {
    apis: all.map((each) => each.api),
    redises: all.map((each) => each.redis),
    cpuSeconds: () => cpuSecondsOf(pids),
    rssMiB: () => all.flatMap((each) => each.pids.server).map(rssMiBOf),
    async stop({ keepData } = { keepData: false }) {
      const ended =
        child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      if (!keepData) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launcher(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  // From the sources and from dist/ alike it is the one beside package.json.
  return here.endsWith(join("dist", "bench")) ? join(here, "..", "..", "cli", "epoxy.mjs") : join(here, "..", "cli", "epoxy.mjs");
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new TypeError("its output must be a pipe");
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`epoxy dev did not start (exit code ${code})`)));
  });
}

function cpuSecondsOf(pids: readonly number[]): number | null {
  let ticks = 0;
  for (const pid of pids) {
    try {
      // After the name, which may hold anything: state is the first field, utime and stime the 12th and 13th.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      return null;
    }
  }
  return ticks / ticksPerSecond;
}

function rssMiBOf(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
