/** One more datacenter beside a test cluster: its own Redis, one server, one worker. It waits as `joining` until somebody adds it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Api, apiAt, eventually } from "./api.ts";
import { launcher, type TestCluster } from "./cluster.ts";
import { freePorts } from "./ports.ts";
import { startRedis, type TestRedis } from "./redis.ts";

export type TestDatacenter = {
  readonly name: string;
  readonly api: Api;
  readonly peerUrl: string;
  readonly apiUrl: string;
  readonly redis: TestRedis;
  /** What its processes have printed. */
  log(): string;
  /** To its server and its worker, or to one of them. */
  signal(name: NodeJS.Signals, part?: "server" | "worker"): void;
  end(): Promise<void>;
};

/** Resolves when its server answers. `redis`: one that is there already; `serverArgs`: of its server besides. */
export async function startDatacenter(
  cluster: TestCluster,
  name: string,
  given: { readonly redis?: TestRedis; readonly serverArgs?: readonly string[] } = {},
): Promise<TestDatacenter> {
  const redis = given.redis ?? (await startRedis());
  const [apiPort = 0, peerPort = 0] = await freePorts(2);
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const { address, namespace } = cluster.view.temporal;
  const shared = ["--name", name, "--api-url", apiUrl, "--peer-url", peerUrl, "--redis", redis.url, "--temporal", address];
  let said = "";
  const run = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [launcher, ...args, ...shared, "--temporal-namespace", namespace], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (said += chunk));
    const endWithUs = () => void child.kill("SIGKILL");
    process.once("exit", endWithUs);
    child.once("exit", () => process.off("exit", endWithUs));
    return child;
  };
  const children = [
    run("server", "--api-listen", `127.0.0.1:${apiPort}`, "--peer-listen", `127.0.0.1:${peerPort}`, ...(given.serverArgs ?? [])),
    run("worker"),
  ];
  const end = async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    await redis.stop();
  };
  const api = apiAt(apiUrl);
  try {
    await eventually(`${name} answers`, 30_000, async () => (await api.ask("GET", "/healthz")).status === 200);
  } catch (error) {
    await end();
    throw new Error(`${name} does not start:\n${said}`, { cause: error });
  }
  const signal = (name: NodeJS.Signals, part?: "server" | "worker") => {
    for (const [i, child] of children.entries()) if (part === undefined || part === ["server", "worker"][i]) child.kill(name);
  };
  return { name, api, peerUrl, apiUrl, redis, log: () => said, signal, end };
}
