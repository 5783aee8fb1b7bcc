/** What several routes read from a request's headers. */
import type { IncomingHttpHeaders } from "node:http";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { Expectation } from "../../protocol/types.ts";
import { expected } from "./json.ts";

/** @throws EpoxyError badRequest */
export function timeoutOf(headers: IncomingHttpHeaders): number {
  const text = headers["epoxy-timeout-ms"];
  if (text === undefined) return limits.timeoutDefaultMs;
  const timeoutMs = typeof text === "string" && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(timeoutMs <= limits.timeoutMaxMs)) throw expected("header Epoxy-Timeout-Ms", `an integer from 1 to ${limits.timeoutMaxMs}`);
  return timeoutMs;
}

/** @throws EpoxyError badRequest */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const text = headers["idempotency-key"];
  if (text === undefined) return null;
  if (typeof text !== "string" || text.length > limits.idempotencyKeyBytesMax || !/^[\x20-\x7e]+$/.test(text)) {
    throw expected("header Idempotency-Key", `1 to ${limits.idempotencyKeyBytesMax} printable ASCII characters`);
  }
  return text;
}

/** What a conditional PUT or DELETE asks for; null without a condition. @throws EpoxyError badRequest */
export function conditionOf(headers: IncomingHttpHeaders): Expectation | null {
  const none = headers["if-none-match"];
  const match = headers["if-match"];
  if (none !== undefined && match !== undefined) throw new EpoxyError("badRequest", "If-Match and If-None-Match cannot be given together");
  if (none !== undefined) {
    if (none.trim() !== "*") throw expected("header If-None-Match", "*");
    return { kind: "oneOf", values: [null] };
  }
  if (match === undefined) return null;
  const version = /^"(0|[1-9]\d{0,15})"$/.exec(match.trim())?.[1];
  if (version === undefined || !Number.isSafeInteger(Number(version)))
    throw expected("header If-Match", 'one version in quotes, as ETag has it: "VERSION"');
  return { kind: "version", version: Number(version) };
}

/** JSON where the caller names it and does not like bytes better. */
export function wantsJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let json = 0;
  let bytes = 0;
  for (const part of accept.split(",")) {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const given = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = given === undefined ? 1 : Number(given.slice(2)) || 0;
    if (type === "application/json") json = quality;
    if (type === "application/octet-stream") bytes = quality;
  }
  return json > 0 && json >= bytes;
}
