/** Version 1: its bytes to the latest messages, and back. */
import type { ReplyEnvelope, RequestEnvelope } from "../messages.ts";
import type { Epoch, ReplicaId } from "../types.ts";
import { decodeWith, encodeWith } from "./bare.ts";
import type { Codec } from "./codec.ts";
import * as v1 from "./generated/v1.ts";
import { replyFromV1, replyToV1 } from "./v1-replies.ts";
import { requestFromV1, requestToV1 } from "./v1-requests.ts";

export const codecV1: Codec = {
  decodeRequest: (bytes) => decodeWith((bc) => requestEnvelopeFromV1(v1.readRequestEnvelope(bc)), bytes),
  encodeRequest: ({ header, requests }) => encodeWith(v1.writeRequestEnvelope, { header, requests: requests.map(requestToV1) }),
  decodeReply: (bytes) => decodeWith((bc) => replyEnvelopeFromV1(v1.readReplyEnvelope(bc)), bytes),
  encodeReply: ({ header, replies }) => encodeWith(v1.writeReplyEnvelope, { header, replies: replies.map(replyToV1) }),
};

/** A sender without identity says 0, which the types of a header leave out. */
function requestEnvelopeFromV1({ header, requests }: v1.RequestEnvelope): RequestEnvelope {
  const { clusterId, from, to, incarnation, epoch, counter } = header;
  return {
    header: { clusterId, from: from as ReplicaId, to, incarnation, epoch: epoch as Epoch, counter },
    requests: requests.map(requestFromV1),
  };
}

function replyEnvelopeFromV1({ header, replies }: v1.ReplyEnvelope): ReplyEnvelope {
  return { header, replies: replies.map(replyFromV1) };
}
