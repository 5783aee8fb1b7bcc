/** A whole local cluster of real processes for a test: `epoxy dev` as a child, its datacenters stopped, killed and asked by number. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ClusterView } from "../../cli/dev/cluster.ts";
import { portIsTaken } from "../../cli/dev/processes.ts";
import { type Api, apiAt } from "./api.ts";

export const launcher = fileURLToPath(new URL("../../cli/epoxy.mjs", import.meta.url));
const firstPort = 17_000;
const portStep = 200;
const portsEach = 120;
/** All below the ports that systems give to connections. */
const portRanges = 70;
const stopMs = 40_000;

export type TestClusterOptions = {
  readonly datacenters?: number;
  readonly servers?: number;
  readonly learners?: number;
  readonly noRestart?: boolean;
  /** A folder that an earlier start used; default: a fresh one. */
  readonly data?: string;
  /** The ports of an earlier start with the same data. */
  readonly port?: number;
  readonly readyMs?: number;
  /** For `epoxy dev` and all its processes, besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
};
export type Part = "server" | "worker" | "redis";
export type Restarted = { readonly datacenter: number; readonly process: string; readonly pid: number };

export type TestCluster = {
  readonly port: number;
  readonly folder: string;
  /** The first line that `epoxy dev --json` printed, and how long it took. */
  readonly view: ClusterView;
  readonly startedMs: number;
  readonly restarted: readonly Restarted[];
  readonly devPid: number;
  /** Datacenters count from 1; so do the servers of one. */
  api(datacenter: number, server?: number): Api;
  /** As of now: who was started again counts. */
  pids(datacenter: number, ...parts: Part[]): number[];
  signal(signal: NodeJS.Signals, datacenter: number, ...parts: Part[]): void;
  /** SIGSTOP of all its processes, or of those named. */
  pause(datacenter: number, ...parts: Part[]): void;
  resume(datacenter: number, ...parts: Part[]): void;
  /** SIGTERM to `epoxy dev`; resolves with its exit code and the processes that are left. */
  stop(): Promise<{ readonly code: number | null; readonly left: readonly number[] }>;
  /** kill -9 of `epoxy dev` and everything below it. */
  killEverything(): Promise<void>;
  /** For `after`: ends whatever runs and removes the data. */
  end(): Promise<void>;
  /** The last lines of a log, for the message of a failed check. */
  log(name: string, lines?: number): string;
};

/** Resolves when the cluster is ready. @throws Error with what `epoxy dev` said when it is not in time */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { datacenters = 3, servers = 1, readyMs = 120_000 } = options;
  const folder = options.data ?? mkdtempSync(join(tmpdir(), "epoxy-cluster-"));
  const port = options.port ?? (await freeBase());
  const args = ["dev", "--json", "--datacenters", `${datacenters}`, "--servers", `${servers}`, "--port", `${port}`, "--data", folder];
  if (options.noRestart === true) args.push("--no-restart");
  if (options.learners !== undefined) args.push("--learners", `${options.learners}`);
  const startMs = performance.now();
  const env = { ...process.env, ...options.env };
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const endWithUs = () => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  child.once("exit", () => process.off("exit", endWithUs));
  const restarted: Restarted[] = [];
  const view = await firstLine(child, readyMs, (event) => restarted.push(event));
  return handleOf({ child, folder, port, view, restarted, startedMs: performance.now() - startMs });
}

/** Everything that `epoxy dev` writes after its first line is an event. */
function firstLine(child: ChildProcess, readyMs: number, onRestarted: (event: Restarted) => void): Promise<ClusterView> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-8_000);
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill("SIGTERM");
      reject(new Error(`epoxy dev ${why}:\n${said}`));
    };
    const timer = setTimeout(() => fail(`is not ready after ${readyMs} ms`), readyMs);
    // A program that is not there.
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`epoxy dev ended with code ${code}:\n${said}`));
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      clearTimeout(timer);
      const parsed = JSON.parse(line) as ClusterView & Restarted;
      if (parsed.datacenters === undefined) onRestarted(parsed);
      else resolve(parsed);
    });
  });
}

type Running = Pick<TestCluster, "folder" | "port" | "view" | "restarted" | "startedMs"> & { readonly child: ChildProcess };

function handleOf(running: Running): TestCluster {
  const { child, folder, port, view, restarted, startedMs } = running;
  const devPid = child.pid as number;
  const gone = new Promise<number | null>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    child.once("exit", (code) => resolve(code));
  });
  const pidsOf = (datacenter: number, part: Part): number[] => {
    const { pids } = view.datacenters[datacenter - 1] ?? { pids: null };
    if (pids === null) throw new RangeError(`there is no datacenter ${datacenter}`);
    const later = restarted.filter((event) => event.datacenter === datacenter && event.process === part).map(({ pid }) => pid);
    return [...[pids[part] ?? []].flat(), ...later].filter((pid) => isRunning(pid) && isChildOf(devPid, pid));
  };
  const pids = (datacenter: number, ...parts: Part[]): number[] =>
    (parts.length === 0 ? (["server", "worker", "redis"] as const) : parts).flatMap((part) => pidsOf(datacenter, part));
  const signal = (name: NodeJS.Signals, datacenter: number, ...parts: Part[]) => sendAll(name, pids(datacenter, ...parts));
  const family = () => [devPid, ...below(devPid)].filter(isRunning);
  const wake = () => sendAll("SIGCONT", family());

  async function stop(): Promise<{ code: number | null; left: number[] }> {
    // A stopped process would only see a SIGTERM when it goes on.
    wake();
    const all = family();
    child.kill("SIGTERM");
    const patience = new AbortController();
    const code = await Promise.race([gone, sleep(stopMs, null, { signal: patience.signal }).catch(() => null)]);
    patience.abort();
    // The keeper is told that all is ended in order, and goes a moment later.
    for (let i = 0; i < 50 && all.some(isRunning); i++) await sleep(100);
    return { code, left: all.filter(isRunning) };
  }
  async function killEverything(): Promise<void> {
    const all = family();
    sendAll("SIGKILL", all);
    await gone;
    for (let i = 0; i < 100 && all.some(isRunning); i++) await sleep(50);
  }
  const api = (datacenter: number, server = 1): Api => {
    const offset = server === 1 ? 0 : 2 * server + 1;
    return apiAt(`http://127.0.0.1:${port + 10 * datacenter + offset}`);
  };
  return {
    port,
    folder,
    view,
    startedMs,
    restarted,
    devPid,
    api,
    pids,
    signal,
    pause: (datacenter, ...parts) => signal("SIGSTOP", datacenter, ...parts),
    resume: (datacenter, ...parts) => signal("SIGCONT", datacenter, ...parts),
    stop,
    killEverything,
    async end() {
      if (isRunning(devPid)) {
        const { left } = await stop();
        sendAll("SIGKILL", left);
      }
      if (process.env["EPOXY_TEST_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
      else console.log(`kept ${folder}`);
    },
    log: (name, lines = 20) =>
      readFileSync(join(folder, "logs", `${name}.log`), "utf8")
        .trimEnd()
        .split("\n")
        .slice(-lines)
        .join("\n"),
  };
}

/** A range of ports in which nobody listens. Where it begins to look differs, for who else may be starting one just now. */
export async function freeBase(): Promise<number> {
  for (let i = 0; i < portRanges; i++) {
    const base = firstPort + portStep * ((process.pid + i) % portRanges);
    const taken = await Promise.all(Array.from({ length: portsEach }, (_, i) => portIsTaken(base + i)));
    if (!taken.includes(true)) return base;
  }
  throw new Error("no free range of ports");
}

function sendAll(signal: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already.
    }
  }
}

/** A dead process that nobody has asked about yet does not run. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return statOf(pid)?.state !== "Z";
}

/** The id of one that ended long ago may be another program's by now: that one must not be stopped or killed for it. */
function isChildOf(parent: number, pid: number): boolean {
  const stat = statOf(pid);
  return stat === null || stat.parent === parent;
}

/** All descendants, where the system says who they are. */
function below(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of listProcesses()) {
    const stat = statOf(Number(name));
    if (stat !== null) parents.set(Number(name), stat.parent);
  }
  const found = new Set([pid]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  found.delete(pid);
  return [...found];
}

function listProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function statOf(pid: number): { readonly state: string; readonly parent: number } | null {
  try {
    // The name may hold anything, parentheses too: what counts comes after the last one.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", parent = "0"] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}
