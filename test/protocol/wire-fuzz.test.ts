/** Bytes that nobody meant to send: each decodes to something that encodes again, or is a MalformedError. SEED=n replays. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { RecordKind } from "../../protocol/types.ts";
import { decodeChange, decodeRecord, encodeChange, encodeRecord } from "../../protocol/wire/records.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "../../protocol/wire/versioned.ts";
import { anyReplyEnvelope, anyRequestEnvelope } from "../support/arbitraries.ts";
import { mutate, randomOf } from "../support/mutations.ts";
import {
  changeExample,
  newcomerHeader,
  recordExamples,
  replyExamples,
  replyHeader,
  requestExamples,
  requestHeader,
} from "../support/wire-examples.ts";

const env = process.env as { SEED?: string; MUTATIONS?: string };
const seed = Number(env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const mutations = Number(env.MUTATIONS ?? 100_000);

/** `again` decodes and encodes: the same bytes come out, where the format has one way to say a thing. */
type Target = { readonly bytes: Uint8Array; readonly again: (bytes: Uint8Array) => Uint8Array; readonly canonical: boolean };

const requestAgain = (bytes: Uint8Array) => encodeRequest(1, decodeRequest(1, bytes));
const replyAgain = (bytes: Uint8Array) => encodeReply(1, decodeReply(1, bytes));

function recordTargets<K extends RecordKind>(kind: K): Target[] {
  const again = (bytes: Uint8Array) => encodeRecord(kind, decodeRecord(kind, bytes));
  // A payload or dependencies equal to the owner's may have been written twice.
  return recordExamples[kind].map((record) => ({ bytes: encodeRecord(kind, record), again, canonical: kind !== "instance" }));
}

const targets: Target[] = [
  ...Object.values(requestExamples).map((request) => encodeRequest(1, { header: requestHeader, requests: [request] })),
  encodeRequest(1, { header: newcomerHeader, requests: Object.values(requestExamples) }),
  ...fc.sample(anyRequestEnvelope, { seed, numRuns: 200 }).map((envelope) => encodeRequest(1, envelope)),
].map((bytes) => ({ bytes, again: requestAgain, canonical: true }));
targets.push(
  ...[
    ...Object.values(replyExamples).map((reply) => encodeReply(1, { header: replyHeader, replies: [reply] })),
    ...fc.sample(anyReplyEnvelope, { seed, numRuns: 200 }).map((envelope) => encodeReply(1, envelope)),
  ].map((bytes) => ({ bytes, again: replyAgain, canonical: true })),
  ...(Object.keys(recordExamples) as RecordKind[]).flatMap((kind) => recordTargets(kind)),
  { bytes: encodeChange(changeExample), again: (bytes) => encodeChange(decodeChange(bytes)), canonical: true },
);

test(`${mutations} mutated messages and records: SEED=${seed}`, () => {
  const random = randomOf(seed);
  const startedMs = performance.now();
  let decoded = 0;
  for (let i = 0; i < mutations; i++) {
    const target = targets[random(targets.length)] as Target;
    const bytes = mutate(target.bytes, random);
    let again: Uint8Array;
    try {
      again = target.again(bytes);
    } catch (error) {
      if (error instanceof MalformedError) continue;
      throw new Error(`SEED=${seed}: ${Buffer.from(bytes).toString("hex")}`, { cause: error });
    }
    decoded++;
    if (target.canonical) assert.equal(Buffer.compare(again, bytes), 0, `SEED=${seed}: ${Buffer.from(bytes).toString("hex")}`);
  }
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 15_000, `took ${tookMs} ms`);
  assert.ok(
    decoded > mutations / 100 && decoded < mutations,
    `${decoded} of ${mutations} decoded: the mutations are too strong or too weak`,
  );
});

/** The largest body there is: a head, then one element over and over. */
function bombOf(head: string, element: string): Uint8Array {
  const start = Buffer.from(head, "hex");
  return Buffer.concat([start, Buffer.alloc(limits.peerMessageBytesMax - start.length, Buffer.from(element, "hex"))]);
}

function uint(value: number): string {
  let text = "";
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) text += (0x80 | (rest % 0x80)).toString(16).padStart(2, "0");
  return text + rest.toString(16).padStart(2, "0");
}

describe("bombs take little time and memory", () => {
  const header = "000000000000";
  /** Up to the payload's entries. */
  const preAccept = `${header}010001010100`;
  const bombs: { readonly name: string; readonly bytes: Uint8Array }[] = [
    { name: "requests without number", bytes: bombOf(header + uint(2 ** 40), "0a") },
    { name: "every request there may be", bytes: bombOf(header + uint(limits.peerRequestsMax), "0a") },
    { name: "entries without number", bytes: bombOf(preAccept + uint(2 ** 32), "0000") },
    { name: "more entries than elements", bytes: bombOf(preAccept + uint(limits.messageElementsMax), "0000") },
    { name: "as many entries as elements", bytes: bombOf(preAccept + uint(limits.messageElementsMax - 1), "0000") },
    { name: "entries of most commands", bytes: bombOf(preAccept + uint(2043), `${uint(512)}${"0400".repeat(512)}00`) },
    { name: "a value of 2^31 bytes", bytes: bombOf(`${preAccept}0101000001${uint(2 ** 31)}`, "00") },
    { name: "a key of 8 MiB", bytes: bombOf(`${header}0109${uint(8_000_000)}`, "61") },
    { name: "most of the explicit dependencies", bytes: bombOf(`${header}01020101010000${uint(4_000_000)}`, "0101") },
    { name: "footprints", bytes: bombOf(`${header}010601${uint(1_000_000)}`, "016b") },
    { name: "a download of every range", bytes: bombOf(`${header}0108${uint(1_000_000)}`, "010101") },
    { name: "varints that do not end", bytes: bombOf(header, "ff") },
  ];
  for (const { name, bytes } of bombs) {
    test(name, () => {
      const before = process.memoryUsage().rss;
      const startedMs = performance.now();
      assert.throws(() => decodeRequest(1, bytes), MalformedError);
      assert.throws(() => decodeReply(1, bytes), MalformedError);
      assert.ok(performance.now() - startedMs < 2_000);
      assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
    });
  }
});
