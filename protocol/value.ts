import type { Payload, Value } from "./types.ts";

/** Equal in content: bytes by bytes, everything else field by field. */
export function sameValue(a: Value, b: Value): boolean {
  return sameContent(a, b);
}

export function samePayload(a: Payload, b: Payload): boolean {
  return sameContent(a, b);
}

function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && sameContent(left[name], right[name]))
  );
}
