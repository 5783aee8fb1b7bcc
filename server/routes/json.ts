/** Bytes in JSON and in URLs: a string stands for its UTF-8 bytes, anything else is {"base64":"…"}; both directions. */
import { isUtf8 } from "node:buffer";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { Bytes, Key } from "../../protocol/types.ts";

export type JsonBytes = string | { readonly base64: string };

/** A 400 that says where and what was expected. */
export function expected(where: string, what: string, details: Readonly<Record<string, unknown>> = {}): EpoxyError {
  return new EpoxyError("badRequest", `${where} must be ${what}`, { where, ...details });
}

export function bytesToJson(bytes: Bytes): JsonBytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? buffer.toString("utf8") : { base64: buffer.toString("base64") };
}

export function valueToJson(value: Bytes | null): JsonBytes | null {
  return value === null ? null : bytesToJson(value);
}

export function keyToJson(key: Key): JsonBytes {
  return bytesToJson(Buffer.from(key, "latin1"));
}

/** @throws EpoxyError badRequest */
export function bytesFromJson(json: unknown, where: string): Buffer {
  if (typeof json === "string") {
    // A lone surrogate has no UTF-8 form; Buffer would quietly make another character of it.
    if (/\p{Surrogate}/u.test(json)) throw expected(where, 'text that has a UTF-8 form; give other bytes as {"base64":"…"}');
    return Buffer.from(json, "utf8");
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    const [name, ...others] = Object.keys(json);
    const { base64 } = json as { base64?: unknown };
    if (name === "base64" && others.length === 0 && typeof base64 === "string") {
      const bytes = Buffer.from(base64, "base64");
      // Only the one canonical form: Buffer skips over whatever it does not know.
      if (bytes.toString("base64") === base64) return bytes;
      throw expected(`${where}.base64`, "canonical base64 with padding (RFC 4648 section 4)");
    }
  }
  throw expected(where, 'a string (its UTF-8 bytes) or {"base64":"…"}');
}

/** @throws EpoxyError badRequest, tooLarge */
export function valueFromJson(json: unknown, where: string): Buffer | null {
  if (json === null) return null;
  if (json === undefined) throw expected(where, 'a string, {"base64":"…"} or null, and must be given');
  const bytes = bytesFromJson(json, where);
  if (bytes.length > limits.valueBytesMax) {
    throw new EpoxyError("tooLarge", `${where} has ${bytes.length} bytes, a value at most ${limits.valueBytesMax}`, { where });
  }
  return bytes;
}

/** @throws EpoxyError badRequest */
export function keyFromJson(json: unknown, where: string): Key {
  return checkKey(bytesFromJson(json, where).toString("latin1"), where);
}

/** @param bytes one character a byte */
export function checkKey(bytes: string, where: string): Key {
  if (bytes.length < 1 || bytes.length > limits.keyBytesMax)
    throw expected(where, `1 to ${limits.keyBytesMax} bytes, it has ${bytes.length}`);
  return bytes as Key;
}

/** Percent-decoded bytes, one character a byte. @throws EpoxyError badRequest */
export function percentDecode(text: string, where: string): string {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  if (!bytes.includes("%")) return bytes;
  if (/%(?![0-9A-Fa-f]{2})/.test(bytes)) throw expected(where, "percent-encoded: a % needs two hex digits after it");
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * The query of a raw URL, each value as bytes, one character a byte.
 * @throws EpoxyError badRequest for a parameter that is not in `known` or stands there twice
 */
export function parseQuery<Name extends string>(rawUrl: string, known: readonly Name[]): Readonly<Partial<Record<Name, string>>> {
  const start = rawUrl.indexOf("?");
  const found: Partial<Record<Name, string>> = {};
  if (start === -1) return found;
  for (const part of rawUrl.slice(start + 1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const rawName = equals === -1 ? part : part.slice(0, equals);
    const name = percentDecode(rawName.replaceAll("+", " "), "the query") as Name;
    if (!known.includes(name))
      throw new EpoxyError("badRequest", `the query has a parameter that is not known here; known: ${known.join(", ") || "none"}`, {
        where: "query",
      });
    if (found[name] !== undefined) throw expected(`query.${name}`, "given once");
    found[name] = percentDecode((equals === -1 ? "" : part.slice(equals + 1)).replaceAll("+", " "), `query.${name}`);
  }
  return found;
}
