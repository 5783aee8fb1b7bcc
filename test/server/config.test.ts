/** Settings: who wins, what is refused and in which words, and that nothing is reachable unprotected by accident. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { ConfigError, type Environment, type Flags, loadDesiredReplicas, loadSettings } from "../../server/config.ts";
import { createLogger, printableUrl } from "../../server/log.ts";

const load = (flags: Flags = {}, environment: Environment = {}, files: Record<string, string> = {}) =>
  loadSettings({
    flags,
    environment,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("no such file"), { errno: -constants.errno.ENOENT });
      return text;
    },
  });

test("without anything said: one datacenter on the loopback", () => {
  const settings = load();
  assert.deepEqual(
    {
      name: settings.name,
      cluster: settings.cluster,
      bootstrap: settings.bootstrap,
      apiUrl: settings.apiUrl,
      peerUrl: settings.peerUrl,
      redisUrl: settings.redisUrl,
      temporal: settings.temporal,
      replicas: settings.replicas,
    },
    {
      name: "dc-1",
      cluster: "default",
      bootstrap: false,
      apiUrl: "http://127.0.0.1:7110",
      peerUrl: "http://127.0.0.1:7111",
      redisUrl: "redis://127.0.0.1:6379",
      temporal: { address: "127.0.0.1:7233", namespace: "default", uiUrl: null },
      replicas: null,
    },
  );
});

test("flags win over the environment, the environment over the file", () => {
  const files = {
    "c.json": JSON.stringify({ name: "file", cluster: "file", redis: "redis://file:1", temporalNamespace: "file", bootstrap: true }),
  };
  const environment = {
    EPOXY_NAME: "env",
    EPOXY_CLUSTER: "env",
    REDIS_URL: "redis://env:1",
    TEMPORAL_ADDRESS: "env:1",
    EPOXY_BOOTSTRAP: "false",
    EPOXY_API_URL: "",
  };
  const settings = load({ name: "flag", config: "c.json" }, environment, files);
  assert.deepEqual(
    [settings.name, settings.cluster, settings.redisUrl, settings.temporal.address, settings.temporal.namespace, settings.bootstrap],
    ["flag", "env", "redis://env:1", "env:1", "file", false],
  );
  assert.equal(load({}, { EPOXY_REDIS: "redis://a:1", REDIS_URL: "redis://b:1" }).redisUrl, "redis://a:1");
});

test("distances, secrets, tokens and the desired set", () => {
  const replicas = [{ name: "dc-1", peerUrl: "http://a:1", apiUrl: "http://a:2" }];
  const environment = {
    EPOXY_WAN: '{"dc-2":35.5}',
    EPOXY_PEER_SECRET: "a".repeat(32),
    EPOXY_PEER_SECRET_PREVIOUS: "b".repeat(32),
    EPOXY_ADMIN_TOKEN: "t".repeat(16),
    EPOXY_CONFIG: "c.json",
  };
  const settings = load({}, environment, { "c.json": JSON.stringify({ replicas }) });
  assert.deepEqual([...settings.wanOneWayMs], [["dc-2", 35.5]]);
  assert.deepEqual(
    settings.peerSecrets.map((secret) => secret.reveal()),
    ["a".repeat(32), "b".repeat(32)],
  );
  assert.deepEqual(
    settings.tokens.map(({ scope }) => scope),
    ["admin"],
  );
  assert.deepEqual(settings.replicas, replicas);
  assert.deepEqual(
    loadDesiredReplicas("c.json", () => JSON.stringify({ replicas })),
    replicas,
  );
  assert.doesNotMatch(`${JSON.stringify(settings)} ${inspect(settings, { depth: 9 })}`, /aaaa|bbbb|tttt/);
});

describe("refused, in words", () => {
  const rows: { name: string; flags?: Flags; environment?: Environment; file?: string; says: RegExp }[] = [
    { name: "a name", flags: { name: "a b" }, says: /name must be 1 to 63 letters/ },
    { name: "a cluster with a slash", flags: { cluster: "a/b" }, says: /cluster must be/ },
    { name: "a listen address without port", flags: { apiListen: "127.0.0.1" }, says: /api-listen must be HOST:PORT/ },
    { name: "a port too high", flags: { peerListen: "127.0.0.1:70000" }, says: /peer-listen must be HOST:PORT/ },
    { name: "a URL", flags: { peerUrl: "127.0.0.1:1" }, says: /peer-url must be a URL/ },
    { name: "Redis", environment: { REDIS_URL: "127.0.0.1:6379" }, says: /redis must be a URL/ },
    { name: "Temporal", flags: { temporal: "http://x" }, says: /temporal must be HOST:PORT/ },
    { name: "a boolean", environment: { EPOXY_BOOTSTRAP: "maybe" }, says: /EPOXY_BOOTSTRAP must be true or false/ },
    { name: "a log level", flags: { logLevel: "loud" }, says: /log-level must be one of trace/ },
    { name: "distances", environment: { EPOXY_WAN: '{"a":"b"}' }, says: /EPOXY_WAN must be JSON like/ },
    { name: "distances that are no JSON", environment: { EPOXY_WAN: "{" }, says: /EPOXY_WAN must be JSON like/ },
    { name: "a short peer secret", environment: { EPOXY_PEER_SECRET: "short" }, says: /at least 32 bytes/ },
    { name: "a short token", environment: { EPOXY_READ_TOKEN: "short" }, says: /the read token must have at least 16/ },
    {
      name: "everyone's peer port without secret",
      flags: { peerListen: "10.0.0.1:1" },
      says: /peer-listen 10\.0\.0\.1 can be reached.*EPOXY_PEER_SECRET/,
    },
    {
      name: "everyone's API without token",
      flags: { apiListen: "10.0.0.1:1" },
      says: /api-listen 10\.0\.0\.1 can be reached.*EPOXY_ADMIN_TOKEN/,
    },
    { name: "a wildcard without URL", flags: { apiListen: "0.0.0.0:1", insecure: true }, says: /api-url must be given/ },
    { name: "no such file", flags: { config: "none.json" }, says: /config file none\.json: no such file/ },
    { name: "a file that is no JSON", file: "{ secret", says: /config file c\.json: it is not JSON/ },
    { name: "a field of the file", file: '{"naem":"x"}', says: /config file c\.json: .*naem/ },
    {
      name: "a type in the file",
      file: '{"replicas":[{"name":7,"peerUrl":"http://a","apiUrl":"http://a"}]}',
      says: /replicas\.0\.name must be string/,
    },
    {
      name: "a name twice in the file",
      file: '{"replicas":[{"name":"a","peerUrl":"http://a","apiUrl":"http://a"},{"name":"a","peerUrl":"http://b","apiUrl":"x"}]}',
      says: /a stands there twice[\s\S]*a has a URL that is none/,
    },
  ];
  for (const { name, flags = {}, environment = {}, file, says } of rows) {
    test(name, () => {
      const withFile = file === undefined ? flags : { ...flags, config: "c.json" };
      assert.throws(
        () => load(withFile, environment, file === undefined ? {} : { "c.json": file }),
        (error: Error) => error instanceof ConfigError && says.test(error.message),
      );
    });
  }

  test("all at once", () => {
    assert.throws(
      () => load({ name: "", apiListen: "x", redis: "y" }),
      (error: Error) => error instanceof ConfigError && error.problems.length === 3,
    );
  });
});

test("other addresses are fine with secret and tokens, or when somebody says so", () => {
  const reachable = { apiListen: "10.0.0.1:1", peerListen: "[fd00::1]:2" };
  assert.equal(load(reachable, { EPOXY_PEER_SECRET: "a".repeat(32), EPOXY_ADMIN_TOKEN: "t".repeat(16) }).peerUrl, "http://[fd00::1]:2");
  assert.equal(load({ ...reachable, insecure: true }).insecure, true);
});

test("no secret in a log", () => {
  const lines: string[] = [];
  const log = createLogger({ level: "info", fields: { name: "dc-1" } }, { write: (line: string) => void lines.push(line) });
  log.info({ req: { headers: { authorization: "canary" } }, peer: { secret: "canary", token: "canary", value: "canary" } }, "x");
  assert.doesNotMatch(lines.join(), /canary/);
  assert.match(lines.join(), /"name":"dc-1"/);
  assert.equal(printableUrl("redis://user:canary@host:1/0"), "redis://host:1/0");
});
