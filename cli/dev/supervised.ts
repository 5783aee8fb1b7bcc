/** One process of the cluster: started, watched, started again when it dies, ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Leash } from "./leash.ts";

export type ProcessSpec = {
  /** For people: "dc-1 server". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** All it prints goes here. */
  readonly logFile: string;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
};

export type Watching = {
  readonly leash: Leash;
  readonly restart: boolean;
  /** It died without being asked to. */
  readonly onDied?: (died: Died) => void;
  readonly onRestarted?: (pid: number) => void;
};
export type Died = { readonly name: string; readonly how: string; readonly tail: string; readonly logFile: string };

export type Supervised = {
  readonly name: string;
  /** null while it is down. */
  pid(): number | null;
  /** How often it has died by itself. */
  deaths(): number;
  /** SIGTERM, then SIGKILL; resolves when it is gone. It is not started again. */
  stop(): Promise<void>;
  /** SIGKILL; it stays down until `start`. */
  kill(): Promise<void>;
  start(): void;
};

const restartAfterMs = 1_000;
const tailBytes = 3_000;

export function supervise(spec: ProcessSpec, watching: Watching): Supervised {
  let child: ChildProcess | null = null;
  let wanted = true;
  let deaths = 0;
  let gone: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  function start(): number | null {
    wanted = true;
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, "a+");
    const logFrom = fstatSync(log).size;
    // A group of its own: Ctrl-C must reach `epoxy dev` alone, which ends the others in order.
    const started = spawn(spec.command, spec.args, { env: spec.env, stdio: ["ignore", log, log], detached: true });
    child = started;
    if (started.pid !== undefined) watching.leash.hold(started.pid);
    gone = new Promise((resolve) => {
      let ended = false;
      const end = (how: string) => {
        if (ended) return;
        ended = true;
        child = null;
        if (started.pid !== undefined) watching.leash.release(started.pid);
        const tail = tailOf(log, logFrom);
        closeSync(log);
        resolve();
        if (wanted) died({ name: spec.name, how, tail, logFile: spec.logFile });
      };
      started.once("error", (error) => end(error.message));
      started.once("exit", (code, signal) => end(signal === null ? `exit code ${code}` : signal));
    });
    return started.pid ?? null;
  }

  function died(what: Died): void {
    deaths++;
    watching.onDied?.(what);
    if (!watching.restart) return;
    timer = setTimeout(() => {
      if (!wanted) return;
      const pid = start();
      if (pid !== null) watching.onRestarted?.(pid);
    }, restartAfterMs);
  }

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    wanted = false;
    if (timer !== null) clearTimeout(timer);
    const running = child;
    if (running === null) return;
    running.kill(signal);
    const late = new AbortController();
    const timeout = sleep(spec.graceMs, "late", { signal: late.signal }).catch(() => "ended");
    if ((await Promise.race([gone, timeout])) === "late") running.kill("SIGKILL");
    late.abort();
    await gone;
  }

  start();
  return {
    name: spec.name,
    pid: () => child?.pid ?? null,
    deaths: () => deaths,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    start: () => void (child === null && start()),
  };
}

function tailOf(file: number, from: number): string {
  const { size } = fstatSync(file);
  const begin = Math.max(from, size - tailBytes);
  const bytes = Buffer.alloc(Math.max(0, size - begin));
  readSync(file, bytes, 0, bytes.length, begin);
  return bytes.toString("utf8").trim();
}
