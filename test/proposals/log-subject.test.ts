/** Lines of the log say what they are about under one set of names, in every process. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { about, instanceOf } from "../../proposals/log-subject.ts";
import { instanceId } from "../../protocol/ids.ts";
import type { Epoch, ReplicaId, Slot } from "../../protocol/types.ts";
import { createLogger } from "../../server/log.ts";

const root = new URL("../../", import.meta.url);
const id = instanceId(2 as ReplicaId, 17 as Slot);
const peer = 3 as ReplicaId;

function logged(self: { readonly self: number | null; readonly epoch: number } | null) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger(
    { level: "debug", fields: { role: "server" }, self: () => self },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  /** What a line says besides when and how loud. */
  const said = () => lines.map(({ time: _, level: __, ...rest }) => rest);
  return { log, said };
}

describe("a line of the log", () => {
  test("has the replica and its epoch, and the instance, epoch and peer that it is about", () => {
    const { log, said } = logged({ self: 1, epoch: 4 });
    log.info({}, "plain");
    about(log, { instance: id, peer }).warn({ why: "slow" }, "about an instance");
    about(log, { epoch: 5 as Epoch, instance: null }).error({}, "about another epoch");
    const own = { role: "server", replica: 1, epoch: 4 };
    assert.deepEqual(said(), [
      { ...own, msg: "plain" },
      { ...own, instance: "2.17", peer: 3, why: "slow", msg: "about an instance" },
      { ...own, epoch: 5, msg: "about another epoch" },
    ]);
  });

  test("has neither before the replica has an identity", () => {
    const { log, said } = logged({ self: null, epoch: 0 });
    log.info({}, "joining");
    assert.deepEqual(said(), [{ role: "server", msg: "joining" }]);
  });

  test("of a request has its instance where there is one", () => {
    assert.deepEqual(instanceOf({ kind: "downloadInstances", ranges: [] }), {});
    assert.equal(instanceOf({ kind: "waiting", id } as Parameters<typeof instanceOf>[0]).instance, id);
  });

  test("has what went wrong, under either name", () => {
    const { log, said } = logged(null);
    log.error({ error: new TypeError("no such thing") }, "one");
    log.error({ err: new TypeError("no such thing") }, "other");
    log.error({ error: "in words" }, "words");
    const [one, other, words] = said() as { error?: { message: string; stack: string }; err?: { message: string } }[];
    assert.equal(one?.error?.message, "no such thing");
    assert.match(one?.error?.stack ?? "", /TypeError/);
    assert.equal(other?.err?.message, "no such thing");
    assert.equal(words?.error, "in words");
  });
});

test("no line names an instance, an epoch or a peer by itself", () => {
  const found = ["proposals", "server", "activities"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true })
      .map((file) => `${folder}/${file}`)
      .filter((file) => file.endsWith(".ts"))
      .filter((file) =>
        /\blog\s*\.(debug|info|warn|error)\(\s*\{[^}]*\b(instance|epoch|peer)\b/.test(readFileSync(new URL(file, root), "utf8")),
      ),
  );
  assert.deepEqual(found, []);
});
