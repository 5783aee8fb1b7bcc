/**
 * The BARE runtime of the generated code: @bare-ts/lib's primitives, and our own where those are not fit for bytes from
 * outside or for ours. Its lengths from 16,384 on are written wrong (0.6.0, writeUintSafe32), so nothing here uses
 * them; its encoders do not check ranges, its string decoder drops a byte order mark, and a Buffer is not copied by it.
 */
import { BareError, Config, ByteCursor as LibCursor, readUintSafe } from "@bare-ts/lib";
import { assert } from "../assert.ts";
import { MalformedError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Bytes } from "../types.ts";

export { BareError, readBool, readI64, readU8, readUintSafe, writeBool, writeU8 } from "@bare-ts/lib";

const CONFIG = Config({ maxBufferLength: 64 * 1024 * 1024 });
/** The buffer that all encoding writes into, kept between calls up to this size. */
const SCRATCH_BYTES_MAX = 1024 * 1024;
/** Below this, a loop over characters is faster than TextDecoder. */
const SHORT_TEXT_BYTES = 64;
const I64_MAX = 2n ** 63n - 1n;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A position in bytes that are read or written. */
export class ByteCursor extends LibCursor {
  /** List elements that may still be read. */
  elementsLeft: number = limits.messageElementsMax;
}

let scratch: ByteCursor | null = null;

/** What `write` writes, as bytes of their own. */
export function encodeWith<T>(write: (bc: ByteCursor, value: T) => void, value: T): Uint8Array<ArrayBuffer> {
  const bc = scratch ?? new ByteCursor(new Uint8Array(16 * 1024), CONFIG);
  scratch = null;
  bc.offset = 0;
  write(bc, value);
  const bytes = new Uint8Array(bc.offset);
  bytes.set(bc.bytes.subarray(0, bc.offset));
  if (bc.bytes.length <= SCRATCH_BYTES_MAX) scratch = bc;
  return bytes;
}

/**
 * What `read` makes of exactly these bytes.
 *
 * @throws MalformedError for anything else, and nothing but that
 */
export function decodeWith<T>(read: (bc: ByteCursor) => T, bytes: Uint8Array): T {
  try {
    const bc = new ByteCursor(bytes, CONFIG);
    const value = read(bc);
    if (bc.offset !== bytes.length) throw new MalformedError(`${bytes.length - bc.offset} bytes after the end`);
    return value;
  } catch (error) {
    if (error instanceof BareError) throw new MalformedError(error.message, { cause: error });
    throw error;
  }
}

/** For what is read but means nothing. */
export function malformed(bc: ByteCursor, what: string): never {
  throw new MalformedError(`(byte:${bc.offset}) ${what}`);
}

/** A list's length, refused before anything is allocated for it. No element of any schema has size zero. */
export function readLength(bc: ByteCursor, max: number): number {
  const length = readUintSafe(bc);
  if (length > max || length > bc.bytes.length - bc.offset) malformed(bc, "too long a list");
  bc.elementsLeft -= length;
  if (bc.elementsLeft < 0) malformed(bc, "too many elements");
  return length;
}

export function writeLength(bc: ByteCursor, length: number, max: number): void {
  assert(length <= max, "encode: too long a list");
  writeUintSafe(bc, length);
}

export function writeUintSafe(bc: ByteCursor, x: number): void {
  assert(Number.isSafeInteger(x) && x >= 0, "encode: not an unsigned safe integer");
  reserve(bc, 8);
  const { bytes } = bc;
  let rest = x;
  while (rest >= 0x80) {
    bytes[bc.offset++] = 0x80 | (rest % 0x80);
    rest = rest < 2 ** 31 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  bytes[bc.offset++] = rest;
}

export function writeI64(bc: ByteCursor, x: bigint): void {
  assert(x >= -I64_MAX - 1n && x <= I64_MAX, "encode: not a signed 64-bit integer");
  reserve(bc, 8);
  bc.view.setBigInt64(bc.offset, x, true);
  bc.offset += 8;
}

/** A view of the next bytes, valid while the message is. */
function readView(bc: ByteCursor, max: number): Uint8Array {
  const length = readUintSafe(bc);
  if (length > max) malformed(bc, "too many bytes");
  return readFixedView(bc, length);
}

export function readFixedView(bc: ByteCursor, length: number): Uint8Array {
  const { offset } = bc;
  if (length > bc.bytes.length - offset) malformed(bc, "missing bytes");
  bc.offset = offset + length;
  return bc.bytes.subarray(offset, bc.offset);
}

/** A copy: what is kept of a message must not keep all of it. */
export function readBytes(bc: ByteCursor, max: number): Bytes {
  return new Uint8Array(readView(bc, max));
}

export function writeBytes(bc: ByteCursor, x: Bytes, max: number): void {
  assert(x.length <= max, "encode: too many bytes");
  writeUintSafe(bc, x.length);
  reserve(bc, x.length);
  bc.bytes.set(x, bc.offset);
  bc.offset += x.length;
}

/** Bytes as a string of as many characters. `max` is small enough for an argument list. */
export function readBinary(bc: ByteCursor, max: number): string {
  return String.fromCharCode.apply(null, readView(bc, max) as unknown as number[]);
}

export function writeBinary(bc: ByteCursor, x: string, max: number): void {
  assert(x.length <= max, "encode: too many bytes");
  writeUintSafe(bc, x.length);
  reserve(bc, x.length);
  const { bytes, offset } = bc;
  let seen = 0;
  for (let i = 0; i < x.length; i++) {
    const code = x.charCodeAt(i);
    seen |= code;
    bytes[offset + i] = code;
  }
  assert(seen <= 0xff, "encode: a character that is no byte");
  bc.offset = offset + x.length;
}

export function readText(bc: ByteCursor, max: number): string {
  const view = readView(bc, max);
  if (view.length <= SHORT_TEXT_BYTES && view.every((byte) => byte < 0x80)) {
    return String.fromCharCode.apply(null, view as unknown as number[]);
  }
  try {
    return decoder.decode(view);
  } catch {
    return malformed(bc, "invalid UTF-8");
  }
}

export function writeText(bc: ByteCursor, x: string, max: number): void {
  assert(!/\p{Surrogate}/u.test(x), "encode: a lone surrogate");
  const bytes = encoder.encode(x);
  writeBytes(bc, bytes, max);
}

/** Makes room for `length` more bytes. */
export function reserve(bc: ByteCursor, length: number): void {
  const wanted = bc.offset + length;
  if (wanted <= bc.bytes.length) return;
  assert(wanted <= CONFIG.maxBufferLength, "encode: too long a message");
  const bytes = new Uint8Array(Math.min(2 * wanted, CONFIG.maxBufferLength));
  bytes.set(bc.bytes.subarray(0, bc.offset));
  bc.bytes = bytes;
  bc.view = new DataView(bytes.buffer);
}
