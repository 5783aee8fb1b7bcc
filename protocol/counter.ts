import type { Bytes } from "./types.ts";

const DIGITS = /^(?:0|-?[1-9][0-9]{0,18})$/;
const CHARS_MAX = 20;

/** The number that a counter's value stands for: canonical decimal text of a signed 64-bit integer, absent is 0. null: no counter. */
export function parseCounter(value: Bytes | null): bigint | null {
  if (value === null) return 0n;
  if (value.length > CHARS_MAX) return null;
  const text = String.fromCharCode(...value);
  if (!DIGITS.test(text)) return null;
  const number = BigInt(text);
  return BigInt.asIntN(64, number) === number ? number : null;
}

export function formatCounter(number: bigint): Bytes {
  return new TextEncoder().encode(number.toString());
}

/** Modulo 2^64, read as signed: neither saturating nor failing would commute. */
export function addToCounter(number: bigint, delta: bigint): bigint {
  return BigInt.asIntN(64, number + delta);
}
