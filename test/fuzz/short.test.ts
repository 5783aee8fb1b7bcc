/** A few thousand forged and bent messages to the peer port over a real replica; `npm run fuzz` sends as many as one likes to processes. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Contradiction } from "../../protocol/assert.ts";
import type { RequestHeader } from "../../protocol/messages.ts";
import type { ReplicaId } from "../../protocol/types.ts";
import { decodeReply } from "../../protocol/wire/versioned.ts";
import { systemClock, systemRandom } from "../../server/clock.ts";
import { buildPeerApp } from "../../server/peer-app.ts";
import { Secret } from "../../server/security.ts";
import { noMeter, silentLog } from "../server/fake-replica.ts";
import { createMemoryCluster, type MemoryCluster } from "../support/memory-cluster.ts";
import { randomOf } from "../support/mutations.ts";
import { forged, forgeries, type Message, path, signed, wholeMessages } from "./messages.ts";

const seed = Number((process.env as { SEED?: string }).SEED ?? Math.floor(Math.random() * 2 ** 31));
const secret = new Secret("the secret of the cluster that is fuzzed");
const each = 250;
const bent = 1_000;

describe(`forged and bent messages: SEED=${seed}`, () => {
  const random = randomOf(seed);
  let cluster: MemoryCluster;
  let whole: Uint8Array[];
  let header: RequestHeader;
  let app: ReturnType<typeof buildPeerApp>;
  let handled = 0;
  const receiver = () => cluster.process(1);
  before(async () => {
    cluster = await createMemoryCluster({ sites: 3 });
    await cluster.form(3);
    header = cluster.replica(2).header(1 as ReplicaId);
    whole = wholeMessages(header, seed);
    app = buildPeerApp({
      replica: {
        handle(envelope) {
          handled++;
          return receiver().replica.handle(envelope);
        },
      },
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      meter: noMeter,
      secrets: [secret],
      wan: null,
      requestTimeoutMs: 5_000,
    });
    await app.ready();
  });
  after(async () => {
    await app.close();
    await cluster.stop();
  });

  const any = () => whole[random(whole.length)] as Uint8Array;
  const send = ({ headers, body }: Message) =>
    app.inject({ method: "POST", url: path, headers: { ...headers, "content-length": `${body.length}` }, payload: Buffer.from(body) });

  for (const how of forgeries) {
    test(`${each} messages, ${how}: refused`, async () => {
      for (let i = 0; i < each; i++) {
        const { statusCode, body } = await send(forged(how, header, secret, any(), random));
        assert.ok([400, 401, 403, 413].includes(statusCode), `SEED=${seed}: ${statusCode} ${body}`);
      }
      assert.equal(handled, 0);
    });
  }

  test(`${bent} rightly signed bent messages: a typed error, or a reply, and no rule of ours broken`, async () => {
    for (let i = 0; i < bent; i++) {
      const message = signed(header, secret, any(), random);
      const answer = await Promise.race([send(message), sleep(20_000, null, { ref: false })]);
      const hex = Buffer.from(message.body).toString("hex");
      assert.ok(answer !== null, `SEED=${seed}: no answer to ${hex}`);
      assert.ok([200, 400, 403, 413, 503].includes(answer.statusCode), `SEED=${seed}: ${answer.statusCode} ${answer.body} to ${hex}`);
      if (answer.statusCode === 200) decodeReply(1, answer.rawPayload);
      else assert.match(answer.body, /"code":"\w+"/);
      const broken = receiver().fatal.filter((error) => !(error instanceof Contradiction));
      assert.deepEqual(broken, [], `SEED=${seed}: ${hex}`);
    }
  });
});
