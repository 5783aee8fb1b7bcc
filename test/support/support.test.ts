import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { freePorts } from "./ports.ts";
import { startRedis } from "./redis.ts";

test("free ports differ", async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
});

test("Redis keeps what it acknowledged over a kill, and leaves nothing behind", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  assert.equal(await ask(redis.port, "SET a 1"), "+OK");
  const before = redis.pid();
  await redis.kill();
  await assert.rejects(ask(redis.port, "GET a"));
  await redis.restart();
  assert.notEqual(redis.pid(), before);
  assert.equal(await ask(redis.port, "GET a"), "$1");
  await redis.stop();
  assert.equal(existsSync(redis.folder), false);
});

/** The first line of the answer. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(`${command}\r\n`));
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().split("\r\n")[0] as string);
    });
  });
}
