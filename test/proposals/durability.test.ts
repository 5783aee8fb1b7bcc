/** What makes a Redis unfit to vote on; the settings themselves are also tried on a real one (test/cluster/fitness.test.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDurability } from "../../proposals/store/durability.ts";

const fit: Readonly<Record<string, string>> = {
  appendonly: "yes",
  appendfsync: "always",
  "maxmemory-policy": "noeviction",
  "no-appendfsync-on-rewrite": "no",
};

function redis(info: string, settings: Readonly<Record<string, string>>) {
  return async (...command: (string | number | Buffer)[]): Promise<unknown> => {
    if (command[0] === "INFO") return Buffer.from(info);
    const name = String(command[2]);
    return settings[name] === undefined ? [] : [Buffer.from(name), Buffer.from(settings[name])];
  };
}

const rows: readonly {
  readonly name: string;
  readonly info?: string;
  readonly settings?: Record<string, string>;
  readonly says: RegExp | null;
}[] = [
  { name: "all as it must be", says: null },
  { name: "too old", info: "redis_version:6.2.14\r\nrole:master\r\n", says: /Redis 6\.2\.14 is too old: install Redis 7 or newer/ },
  { name: "of unknown age", info: "role:master\r\n", says: /too old/ },
  { name: "a copy of another one", info: "redis_version:7.0.15\r\nrole:slave\r\n", says: /copies another one/ },
  { name: "no append-only file", settings: { appendonly: "no" }, says: /appendonly is 'no'.*CONFIG SET appendonly yes/ },
  { name: "synced each second", settings: { appendfsync: "everysec" }, says: /appendfsync is 'everysec'/ },
  { name: "evicting", settings: { "maxmemory-policy": "allkeys-lru" }, says: /maxmemory-policy is 'allkeys-lru'/ },
];

for (const { name, info = "redis_version:7.0.15\r\nrole:master\r\n", settings = {}, says } of rows) {
  test(`a Redis that is ${name}`, async () => {
    const problems = await checkDurability(redis(info, { ...fit, ...settings }) as Parameters<typeof checkDurability>[0]);
    if (says === null) assert.deepEqual(problems, []);
    else {
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", says);
    }
  });
}
