import type { ReplyEnvelope, RequestEnvelope } from "../messages.ts";

/** One version's bytes. */
export type Codec = {
  readonly decodeRequest: (bytes: Uint8Array) => RequestEnvelope;
  readonly encodeRequest: (envelope: RequestEnvelope) => Uint8Array<ArrayBuffer>;
  readonly decodeReply: (bytes: Uint8Array) => ReplyEnvelope;
  readonly encodeReply: (envelope: ReplyEnvelope) => Uint8Array<ArrayBuffer>;
};
