/** The peer port of a build that has two wire versions: each question is answered in its own. */
import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";
import type { ReplyEnvelope, RequestEnvelope } from "../../protocol/messages.ts";
import type { Epoch, Key, ReplicaId } from "../../protocol/types.ts";
import { noMeter, silentLog } from "./fake-replica.ts";

// From here on protocol/wire/versioned.ts is that of a newer build, so what uses it is loaded after this.
register("../support/builds/wire-v2-loader.mjs", import.meta.url);
const { decodeReply, encodeRequest, LATEST_VERSION } = await import("../../protocol/wire/versioned.ts");
const { buildPeerApp } = await import("../../server/peer-app.ts");
const { systemClock, systemRandom } = await import("../../server/clock.ts");

const incarnation = "00000000000000000000000000000002";
const question: RequestEnvelope = {
  header: { clusterId: incarnation, from: 1 as ReplicaId, to: 2 as ReplicaId, incarnation, epoch: 1 as Epoch, counter: 5 },
  requests: [{ kind: "kvGet", key: "k" as Key }],
};
const answer: ReplyEnvelope = {
  header: { from: 2 as ReplicaId, incarnation, epoch: 1 as Epoch, status: "active", counter: 9 },
  replies: [{ kind: "kvValue", value: null, version: 7 }],
};

test("the newer build is in place", () => assert.equal(LATEST_VERSION, 2));

for (const version of [1, 2]) {
  test(`version ${version} is answered in version ${version}`, async (t) => {
    const app = buildPeerApp({
      replica: { handle: async () => answer },
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      meter: noMeter,
      secrets: [],
      wan: null,
      requestTimeoutMs: 30_000,
    });
    t.after(() => app.close());
    const response = await app.inject({
      method: "POST",
      url: `/v${version}/epoxy/message`,
      headers: { "content-type": "application/octet-stream" },
      payload: Buffer.from(encodeRequest(version, question)),
    });
    assert.equal(response.statusCode, 200);
    assert.deepEqual(decodeReply(version, response.rawPayload).replies, answer.replies);
    // Whoever asks in an older one is told that there is more.
    assert.equal(response.headers["epoxy-versions"], version < 2 ? "1,2" : undefined);
  });
}
