/** A real Redis for a test, with the durability that Epoxy asks of one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedis } from "../../scripts/tools.mjs";
import { freePort } from "./ports.ts";

const startTries = 3;
const readyMs = 10_000;

export type TestRedis = {
  readonly url: string;
  readonly port: number;
  /** Where its files are; they outlive kill() and restart(). */
  readonly folder: string;
  pid(): number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** The same files on the same port, after kill(). */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
};

export type StartRedisOptions = {
  /** More lines of configuration, as arguments: `["--maxmemory", "50mb"]`. */
  readonly args?: readonly string[];
};

/** Starts redis-server on a free port of the loopback. @throws Error where it is not installed or does not come up */
export async function startRedis({ args = [] }: StartRedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "epoxy-redis-"));
  let lastError: unknown = null;
  for (let i = 0; i < startTries; i++) {
    const port = await freePort();
    try {
      return handleFor({ process: await launch({ port, folder, args }), port, folder, args });
    } catch (error) {
      lastError = error;
    }
  }
  await rm(folder, { recursive: true, force: true });
  throw lastError;
}

type Running = { process: ChildProcess; readonly port: number; readonly folder: string; readonly args: readonly string[] };

function handleFor(running: Running): TestRedis {
  const { port, folder, args } = running;
  const kill = () => end(running.process);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    pid: () => running.process.pid as number,
    kill,
    async restart() {
      running.process = await launch({ port, folder, args });
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch({ port, folder, args }: Omit<Running, "process">): Promise<ChildProcess> {
  const program = findRedis();
  if (program === null) throw new Error("redis-server is missing: npm run setup");
  const settings = [
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
  ];
  const child = spawn(program, [...settings, "--maxmemory-policy", "noeviction", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const collect = (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-4000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  // A test process that ends early takes its Redis with it.
  const endWithUs = () => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  child.once("exit", () => process.off("exit", endWithUs));
  const deadlineMs = performance.now() + readyMs;
  while (!(await answersPing(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      await end(child);
      throw new Error(`redis-server on port ${port} did not come up:\n${log}`);
    }
    await sleep(20);
  }
  // Another program's Redis on this port would have answered too.
  if (child.exitCode !== null) throw new Error(`redis-server on port ${port} ended:\n${log}`);
  return child;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (data) => finish(data.toString().startsWith("+PONG")));
    socket.once("close", () => finish(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
