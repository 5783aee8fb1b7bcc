/** Keys and values are bytes; in JSON a string stands for its UTF-8 bytes and anything else is `{"base64":…}`. */
export type WireBytes = string | { readonly base64: string };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

/** The text these bytes are in UTF-8, or null where they are none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

export function toWire(value: string | Uint8Array): WireBytes {
  // A lone surrogate has no UTF-8, so a string goes through its bytes too.
  const bytes = toBytes(value);
  return textOf(bytes) ?? { base64: Buffer.from(bytes).toString("base64") };
}

export function fromWire(value: WireBytes): Uint8Array {
  return typeof value === "string" ? toBytes(value) : new Uint8Array(Buffer.from(value.base64, "base64"));
}

/** A key as it stands in a path: every byte but the unreserved ones percent-encoded, slashes too. */
export function keyPath(key: string | Uint8Array): string {
  let path = "";
  for (const byte of toBytes(key)) {
    const char = String.fromCharCode(byte);
    path += /[A-Za-z0-9_.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return path;
}

/** A query string of those parameters that are given; bytes may be any. */
export function queryOf(parameters: Readonly<Record<string, string | Uint8Array | undefined>>): string {
  return Object.entries(parameters)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${keyPath(value)}`]))
    .join("&");
}
