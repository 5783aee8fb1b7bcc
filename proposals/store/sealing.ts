/** The bytes of a record: 12 of its tag, 4 of a CRC-32 over name and body, the body. */
import { crc32 } from "node:zlib";
import type { Change, RecordKind, Records } from "../../protocol/types.ts";
import { decodeChange, decodeRecord, encodeChange, encodeRecord } from "../../protocol/wire/records.ts";

const TAG_BYTES = 12;
const HEADER_BYTES = TAG_BYTES + 4;

/** The bytes of this record are not those that were written. Nothing is served from it; the disk is to be mended or replaced. */
export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";
  /** As the backend calls it, a binary string. */
  readonly record: string;
  constructor(record: string) {
    super(`damaged record ${JSON.stringify(record)}: its checksum is wrong`);
    this.record = record;
  }
}

export type Unsealed = { readonly tag: string; readonly record: Records[RecordKind] };
export type Sealing = {
  seal(at: { readonly kind: RecordKind; readonly name: string; readonly tag: string }, record: Records[RecordKind]): Uint8Array;
  /** @throws DamagedRecord */
  unseal(at: { readonly kind: RecordKind; readonly name: string }, bytes: Uint8Array): Unsealed;
  /** The tag of damaged bytes, where `record` is certainly what they were: it fits their checksum, or only the checksum is wrong. */
  tagOfSame(at: { readonly kind: RecordKind; readonly name: string }, bytes: Uint8Array, record: Records[RecordKind]): string | null;
  sealChange(change: Change): Uint8Array;
  /** @throws DamagedRecord */
  unsealChange(position: number, bytes: Uint8Array): Change;
};

/** What every real store uses. */
export const sealing: Sealing = {
  seal({ kind, name, tag }, record) {
    const body = encodeRecord(kind, record);
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
    bytes.write(tag, 0, TAG_BYTES, "latin1");
    bytes.writeUInt32BE(checksum(name, body), TAG_BYTES);
    bytes.set(body, HEADER_BYTES);
    return bytes;
  },
  unseal({ kind, name }, bytes) {
    const buffer = asBuffer(bytes);
    if (buffer.length < HEADER_BYTES) throw new DamagedRecord(name);
    const body = buffer.subarray(HEADER_BYTES);
    if (checksum(name, body) !== buffer.readUInt32BE(TAG_BYTES)) throw new DamagedRecord(name);
    return { tag: buffer.toString("latin1", 0, TAG_BYTES), record: decodeRecord(kind, body) };
  },
  tagOfSame({ kind, name }, bytes, record) {
    const buffer = asBuffer(bytes);
    if (buffer.length < HEADER_BYTES) return null;
    const body = encodeRecord(kind, record);
    const isSame = checksum(name, body) === buffer.readUInt32BE(TAG_BYTES) || buffer.subarray(HEADER_BYTES).equals(body);
    return isSame && buffer.length === HEADER_BYTES + body.length ? buffer.toString("latin1", 0, TAG_BYTES) : null;
  },
  sealChange(change) {
    const body = encodeChange(change);
    const bytes = Buffer.allocUnsafe(4 + body.length);
    bytes.writeUInt32BE(crc32(body), 0);
    bytes.set(body, 4);
    return bytes;
  },
  unsealChange(position, bytes) {
    const buffer = asBuffer(bytes);
    const body = buffer.subarray(4);
    if (buffer.length < 4 || crc32(body) !== buffer.readUInt32BE(0)) throw new DamagedRecord(`change ${position}`);
    return decodeChange(body);
  },
};

/**
 * Keeps the records themselves beside buffers that hold the tag alone: for simulations that need the speed more than the codec.
 * Works only where the very buffers come back, so with the memory backend.
 */
export function createUnencodedSealing(): Sealing {
  const records = new WeakMap<Uint8Array, Unsealed>();
  const changes = new WeakMap<Uint8Array, Change>();
  return {
    seal({ tag }, record) {
      const bytes = Buffer.from(tag, "latin1");
      records.set(bytes, { tag, record });
      return bytes;
    },
    unseal({ name }, bytes) {
      const unsealed = records.get(bytes);
      if (unsealed === undefined) throw new DamagedRecord(name);
      return unsealed;
    },
    tagOfSame: () => null,
    sealChange(change) {
      const bytes = new Uint8Array(1);
      changes.set(bytes, change);
      return bytes;
    },
    unsealChange(position, bytes) {
      const change = changes.get(bytes);
      if (change === undefined) throw new DamagedRecord(`change ${position}`);
      return change;
    },
  };
}

function checksum(name: string, body: Uint8Array): number {
  return crc32(body, crc32(Buffer.from(name, "latin1")));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
