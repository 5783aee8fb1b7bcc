import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDurability } from "../../proposals/store/durability.ts";

const settings = { appendonly: "yes", appendfsync: "always", "no-appendfsync-on-rewrite": "no", "maxmemory-policy": "noeviction" };
const primary = "redis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n";

/** A Redis that answers INFO and CONFIG GET like this; null for a setting that it does not tell. */
function redisWith(info: string, changed: Record<string, string | null> = {}) {
  const all: Record<string, string | null> = { ...settings, ...changed };
  return async (...[command, , name]: (string | number)[]): Promise<unknown> => {
    if (command === "INFO") return Buffer.from(info);
    const value = all[`${name}`];
    if (value === null) throw new Error("NOPERM");
    return value === undefined ? [] : [Buffer.from(`${name}`), Buffer.from(value)];
  };
}

const cases: readonly { readonly name: string; readonly call: ReturnType<typeof redisWith>; readonly says: readonly RegExp[] }[] = [
  { name: "a durable Redis 7 is fit", call: redisWith(primary), says: [] },
  { name: "Valkey is fit", call: redisWith("redis_version:7.2.4\r\nserver_name:valkey\r\nrole:master\r\n"), says: [] },
  {
    name: "Redis 6 is too old",
    call: redisWith(primary.replace("7.0.15", "6.2.14")),
    says: [/^Redis 6\.2\.14 is too old: install Redis 7/],
  },
  { name: "one that names no version is too old", call: redisWith("role:master\r\n"), says: [/^Redis unknown is too old/] },
  { name: "a copy of another one is not fit", call: redisWith(primary.replace("role:master", "role:slave")), says: [/use the primary/] },
  { name: "a Redis cluster is not fit", call: redisWith(primary.replace("enabled:0", "enabled:1")), says: [/cluster-enabled no/] },
  {
    name: "each setting that may lose data is told with its cure",
    call: redisWith(primary, {
      appendonly: "no",
      appendfsync: "everysec",
      "no-appendfsync-on-rewrite": "yes",
      "maxmemory-policy": "allkeys-lru",
    }),
    says: [
      /^appendonly is 'no'.*CONFIG SET appendonly yes/,
      /^appendfsync is 'everysec'.*CONFIG SET appendfsync always/,
      /^no-appendfsync-on-rewrite is 'yes'/,
      /^maxmemory-policy is 'allkeys-lru'.*noeviction/,
    ],
  },
  {
    name: "one that does not tell a setting is not trusted",
    call: redisWith(primary, { appendfsync: null }),
    says: [/does not say what appendfsync is/],
  },
];
for (const { name, call, says } of cases) {
  test(name, async () => {
    const problems = await checkDurability(call);
    assert.equal(problems.length, says.length, problems.join("\n"));
    for (const [i, pattern] of says.entries()) assert.match(problems[i] as string, pattern);
  });
}
