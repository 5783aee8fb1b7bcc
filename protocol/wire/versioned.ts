/** Bytes of any known version to the latest messages, and back. A reply leaves in the version of its request. */
import { EpoxyError } from "../errors.ts";
import type { ReplyEnvelope, RequestEnvelope } from "../messages.ts";
import type { Codec } from "./codec.ts";
import { codecV1 } from "./v1-map.ts";

const codecs: ReadonlyMap<number, Codec> = new Map([[1, codecV1]]);

export const LATEST_VERSION = 1;
export const SUPPORTED_VERSIONS: readonly number[] = [...codecs.keys()];

/**
 * @throws EpoxyError unsupportedVersion, with the versions that are
 * @throws MalformedError for bytes that are no request of this version
 */
export function decodeRequest(version: number, bytes: Uint8Array): RequestEnvelope {
  return codecOf(version).decodeRequest(bytes);
}

/** @throws EpoxyError unsupportedVersion */
export function encodeRequest(version: number, envelope: RequestEnvelope): Uint8Array<ArrayBuffer> {
  return codecOf(version).encodeRequest(envelope);
}

/**
 * @throws EpoxyError unsupportedVersion
 * @throws MalformedError for bytes that are no reply of this version
 */
export function decodeReply(version: number, bytes: Uint8Array): ReplyEnvelope {
  return codecOf(version).decodeReply(bytes);
}

/** @throws EpoxyError unsupportedVersion */
export function encodeReply(version: number, envelope: ReplyEnvelope): Uint8Array<ArrayBuffer> {
  return codecOf(version).encodeReply(envelope);
}

function codecOf(version: number): Codec {
  const codec = codecs.get(version);
  if (codec === undefined)
    throw new EpoxyError("unsupportedVersion", `version ${version} is not known here`, { versions: SUPPORTED_VERSIONS });
  return codec;
}
