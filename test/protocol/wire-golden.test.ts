/** The bytes of every message and record, as published. UPDATE_VECTORS=1 writes the file anew: for a new kind only. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { PeerReply, PeerRequest } from "../../protocol/messages.ts";
import type { RecordKind } from "../../protocol/types.ts";
import { decodeChange, decodeRecord, encodeChange, encodeRecord } from "../../protocol/wire/records.ts";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "../../protocol/wire/versioned.ts";
import {
  changeExample,
  newcomerHeader,
  recordExamples,
  replyExamples,
  replyHeader,
  requestExamples,
  requestHeader,
} from "../support/wire-examples.ts";

const file = new URL("../vectors/wire-v1.json", import.meta.url);
const { UPDATE_VECTORS } = process.env as { UPDATE_VECTORS?: string };

type Example = {
  readonly name: string;
  readonly value: unknown;
  readonly encode: () => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
};

const requestOf = (name: string, header: typeof requestHeader, requests: readonly PeerRequest[]): Example => ({
  name: `request ${name}`,
  value: { header, requests },
  encode: () => encodeRequest(1, { header, requests }),
  decode: (bytes) => decodeRequest(1, bytes),
});
const replyOf = (name: string, replies: readonly PeerReply[]): Example => ({
  name: `reply ${name}`,
  value: { header: replyHeader, replies },
  encode: () => encodeReply(1, { header: replyHeader, replies }),
  decode: (bytes) => decodeReply(1, bytes),
});
const recordsOf = <K extends RecordKind>(kind: K): Example[] =>
  recordExamples[kind].map((value, i) => ({
    name: `record ${kind} ${i}`,
    value,
    encode: () => encodeRecord(kind, value),
    decode: (bytes) => decodeRecord(kind, bytes),
  }));

const requests: PeerRequest[] = Object.values(requestExamples);
const replies: PeerReply[] = Object.values(replyExamples);
const examples: Example[] = [
  requestOf("of a newcomer, empty", newcomerHeader, []),
  ...requests.map((request) => requestOf(request.kind, requestHeader, [request])),
  ...replies.map((reply) => replyOf(reply.kind, [reply])),
  replyOf("of every kind", replies),
  ...(Object.keys(recordExamples) as RecordKind[]).flatMap((kind) => recordsOf(kind)),
  { name: "change", value: changeExample, encode: () => encodeChange(changeExample), decode: decodeChange },
];

if (UPDATE_VECTORS !== undefined) {
  const made = Object.fromEntries(examples.map(({ name, encode }) => [name, Buffer.from(encode()).toString("hex")]));
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`);
}

describe("golden bytes", () => {
  const vectors = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  for (const { name, value, encode, decode } of examples) {
    test(name, () => {
      assert.equal(Buffer.from(encode()).toString("hex"), vectors[name]);
      assert.deepEqual(decode(Buffer.from(vectors[name] ?? "", "hex")), value);
    });
  }

  test("every vector has its example", () => {
    assert.deepEqual(Object.keys(vectors).sort(), examples.map(({ name }) => name).sort());
  });
});
