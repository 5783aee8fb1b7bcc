/** What each process of a local cluster is started with, and how to tell that it is up. */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { findRedis, findTemporal } from "../../scripts/tools.mjs";
import { CommandError } from "../exit.ts";
import { launcher } from "../package-root.ts";
import { askRedis } from "../redis-probe.ts";
import { apiUrl, type DatacenterPlace, host, type Layout, peerUrl, redisUrl } from "./layout.ts";
import type { ProcessSpec } from "./supervised.ts";

export type Programs = { readonly redis: string; readonly temporal: string };
export const clusterName = "default";
export const namespace = "default";

const searchAttributes = ["EpoxyPhase=Keyword", "EpoxyDatacenter=Keyword", "EpoxyEpoch=Int", "EpoxyVoters=KeywordList"];

/** @throws CommandError naming what is missing and where to get it */
export function findPrograms(): Programs {
  const redis = findRedis();
  const temporal = findTemporal();
  if (redis === null) throw new CommandError("redis-server is not on PATH: run npm run setup, or install Redis 7 or newer");
  if (temporal === null)
    throw new CommandError("the Temporal CLI is missing: run npm run setup, or install it and name it in TEMPORAL_CLI");
  return { redis, temporal };
}

export function redisSpec(programs: Programs, layout: Layout, place: DatacenterPlace): ProcessSpec {
  const data = join(place.folder, "redis");
  mkdirSync(data, { recursive: true });
  const conf = join(place.folder, "redis.conf");
  const settings = [
    `bind ${host}`,
    `port ${place.redisPort}`,
    "protected-mode yes",
    `dir ${JSON.stringify(data)}`,
    "appendonly yes",
    "appendfsync always",
    "maxmemory-policy noeviction",
    'save ""',
    "daemonize no",
  ];
  writeFileSync(conf, `${settings.join("\n")}\n`);
  return {
    name: `${place.name} redis`,
    command: programs.redis,
    args: [conf],
    env: process.env,
    logFile: log(layout, `${place.name}-redis`),
    graceMs: 5_000,
  };
}

export function temporalSpec(programs: Programs, layout: Layout): ProcessSpec {
  const args = ["server", "start-dev", "--ip", host, "--port", String(layout.temporalPort), "--ui-port", String(layout.uiPort)];
  args.push("--db-filename", join(layout.folder, "temporal.db"), "--log-level", "error");
  for (const attribute of searchAttributes) args.push("--search-attribute", attribute);
  return { name: "temporal", command: programs.temporal, args, env: process.env, logFile: log(layout, "temporal"), graceMs: 5_000 };
}

export function serverSpec(layout: Layout, place: DatacenterPlace, index: number, wan: Record<string, number> | null): ProcessSpec {
  const server = place.servers[index];
  if (server === undefined) throw new RangeError(`${place.name} has no server ${index}`);
  const args = [
    "server",
    ...shared(layout, place),
    "--api-listen",
    `${host}:${server.apiPort}`,
    "--peer-listen",
    `${host}:${server.peerPort}`,
  ];
  if (place.number === 1) args.push("--bootstrap");
  const suffix = index === 0 ? "" : `-${index + 1}`;
  return nodeSpec(layout, { name: `${place.name} server${suffix}`, args, wan, logName: `${place.name}-server${suffix}` });
}

export function workerSpec(layout: Layout, place: DatacenterPlace, wan: Record<string, number> | null): ProcessSpec {
  return nodeSpec(layout, {
    name: `${place.name} worker`,
    args: ["worker", ...shared(layout, place)],
    wan,
    logName: `${place.name}-worker`,
  });
}

function shared(layout: Layout, place: DatacenterPlace): string[] {
  const settings = {
    name: place.name,
    cluster: clusterName,
    "api-url": apiUrl(place),
    "peer-url": peerUrl(place),
    redis: redisUrl(place),
    temporal: `${host}:${layout.temporalPort}`,
    "temporal-namespace": namespace,
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

type NodeProcess = {
  readonly name: string;
  readonly args: readonly string[];
  readonly wan: Record<string, number> | null;
  readonly logName: string;
};

function nodeSpec(layout: Layout, { name, args, wan, logName }: NodeProcess): ProcessSpec {
  return {
    name,
    command: process.execPath,
    args: [launcher, ...args],
    env: environment(layout, wan),
    logFile: log(layout, logName),
    graceMs: 10_000,
  };
}

/** Settings of the person's own deployment must not leak into the local cluster. */
const foreign =
  /^(TEMPORAL_.*|REDIS_URL|EPOXY_(NAME|CLUSTER|BOOTSTRAP|API|API_LISTEN|API_URL|PEER_LISTEN|PEER_URL|PEER_SECRET.*|REDIS|TEMPORAL.*|CONFIG|WAN|.*TOKEN))$/;

function environment(layout: Layout, wan: Record<string, number> | null): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  // Temporal's own config file may hold certificates and a namespace of the person's.
  const noProfile = join(layout.folder, "temporal.toml");
  writeFileSync(noProfile, "[profile.default]\n");
  const own = { TEMPORAL_CONFIG_FILE: noProfile, EPOXY_TEMPORAL_UI: `http://${host}:${layout.uiPort}` };
  return { ...kept, ...own, ...(wan === null ? {} : { EPOXY_WAN: JSON.stringify(wan) }) };
}

function log(layout: Layout, name: string): string {
  return join(layout.folder, "logs", `${name}.log`);
}

export async function redisIsUp(place: DatacenterPlace): Promise<boolean> {
  try {
    return (await askRedis(redisUrl(place), [["PING"]], 1_000))[0] === "PONG";
  } catch {
    return false;
  }
}

/** gRPC's health check by hand: one call does not need a client library, and the first start waits for it. */
export function temporalIsUp(port: number): Promise<boolean> {
  const service = Buffer.from("temporal.api.workflowservice.v1.WorkflowService");
  const message = Buffer.concat([Buffer.from([0x0a, service.length]), service]);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${host}:${port}`);
    const done = (up: boolean) => {
      session.destroy();
      resolve(up);
    };
    session.once("error", () => done(false));
    session.setTimeout(1_000, () => done(false));
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("error", () => done(false));
    // SERVING is status 1: the message is the two bytes 08 01.
    stream.once("end", () =>
      done(
        Buffer.concat(chunks)
          .subarray(5)
          .equals(Buffer.from([0x08, 1])),
      ),
    );
    stream.end(frame);
  });
}

/** Whether somebody listens there. */
export function portIsTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.setTimeout(1_000, () => done(true));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
