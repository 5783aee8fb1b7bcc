/** Settings of `epoxy server` and `epoxy worker`: flags, environment, config file; the first that says something wins. */
import { readFileSync } from "node:fs";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { limits } from "../protocol/limits.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { type ApiToken, PEER_SECRET_BYTES_MIN, PEER_SECRETS_MAX, SCOPES, type Scope, Secret } from "./security.ts";
import { whyUnreadable } from "./unreadable.ts";

export type Listen = { readonly host: string; readonly port: number };
/** A datacenter as the leader's config file lists it. */
export type DesiredReplica = {
  readonly id?: number;
  readonly name: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
  readonly voter?: boolean;
};

export type Settings = {
  readonly name: string;
  readonly cluster: string;
  readonly bootstrap: boolean;
  readonly apiListen: Listen;
  readonly apiUrl: string;
  readonly peerListen: Listen;
  readonly peerUrl: string;
  /** May carry a password: print it with `printableUrl` only. */
  readonly redisUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string; readonly uiUrl: string | null };
  /** The first one signs, any one is accepted. */
  readonly peerSecrets: readonly Secret[];
  readonly tokens: readonly ApiToken[];
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  /** One way, by peer URL or name; empty for no artificial distance. */
  readonly wanOneWayMs: ReadonlyMap<string, number>;
  /** The whole desired set, for `setReplicas`; null where the file has none. */
  readonly replicas: readonly DesiredReplica[] | null;
  readonly configFile: string | null;
};

/** As the command line gives them; left out, the environment and the file are asked. */
export type Flags = {
  readonly [K in
    | "name"
    | "cluster"
    | "apiListen"
    | "apiUrl"
    | "peerListen"
    | "peerUrl"
    | "redis"
    | "temporal"
    | "temporalNamespace"
    | "config"
    | "logLevel"]?: string | undefined;
} & { readonly bootstrap?: boolean | undefined; readonly insecure?: boolean | undefined };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem at once, each in words. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      problems.length === 1
        ? (problems[0] as string)
        : `${problems.length} settings are wrong:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

const closed = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1, maxLength: 4096 });
const ReplicaEntry = Type.Object(
  { id: Type.Optional(Type.Integer({ minimum: 1 })), name: Text, peerUrl: Text, apiUrl: Text, voter: Type.Optional(Type.Boolean()) },
  closed,
);
const FileSchema = Type.Object(
  {
    name: Type.Optional(Text),
    cluster: Type.Optional(Text),
    bootstrap: Type.Optional(Type.Boolean()),
    apiListen: Type.Optional(Text),
    apiUrl: Type.Optional(Text),
    peerListen: Type.Optional(Text),
    peerUrl: Type.Optional(Text),
    redis: Type.Optional(Text),
    temporal: Type.Optional(Text),
    temporalNamespace: Type.Optional(Text),
    temporalUi: Type.Optional(Text),
    logLevel: Type.Optional(Text),
    insecure: Type.Optional(Type.Boolean()),
    peerSecrets: Type.Optional(Type.Array(Text, { maxItems: PEER_SECRETS_MAX })),
    tokens: Type.Optional(Type.Array(Type.Object({ scope: Type.Union(SCOPES.map((scope) => Type.Literal(scope))), token: Text }, closed))),
    replicas: Type.Optional(Type.Array(ReplicaEntry, { minItems: 1, maxItems: limits.membersMax })),
  },
  closed,
);
type File = Static<typeof FileSchema>;
/** What a config file may say; docs/configuration.md tells of each. */
export const CONFIG_FILE_FIELDS: readonly string[] = Object.keys(FileSchema.properties);

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TOKEN_CHARACTERS_MIN = 16;

/**
 * @param input.environment usually `process.env`
 * @throws ConfigError
 */
export function loadSettings(input: {
  readonly flags: Flags;
  readonly environment: Environment;
  readonly readFile?: (path: string) => string;
}): Settings {
  const problems: string[] = [];
  const { flags } = input;
  const env = (name: string): string | undefined => (input.environment[name] === "" ? undefined : input.environment[name]);
  const configFile = flags.config ?? env("EPOXY_CONFIG") ?? null;
  const readFile = input.readFile ?? ((path: string) => readFileSync(path, "utf8"));
  const file = configFile === null ? {} : readConfigFile(configFile, readFile, problems);

  const name = flags.name ?? env("EPOXY_NAME") ?? file.name ?? "dc-1";
  const cluster = flags.cluster ?? env("EPOXY_CLUSTER") ?? file.cluster ?? "default";
  for (const [what, text] of [
    ["name", name],
    ["cluster", cluster],
  ] as const) {
    if (!NAME.test(text))
      problems.push(
        `${what} must be 1 to 63 letters, digits, '.', '_' or '-' and begin with a letter or digit: ${JSON.stringify(text.slice(0, 80))}`,
      );
  }
  const apiListen = parseListen("api-listen", flags.apiListen ?? env("EPOXY_API_LISTEN") ?? file.apiListen ?? "127.0.0.1:7110", problems);
  const peerListen = parseListen(
    "peer-listen",
    flags.peerListen ?? env("EPOXY_PEER_LISTEN") ?? file.peerListen ?? "127.0.0.1:7111",
    problems,
  );
  const apiUrl = parseHttpUrl("api-url", flags.apiUrl ?? env("EPOXY_API_URL") ?? file.apiUrl, apiListen, problems);
  const peerUrl = parseHttpUrl("peer-url", flags.peerUrl ?? env("EPOXY_PEER_URL") ?? file.peerUrl, peerListen, problems);
  const logLevel = flags.logLevel ?? env("EPOXY_LOG_LEVEL") ?? file.logLevel ?? "info";
  if (!isLogLevel(logLevel)) problems.push(`log-level must be one of ${LOG_LEVELS.join(", ")}: ${JSON.stringify(logLevel.slice(0, 40))}`);

  const settings: Settings = {
    name,
    cluster,
    bootstrap: flags.bootstrap ?? parseBoolean("EPOXY_BOOTSTRAP", env("EPOXY_BOOTSTRAP"), problems) ?? file.bootstrap ?? false,
    apiListen,
    apiUrl,
    peerListen,
    peerUrl,
    redisUrl: parseRedisUrl(flags.redis ?? env("EPOXY_REDIS") ?? env("REDIS_URL") ?? file.redis ?? "redis://127.0.0.1:6379", problems),
    temporal: {
      address: parseTemporalAddress(
        flags.temporal ?? env("EPOXY_TEMPORAL") ?? env("TEMPORAL_ADDRESS") ?? file.temporal ?? "127.0.0.1:7233",
        problems,
      ),
      namespace:
        flags.temporalNamespace ?? env("EPOXY_TEMPORAL_NAMESPACE") ?? env("TEMPORAL_NAMESPACE") ?? file.temporalNamespace ?? "default",
      uiUrl: env("EPOXY_TEMPORAL_UI") ?? file.temporalUi ?? null,
    },
    peerSecrets: peerSecrets(env, file, readFile, problems),
    tokens: apiTokens(env, file, problems),
    insecure: flags.insecure ?? parseBoolean("EPOXY_INSECURE", env("EPOXY_INSECURE"), problems) ?? file.insecure ?? false,
    logLevel: isLogLevel(logLevel) ? logLevel : "info",
    wanOneWayMs: parseWan(env("EPOXY_WAN"), problems),
    replicas: desiredReplicas(file, problems),
    configFile,
  };
  checkExposure(settings, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** What the config file says now, for SIGHUP. @throws ConfigError */
export function loadDesiredReplicas(
  path: string,
  readFile: (path: string) => string = (file) => readFileSync(file, "utf8"),
): readonly DesiredReplica[] | null {
  const problems: string[] = [];
  const replicas = desiredReplicas(readConfigFile(path, readFile, problems), problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return replicas;
}

function readConfigFile(path: string, readFile: (path: string) => string, problems: string[]): File {
  let json: unknown;
  try {
    json = JSON.parse(readFile(path));
  } catch (error) {
    // The text itself may hold secrets: say what, not with what.
    const why = error instanceof SyntaxError ? "it is not JSON" : whyUnreadable(error);
    problems.push(`config file ${path}: ${why}`);
    return {};
  }
  const validator = Compile(FileSchema);
  if (validator.Check(json)) return json;
  for (const error of validator.Errors(json).slice(0, 20)) {
    const where = error.instancePath.slice(1).replaceAll("/", ".") || "the whole file";
    const extra = (error.params as { additionalProperties?: readonly string[] }).additionalProperties;
    problems.push(`config file ${path}: ${where} ${error.message}${extra === undefined ? "" : `: ${extra.join(", ")}`}`);
  }
  return {};
}

/** Smallest honest default: what others can reach is protected, or somebody has said in so many words that it is not. */
function checkExposure(settings: Settings, problems: string[]): void {
  if (settings.insecure) return;
  if (!isLoopback(settings.peerListen.host) && settings.peerSecrets.length === 0) {
    problems.push(
      `peer-listen ${settings.peerListen.host} can be reached from other machines: set EPOXY_PEER_SECRET (the same in every datacenter), listen on 127.0.0.1, or say --insecure`,
    );
  }
  if (!isLoopback(settings.apiListen.host) && settings.tokens.length === 0) {
    problems.push(
      `api-listen ${settings.apiListen.host} can be reached from other machines: set EPOXY_ADMIN_TOKEN (and EPOXY_WRITE_TOKEN, EPOXY_READ_TOKEN), listen on 127.0.0.1, or say --insecure`,
    );
  }
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function parseListen(what: string, text: string, problems: string[]): Listen {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
  problems.push(`${what} must be HOST:PORT, like 127.0.0.1:7110 or [::1]:7110: ${JSON.stringify(text.slice(0, 80))}`);
  return { host: "127.0.0.1", port: 0 };
}

function parseHttpUrl(what: string, text: string | undefined, listen: Listen, problems: string[]): string {
  if (text === undefined) {
    if (["0.0.0.0", "::"].includes(listen.host)) problems.push(`${what} must be given: others cannot reach ${listen.host}`);
    return `http://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${listen.port}`;
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "")
    return text.replace(/\/+$/, "");
  problems.push(`${what} must be a URL like http://host:port, without user or query: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

function parseRedisUrl(text: string, problems: string[]): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^(rediss?|unix):$/.test(url.protocol)) problems.push("redis must be a URL like redis://127.0.0.1:6379");
  return text;
}

function parseTemporalAddress(text: string, problems: string[]): string {
  if (!/^(\[[0-9A-Fa-f:]+\]|[^:/\s]+):\d{1,5}$/.test(text))
    problems.push(`temporal must be HOST:PORT, like 127.0.0.1:7233: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

function parseBoolean(what: string, text: string | undefined, problems: string[]): boolean | null {
  if (text === undefined) return null;
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (!/^(0|false|no|off)$/i.test(text)) problems.push(`${what} must be true or false: ${JSON.stringify(text.slice(0, 40))}`);
  return false;
}

function peerSecrets(
  env: (name: string) => string | undefined,
  file: File,
  readFile: (path: string) => string,
  problems: string[],
): Secret[] {
  let texts = [env("EPOXY_PEER_SECRET"), env("EPOXY_PEER_SECRET_PREVIOUS")].filter((text) => text !== undefined);
  const path = env("EPOXY_PEER_SECRET_FILE");
  if (texts.length === 0 && path !== undefined) {
    try {
      texts = readFile(path)
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
    } catch (error) {
      problems.push(`EPOXY_PEER_SECRET_FILE ${path}: ${whyUnreadable(error)}`);
    }
  }
  if (texts.length === 0) texts = [...(file.peerSecrets ?? [])];
  if (texts.length > PEER_SECRETS_MAX)
    problems.push(`there are ${texts.length} peer secrets; at most ${PEER_SECRETS_MAX}, the new one first`);
  if (texts.some((text) => Buffer.byteLength(text) < PEER_SECRET_BYTES_MIN))
    problems.push(`a peer secret must have at least ${PEER_SECRET_BYTES_MIN} bytes (try: openssl rand -hex 32)`);
  return texts.map((text) => new Secret(text));
}

function apiTokens(env: (name: string) => string | undefined, file: File, problems: string[]): ApiToken[] {
  const named = SCOPES.map((scope: Scope) => ({ scope, token: env(`EPOXY_${scope.toUpperCase()}_TOKEN`) }));
  const found = [...named, ...(file.tokens ?? [])].flatMap(({ scope, token }) => (token === undefined ? [] : [{ scope, token }]));
  for (const { scope, token } of found) {
    if (!/^[\x21-\x7e]+$/.test(token) || token.length < TOKEN_CHARACTERS_MIN)
      problems.push(`the ${scope} token must have at least ${TOKEN_CHARACTERS_MIN} printable characters without spaces`);
  }
  return found.map(({ scope, token }) => ({ scope, token: new Secret(token) }));
}

function parseWan(text: string | undefined, problems: string[]): ReadonlyMap<string, number> {
  if (text === undefined) return new Map();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Told below, like any other wrong shape.
  }
  const pairs = typeof json === "object" && json !== null && !Array.isArray(json) ? Object.entries(json) : null;
  if (
    pairs === null ||
    !pairs.every((pair): pair is [string, number] => typeof pair[1] === "number" && pair[1] >= 0 && pair[1] <= 10_000)
  ) {
    problems.push('EPOXY_WAN must be JSON like {"dc-2":35.5}: milliseconds one way, by name or peer URL, at most 10000');
    return new Map();
  }
  return new Map(pairs);
}

function desiredReplicas(file: File, problems: string[]): readonly DesiredReplica[] | null {
  const { replicas = null } = file;
  const names = new Set<string>();
  for (const { name, peerUrl, apiUrl } of replicas ?? []) {
    if (!NAME.test(name)) problems.push(`replicas: ${JSON.stringify(name.slice(0, 80))} is not a name`);
    if (names.has(name)) problems.push(`replicas: ${name} stands there twice`);
    names.add(name);
    for (const url of [peerUrl, apiUrl])
      if (!/^https?:\/\//.test(url) || !URL.canParse(url))
        problems.push(`replicas: ${name} has a URL that is none: ${JSON.stringify(url.slice(0, 80))}`);
  }
  return replicas as readonly DesiredReplica[] | null;
}
