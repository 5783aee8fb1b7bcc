import { createHash } from "node:crypto";

/** SHA-256 of a text, hex: what the config chain is hashed with. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
