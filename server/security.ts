/** Who may speak: HMAC between datacenters, bearer tokens for the public API. Both are off where nothing is configured. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";
import { EpoxyError } from "../protocol/errors.ts";
import type { ReplicaId } from "../protocol/types.ts";

/** How far a peer's clock may be off before its messages are refused. Costs availability only, never safety. */
export const PEER_CLOCK_WINDOW_MS = 60_000;
export const PEER_SECRET_BYTES_MIN = 32;
export const PEER_SECRETS_MAX = 2;

/** A string that cannot get into a log or an answer by accident. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}

export type PeerSender = { readonly from: ReplicaId | 0; readonly to: ReplicaId | 0; readonly clusterId: string };
export type PeerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Headers that prove who sends `body`. Empty without a secret. */
export function signPeerRequest(input: {
  readonly secrets: readonly Secret[];
  readonly path: string;
  readonly sender: PeerSender;
  readonly wallMs: number;
  readonly body: Uint8Array;
}): Record<string, string> {
  const [secret] = input.secrets;
  if (secret === undefined) return {};
  const stamp = String(Math.round(input.wallMs));
  const { from, to, clusterId } = input.sender;
  return {
    "epoxy-from": String(from),
    "epoxy-to": String(to),
    "epoxy-cluster": clusterId,
    "epoxy-timestamp": stamp,
    "epoxy-signature": signature(secret, { path: input.path, from: String(from), to: String(to), clusterId, stamp, body: input.body }),
  };
}

/**
 * Before the body is read: is there anything to check at all?
 * @throws EpoxyError unauthenticated
 */
export function checkPeerHeaders(secrets: readonly Secret[], headers: PeerHeaders, wallMs: number): void {
  if (secrets.length === 0) return;
  for (const name of ["epoxy-from", "epoxy-to", "epoxy-cluster", "epoxy-timestamp", "epoxy-signature"]) {
    if (typeof headers[name] !== "string")
      throw new EpoxyError("unauthenticated", `peers must sign their requests: header ${name} is missing`);
  }
  const stampMs = Number(headers["epoxy-timestamp"]);
  if (!Number.isFinite(stampMs) || Math.abs(stampMs - wallMs) > PEER_CLOCK_WINDOW_MS) {
    throw new EpoxyError(
      "unauthenticated",
      `epoxy-timestamp is more than ${PEER_CLOCK_WINDOW_MS / 1000} s away from this clock: is a clock wrong?`,
    );
  }
}

/**
 * Either of two secrets may have signed, so that they can be rotated without a gap.
 * @throws EpoxyError unauthenticated when the signature is not of `body`
 */
export function checkPeerSignature(
  secrets: readonly Secret[],
  input: { readonly path: string; readonly headers: PeerHeaders; readonly body: Uint8Array },
): void {
  if (secrets.length === 0) return;
  const text = (name: string): string => String(input.headers[name] ?? "");
  const given = Buffer.from(text("epoxy-signature"), "hex");
  const parts = {
    path: input.path,
    from: text("epoxy-from"),
    to: text("epoxy-to"),
    clusterId: text("epoxy-cluster"),
    stamp: text("epoxy-timestamp"),
    body: input.body,
  };
  const known = secrets.some((secret) => {
    const wanted = Buffer.from(signature(secret, parts), "hex");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  if (!known)
    throw new EpoxyError(
      "unauthenticated",
      "epoxy-signature does not fit: the peers' secrets differ, or the message was changed on its way",
    );
}

/**
 * The message must come from whoever signed it.
 * @throws EpoxyError forbidden
 */
export function checkPeerSender(secrets: readonly Secret[], headers: PeerHeaders, sender: PeerSender): void {
  if (secrets.length === 0) return;
  const same =
    headers["epoxy-from"] === String(sender.from) &&
    headers["epoxy-to"] === String(sender.to) &&
    headers["epoxy-cluster"] === sender.clusterId;
  if (!same) throw new EpoxyError("forbidden", "sender, receiver or cluster inside the message are not the signed ones");
}

function signature(
  secret: Secret,
  parts: {
    readonly path: string;
    readonly from: string;
    readonly to: string;
    readonly clusterId: string;
    readonly stamp: string;
    readonly body: Uint8Array;
  },
): string {
  const bodyHash = createHash("sha256").update(parts.body).digest("hex");
  return createHmac("sha256", secret.reveal())
    .update(["POST", parts.path, parts.from, parts.to, parts.clusterId, parts.stamp, bodyHash].join("\n"))
    .digest("hex");
}

/** Each scope includes the ones before it. */
export const SCOPES = ["read", "write", "admin"] as const;
export type Scope = (typeof SCOPES)[number];
export type ApiToken = { readonly scope: Scope; readonly token: Secret };

/** Checks the Authorization header of a request that needs `scope`. Null: no tokens are configured, everything is open. */
export function createTokenCheck(tokens: readonly ApiToken[]): ((authorization: string | undefined, scope: Scope) => void) | null {
  if (tokens.length === 0) return null;
  const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
  const known = tokens.map(({ scope, token }) => ({ rank: SCOPES.indexOf(scope), hash: sha256(token.reveal()) }));
  return (authorization, scope) => {
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) throw new EpoxyError("unauthenticated", "a token is needed: Authorization: Bearer TOKEN");
    const hash = sha256(given);
    let rank = -1;
    // All are compared, whichever fits: the time taken tells nothing.
    for (const token of known) if (timingSafeEqual(token.hash, hash)) rank = Math.max(rank, token.rank);
    if (rank < 0) throw new EpoxyError("unauthenticated", "this token is not known here");
    if (rank < SCOPES.indexOf(scope)) throw new EpoxyError("forbidden", `this needs a token of scope ${scope}`);
  };
}
