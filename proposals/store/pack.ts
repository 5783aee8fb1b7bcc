import { assert } from "../../protocol/assert.ts";
import type { BatchOutcome, BatchTransaction } from "./backend.ts";

/** A buffer that grows while it is written. */
type Writer = { bytes: Buffer; at: number /** In front of every record name. */; readonly prefix: string };

/** One batch as compare-and-write.lua reads it: one argument, since hundreds of small ones cost both sides more than the rest. */
export function packBatch(transactions: readonly BatchTransaction[], prefix: string): Buffer {
  const writer: Writer = { bytes: Buffer.allocUnsafe(16 * 1024), at: 0, prefix };
  u32(writer, transactions.length);
  for (const transaction of transactions) packTransaction(writer, transaction);
  return writer.bytes.subarray(0, writer.at);
}

function packTransaction(writer: Writer, { checks, claims, puts, drops, open, state, appends, digestDelta }: BatchTransaction): void {
  const start = writer.at;
  u32(writer, 0);
  for (const list of [checks, puts, drops, open.adds, open.drops, open.upTo, state.adds, state.drops, appends]) u16(writer, list.length);
  for (const shift of [96n, 64n, 32n, 0n]) u32(writer, digestDelta === 0n ? 0 : Number((digestDelta >> shift) & 0xffff_ffffn));
  u8(writer, claims ? 1 : 0);
  const body = writer.at;
  for (const { name, tag } of checks) {
    recordName(writer, name);
    u8(writer, tag?.length ?? 0);
    if (tag !== null) characters(writer, tag);
  }
  for (const { name, bytes } of puts) {
    recordName(writer, name);
    blob(writer, bytes);
  }
  for (const name of drops) recordName(writer, name);
  for (const member of open.adds) text(writer, member);
  for (const member of open.drops) text(writer, member);
  for (const { from, to } of open.upTo) {
    text(writer, from);
    text(writer, to);
  }
  for (const member of state.adds) text(writer, member);
  for (const member of state.drops) text(writer, member);
  for (const entry of appends) blob(writer, entry);
  writer.bytes.writeUInt32BE(writer.at - body, start);
}

/** The script's answer: `COUNTER|FAILED;FAILED;..`. */
export function parseOutcome(reply: string): BatchOutcome {
  const bar = reply.indexOf("|");
  const counter = Number(reply.slice(0, bar));
  assert(bar > 0 && Number.isSafeInteger(counter), `not an answer of the script: ${reply.slice(0, 100)}`);
  const failed = reply.slice(bar + 1).split(";");
  return { counter, failed: failed.map((positions) => (positions === "" ? [] : positions.split(",").map(Number))) };
}

function room(writer: Writer, size: number): void {
  if (writer.at + size <= writer.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(writer.bytes.length * 2, writer.at + size));
  writer.bytes.copy(larger, 0, 0, writer.at);
  writer.bytes = larger;
}

function u8(writer: Writer, value: number): void {
  room(writer, 1);
  writer.at = writer.bytes.writeUInt8(value, writer.at);
}

function u16(writer: Writer, value: number): void {
  assert(value < 2 ** 16, "more than 65,535 of one thing in a transaction");
  room(writer, 2);
  writer.at = writer.bytes.writeUInt16BE(value, writer.at);
}

function u32(writer: Writer, value: number): void {
  room(writer, 4);
  writer.at = writer.bytes.writeUInt32BE(value, writer.at);
}

function recordName(writer: Writer, name: string): void {
  u16(writer, writer.prefix.length + name.length);
  characters(writer, writer.prefix);
  characters(writer, name);
}

function text(writer: Writer, value: string): void {
  u16(writer, value.length);
  characters(writer, value);
}

function characters(writer: Writer, value: string): void {
  if (value.length === 0) return;
  room(writer, value.length);
  writer.at += writer.bytes.write(value, writer.at, value.length, "latin1");
}

function blob(writer: Writer, value: Uint8Array): void {
  u32(writer, value.length);
  room(writer, value.length);
  writer.bytes.set(value, writer.at);
  writer.at += value.length;
}
