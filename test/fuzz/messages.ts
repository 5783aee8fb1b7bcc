/** Peer messages nobody meant: unsigned, wrongly signed, and rightly signed by a member that talks nonsense. */
import fc from "fast-check";
import type { RequestHeader } from "../../protocol/messages.ts";
import { encodeRequest } from "../../protocol/wire/versioned.ts";
import { PEER_CONTENT_TYPE, peerPath } from "../../server/peer-paths.ts";
import { PEER_CLOCK_WINDOW_MS, Secret, signPeerRequest } from "../../server/security.ts";
import { anyRequestEnvelope } from "../support/arbitraries.ts";
import { mutate, type Random } from "../support/mutations.ts";
import { requestExamples } from "../support/wire-examples.ts";

export const path = peerPath(1);
export const forgeries = ["unsigned", "another secret", "another body", "another sender", "old stamp", "bent signature"] as const;
export type Forgery = (typeof forgeries)[number];
export type Message = { readonly headers: Record<string, string>; readonly body: Uint8Array };

const stranger = new Secret("a secret that no member of the cluster has");

/** Whole messages with this header, of every kind there is and of many more that are drawn: what is bent afterwards. */
export function wholeMessages(header: RequestHeader, seed: number): Uint8Array[] {
  const drawn = fc.sample(anyRequestEnvelope, { seed, numRuns: 300 }).map(({ requests }) => requests);
  return [...Object.values(requestExamples).map((request) => [request]), ...drawn].map((requests) =>
    encodeRequest(1, { header, requests }),
  );
}

/** Must be refused, whether what it holds is bent or not: half of them are whole. */
export function forged(how: Forgery, header: RequestHeader, secret: Secret, whole: Uint8Array, random: Random): Message {
  const body = random(2) === 0 ? whole : mutate(whole, random);
  const sign = (by: Secret, sender: RequestHeader, wallMs: number, signed: Uint8Array) =>
    signPeerRequest({ secrets: [by], path, sender, wallMs, body: signed });
  const now = Date.now();
  const told = (): Record<string, string> => {
    switch (how) {
      case "unsigned":
        return {};
      case "another secret":
        return sign(stranger, header, now, body);
      case "another body":
        return sign(secret, header, now, Buffer.concat([body, Buffer.from([random(256)])]));
      case "another sender":
        return { ...sign(secret, header, now, body), "epoxy-from": `${header.from + 1 + random(5)}` };
      case "old stamp":
        return sign(secret, header, now - PEER_CLOCK_WINDOW_MS - 1_000 - random(1_000_000_000), body);
      case "bent signature": {
        const signed = sign(secret, header, now, body);
        const bytes = Buffer.from(signed["epoxy-signature"] ?? "", "hex");
        const at = random(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 + random(255));
        return { ...signed, "epoxy-signature": bytes.toString("hex").slice(0, random(4) === 0 ? random(64) : 64) };
      }
    }
  };
  return { headers: { "content-type": PEER_CONTENT_TYPE, ...told() }, body };
}

/**
 * The signature is right; the bytes are bent. What they call committed is believed where nothing else is known, and refused where it
 * contradicts a decision: replicas may differ afterwards, but none of them stops (SECURITY.md).
 */
export function signed(header: RequestHeader, secret: Secret, whole: Uint8Array, random: Random): Message {
  const body = mutate(whole, random);
  const signature = signPeerRequest({ secrets: [secret], path, sender: header, wallMs: Date.now(), body });
  return { headers: { "content-type": PEER_CONTENT_TYPE, ...signature }, body };
}
