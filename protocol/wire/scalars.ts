/** The types of the schemas that are read and written by hand, each with its range. Readers throw MalformedError only. */
import { assert } from "../assert.ts";
import { REPLICA_ID_MAX, SLOT_MAX } from "../ids.ts";
import { limits } from "../limits.ts";
import type { Ballot, Bytes, Deps, Epoch, Footprint, Frontier, InstanceId, Key, ReplicaId, Slot } from "../types.ts";
import * as bare from "./bare.ts";

export type { Ballot, Bytes, Deps, Epoch, Footprint, Frontier, InstanceId, Key, ReplicaId, Slot } from "../types.ts";
export type MaybeReplicaId = ReplicaId | 0;
export type MaybeEpoch = Epoch | 0;
export type InstanceIds = readonly InstanceId[];
export type Voters = readonly ReplicaId[];
export type Text = string;
export type IdempotencyKey = string;
export type Hex16 = string;
export type MaybeHex16 = string;
export type Hex32 = string;
export type MaybeHex32 = string;

const COLUMN = SLOT_MAX + 1;
const FOOTPRINT_BYTES_MAX = 1 + Math.max(limits.keyBytesMax, limits.idempotencyKeyBytesMax);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function readMaybeReplicaId(bc: bare.ByteCursor): MaybeReplicaId {
  const id = bare.readUintSafe(bc);
  if (id > REPLICA_ID_MAX) bare.malformed(bc, "replica id out of range");
  return id as ReplicaId;
}

export function writeMaybeReplicaId(bc: bare.ByteCursor, id: MaybeReplicaId): void {
  assert(id <= REPLICA_ID_MAX, "encode: replica id out of range");
  bare.writeUintSafe(bc, id);
}

export function readReplicaId(bc: bare.ByteCursor): ReplicaId {
  return readMaybeReplicaId(bc) || bare.malformed(bc, "replica id 0");
}

export function writeReplicaId(bc: bare.ByteCursor, id: ReplicaId): void {
  assert(id >= 1, "encode: replica id 0");
  writeMaybeReplicaId(bc, id);
}

export function readMaybeEpoch(bc: bare.ByteCursor): MaybeEpoch {
  return bare.readUintSafe(bc) as Epoch;
}

export function writeMaybeEpoch(bc: bare.ByteCursor, epoch: MaybeEpoch): void {
  bare.writeUintSafe(bc, epoch);
}

export function readEpoch(bc: bare.ByteCursor): Epoch {
  return readMaybeEpoch(bc) || bare.malformed(bc, "epoch 0");
}

export function writeEpoch(bc: bare.ByteCursor, epoch: Epoch): void {
  assert(epoch >= 1, "encode: epoch 0");
  bare.writeUintSafe(bc, epoch);
}

export function readSlot(bc: bare.ByteCursor): Slot {
  const slot = bare.readUintSafe(bc);
  if (slot < 1 || slot > SLOT_MAX) bare.malformed(bc, "slot out of range");
  return slot as Slot;
}

export function writeSlot(bc: bare.ByteCursor, slot: Slot): void {
  assert(slot >= 1 && slot <= SLOT_MAX, "encode: slot out of range");
  bare.writeUintSafe(bc, slot);
}

export function readInstanceId(bc: bare.ByteCursor): InstanceId {
  const replica = readReplicaId(bc);
  return (replica * COLUMN + readSlot(bc)) as InstanceId;
}

export function writeInstanceId(bc: bare.ByteCursor, id: InstanceId): void {
  const replica = Math.floor(id / COLUMN);
  writeReplicaId(bc, replica as ReplicaId);
  writeSlot(bc, (id - replica * COLUMN) as Slot);
}

/** Numbers take little memory: these lists are bounded by their own limit and the bytes, not by the elements of a message. */
function readIdsLength(bc: bare.ByteCursor): number {
  const length = bare.readUintSafe(bc);
  if (length > limits.depsExplicitMax || 2 * length > bc.bytes.length - bc.offset) bare.malformed(bc, "too long a list");
  return length;
}

export function readInstanceIds(bc: bare.ByteCursor): InstanceIds {
  const length = readIdsLength(bc);
  const ids: InstanceId[] = [];
  for (let i = 0; i < length; i++) ids.push(readInstanceId(bc));
  return ids;
}

export function writeInstanceIds(bc: bare.ByteCursor, ids: InstanceIds): void {
  bare.writeLength(bc, ids.length, limits.depsExplicitMax);
  for (const id of ids) writeInstanceId(bc, id);
}

export function readFrontier(bc: bare.ByteCursor): Frontier {
  const length = bare.readLength(bc, limits.frontierMax);
  const columns: [ReplicaId, Slot][] = [];
  let before = 0;
  for (let i = 0; i < length; i++) {
    const replica = readReplicaId(bc);
    if (replica <= before) bare.malformed(bc, "columns do not ascend");
    before = replica;
    columns.push([replica, readSlot(bc)]);
  }
  return columns;
}

export function writeFrontier(bc: bare.ByteCursor, frontier: Frontier): void {
  bare.writeLength(bc, frontier.length, limits.frontierMax);
  let before = 0;
  for (const [replica, slot] of frontier) {
    assert(replica > before, "encode: columns do not ascend");
    before = replica;
    writeReplicaId(bc, replica);
    writeSlot(bc, slot);
  }
}

export function readDeps(bc: bare.ByteCursor): Deps {
  const floor = readFrontier(bc);
  const explicit = readInstanceIds(bc);
  if (!isNormal(floor, explicit)) bare.malformed(bc, "dependencies are not in normal form");
  return { floor, explicit };
}

export function writeDeps(bc: bare.ByteCursor, deps: Deps): void {
  assert(isNormal(deps.floor, deps.explicit), "encode: dependencies are not in normal form");
  writeFrontier(bc, deps.floor);
  writeInstanceIds(bc, deps.explicit);
}

/** Ids ascend, and so do columns: one walk over both. */
function isNormal(floor: Frontier, explicit: InstanceIds): boolean {
  let before = 0;
  let column = 0;
  for (const id of explicit) {
    if (id <= before) return false;
    before = id;
    while (column < floor.length && (floor[column]?.[0] ?? 0) * COLUMN + SLOT_MAX < id) column++;
    const [replica, slot] = floor[column] ?? [0, 0];
    const start = replica * COLUMN;
    if (column < floor.length && id >= start && id <= start + slot) return false;
  }
  return true;
}

export function readBallot(bc: bare.ByteCursor): Ballot {
  const epoch = readMaybeEpoch(bc) as Epoch;
  const counter = bare.readUintSafe(bc);
  const replica = readMaybeReplicaId(bc) as ReplicaId;
  if (counter > 0 && (replica as number) === 0) bare.malformed(bc, "a ballot of nobody");
  return { epoch, counter, replica };
}

export function writeBallot(bc: bare.ByteCursor, ballot: Ballot): void {
  assert(ballot.counter === 0 || ballot.replica >= 1, "encode: a ballot of nobody");
  bare.writeUintSafe(bc, ballot.epoch);
  bare.writeUintSafe(bc, ballot.counter);
  writeMaybeReplicaId(bc, ballot.replica);
}

export function readBytes(bc: bare.ByteCursor): Bytes {
  return bare.readBytes(bc, limits.valueBytesMax);
}

export function writeBytes(bc: bare.ByteCursor, value: Bytes): void {
  bare.writeBytes(bc, value, limits.valueBytesMax);
}

export function readKey(bc: bare.ByteCursor): Key {
  return bare.readBinary(bc, limits.keyBytesMax) as Key;
}

export function writeKey(bc: bare.ByteCursor, key: Key): void {
  bare.writeBinary(bc, key, limits.keyBytesMax);
}

export function readFootprint(bc: bare.ByteCursor): Footprint {
  const footprint = bare.readBinary(bc, FOOTPRINT_BYTES_MAX);
  if (!isFootprint(footprint)) bare.malformed(bc, "not a footprint");
  return footprint as Footprint;
}

export function writeFootprint(bc: bare.ByteCursor, footprint: Footprint): void {
  assert(isFootprint(footprint), "encode: not a footprint");
  bare.writeBinary(bc, footprint, FOOTPRINT_BYTES_MAX);
}

function isFootprint(name: string): boolean {
  const kind = name[0];
  return kind === "k" || kind === "i" || kind === "b";
}

export function readText(bc: bare.ByteCursor): string {
  return bare.readText(bc, limits.textBytesMax);
}

export function writeText(bc: bare.ByteCursor, text: string): void {
  bare.writeText(bc, text, limits.textBytesMax);
}

export function readIdempotencyKey(bc: bare.ByteCursor): string {
  return bare.readBinary(bc, limits.idempotencyKeyBytesMax);
}

export function writeIdempotencyKey(bc: bare.ByteCursor, key: string): void {
  bare.writeBinary(bc, key, limits.idempotencyKeyBytesMax);
}

export function readHex16(bc: bare.ByteCursor): string {
  return readHex(bc, 16);
}

export function writeHex16(bc: bare.ByteCursor, hex: string): void {
  writeHex(bc, hex, 16);
}

export function readMaybeHex16(bc: bare.ByteCursor): string {
  return bare.readBool(bc) ? readHex(bc, 16) : "";
}

export function writeMaybeHex16(bc: bare.ByteCursor, hex: string): void {
  bare.writeBool(bc, hex !== "");
  if (hex !== "") writeHex(bc, hex, 16);
}

export function readHex32(bc: bare.ByteCursor): string {
  return readHex(bc, 32);
}

export function writeHex32(bc: bare.ByteCursor, hex: string): void {
  writeHex(bc, hex, 32);
}

export function readMaybeHex32(bc: bare.ByteCursor): string {
  return bare.readBool(bc) ? readHex(bc, 32) : "";
}

export function writeMaybeHex32(bc: bare.ByteCursor, hex: string): void {
  bare.writeBool(bc, hex !== "");
  if (hex !== "") writeHex(bc, hex, 32);
}

function readHex(bc: bare.ByteCursor, length: number): string {
  let hex = "";
  for (const byte of bare.readFixedView(bc, length)) hex += HEX[byte];
  return hex;
}

function writeHex(bc: bare.ByteCursor, hex: string, length: number): void {
  assert(hex.length === 2 * length, "encode: hex digits of another length");
  bare.reserve(bc, length);
  for (let i = 0; i < hex.length; i += 2) {
    const byte = (hexDigit(hex.charCodeAt(i)) << 4) | hexDigit(hex.charCodeAt(i + 1));
    assert(byte >= 0, "encode: not a lower-case hex digit");
    bc.bytes[bc.offset++] = byte;
  }
}

/** Negative for anything else. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

export function readVoters(bc: bare.ByteCursor): Voters {
  const length = bare.readLength(bc, limits.votersMax);
  const voters: ReplicaId[] = [];
  for (let i = 0; i < length; i++) voters.push(readReplicaId(bc));
  if (!areVoters(voters)) bare.malformed(bc, "voters do not ascend");
  return voters;
}

export function writeVoters(bc: bare.ByteCursor, voters: Voters): void {
  assert(areVoters(voters), "encode: voters do not ascend");
  bare.writeLength(bc, voters.length, limits.votersMax);
  for (const id of voters) writeReplicaId(bc, id);
}

function areVoters(voters: Voters): boolean {
  return voters.length >= 1 && voters.every((id, i) => i === 0 || id > (voters[i - 1] ?? 0));
}
