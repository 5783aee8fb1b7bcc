/** The way to the other datacenters: requests of one moment to one peer share a message, each has its own time limit. */
import { Pool } from "undici";
import { type Clock, type Meter, type PeerAnswer, type PeerRequestOptions, type Peers, PeerUnreachable } from "../proposals/ports.ts";
import { InvariantViolation } from "../protocol/assert.ts";
import { limits } from "../protocol/limits.ts";
import type { PeerRequest, RequestHeader } from "../protocol/messages.ts";
import type { ReplicaId } from "../protocol/types.ts";
import { decodeReply, encodeRequest, LATEST_VERSION, SUPPORTED_VERSIONS } from "../protocol/wire/versioned.ts";
import { PEER_CONTENT_TYPE, peerPath, VERSIONS_HEADER } from "./peer-paths.ts";
import { isSlow, requestWeight } from "./peer-weights.ts";
import { type Secret, signPeerRequest } from "./security.ts";
import { traceHeaders } from "./trace.ts";
import type { WanDelays } from "./wan.ts";

/** It answered, but not with a reply: another version, a wrong secret, a message it would not take. */
export class PeerRefused extends PeerUnreachable {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type HttpPeersDeps = {
  /** Who this replica is now; asked for each message. */
  readonly header: (to: ReplicaId | 0) => RequestHeader;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly secrets: readonly Secret[];
  /** null: no artificial distance. */
  readonly wan: WanDelays | null;
};

export type HttpPeers = Peers & {
  /** Refuses what is under way and closes every connection. */
  close(): Promise<void>;
};

/** All replies of one message together. A peer's answer beyond this is cut off. */
const REPLY_BYTES_MAX = 8 * limits.peerMessageBytesMax;
/** Half of a message, so that what `requestWeight` cannot see still fits. */
const ENVELOPE_WEIGHT_MAX = limits.peerMessageBytesMax / 2;
const CONNECT_TIMEOUT_MS = 2_000;
const ABORT_AFTER_MS = 50;

type Pending = {
  readonly request: PeerRequest;
  readonly deadlineMs: number;
  readonly traces: ReadonlySet<string> | null;
  /** Answered, timed out or given up. */
  done: boolean;
  resolve(answer: PeerAnswer): void;
  reject(error: Error): void;
};
type Link = {
  readonly url: string;
  readonly to: ReplicaId | 0;
  readonly pool: Pool;
  readonly basePath: string;
  version: number;
  queue: Pending[];
  /** Messages on their way that hold shared requests. */
  shared: number;
  flushing: boolean;
  /** When what may wait is sent though nothing urgent came; null while nothing waits. */
  departure: NodeJS.Timeout | null;
  readonly pending: Set<Pending>;
};

export function createHttpPeers(deps: HttpPeersDeps): HttpPeers {
  let addresses: ReadonlyMap<ReplicaId, string> = new Map();
  const members = new Map<ReplicaId, Link>();
  /** Addresses that are no member's, while a call to them is open. */
  const visits = new Map<string, Link>();
  let closed = false;

  const memberLink = (to: ReplicaId, url: string): Link => {
    const found = members.get(to);
    if (found !== undefined) return found;
    const link = openLink(url, to);
    members.set(to, link);
    return link;
  };

  const visit = async (url: string, to: ReplicaId | 0, request: PeerRequest, options: PeerRequestOptions): Promise<PeerAnswer> => {
    const name = `${to} ${url}`;
    const link = visits.get(name) ?? openLink(url, to);
    visits.set(name, link);
    try {
      return await send(deps, link, request, options);
    } finally {
      if (link.pending.size === 0) {
        visits.delete(name);
        void destroy(link, "done");
      }
    }
  };

  return {
    async request(to, request, options) {
      const url = addresses.get(to);
      if (url === undefined) throw new PeerUnreachable(`replica ${to} has no known address`);
      if (closed) throw new PeerUnreachable("this process is closing");
      return send(deps, memberLink(to, url), request, options);
    },
    async requestUrl(url, to, request, options) {
      if (closed) throw new PeerUnreachable("this process is closing");
      if (!isHttpUrl(url)) throw new PeerUnreachable(`not a URL of a peer: ${url.slice(0, 200)}`);
      if (to !== 0 && addresses.get(to) === url) return send(deps, memberLink(to, url), request, options);
      return visit(url, to, request, options);
    },
    setAddresses(next) {
      // An address that is no URL is as good as none: that peer is unreachable, and the others go on.
      addresses = new Map([...next].filter(([, url]) => isHttpUrl(url)));
      for (const [id, link] of members) {
        if (addresses.get(id) === link.url) continue;
        members.delete(id);
        void destroy(link, `replica ${id} is no longer reached at ${link.url}`);
      }
    },
    async close() {
      closed = true;
      await Promise.all([...members.values(), ...visits.values()].map((link) => destroy(link, "this process is closing")));
    },
  };
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//.test(url) && URL.canParse(url);
}

/** Never rejects: what is still under way has been told. */
async function destroy(link: Link, reason: string): Promise<void> {
  clearTimeout(link.departure ?? undefined);
  for (const pending of [...link.pending]) pending.reject(new PeerUnreachable(reason));
  await link.pool.destroy().catch(() => {});
}

function openLink(url: string, to: ReplicaId | 0): Link {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, {
    connections: limits.peerConnectionsMax,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // Every request has its own time limit here; undici's own, coarser ones stay out of the way.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: REPLY_BYTES_MAX,
  });
  return {
    url,
    to,
    pool,
    basePath: pathname.replace(/\/+$/, ""),
    version: LATEST_VERSION,
    queue: [],
    shared: 0,
    flushing: false,
    departure: null,
    pending: new Set(),
  };
}

function send(deps: HttpPeersDeps, link: Link, request: PeerRequest, options: PeerRequestOptions): Promise<PeerAnswer> {
  return new Promise((resolve, reject) => {
    const { signal, timeoutMs, mayWaitMs = 0, traces = null } = options;
    if (signal?.aborted === true) return reject(new PeerUnreachable("given up before it was sent"));
    const finish = (outcome: string) => {
      pending.done = true;
      link.pending.delete(pending);
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      deps.meter.count("epoxy_peer_requests_total", { kind: request.kind, outcome });
    };
    const pending: Pending = {
      request,
      deadlineMs: deps.clock.monotonicMs() + timeoutMs,
      traces,
      done: false,
      resolve(answer) {
        if (pending.done) return;
        finish("answered");
        resolve(answer);
      },
      reject(error) {
        if (pending.done) return;
        finish("unreachable");
        reject(error);
      },
    };
    // The message itself goes on: to abort it would close a connection that others need.
    const giveUp = () =>
      pending.reject(signal?.reason instanceof PeerUnreachable ? signal.reason : new PeerUnreachable(`${describe(link)}: given up`));
    const timer = setTimeout(
      () => pending.reject(new PeerUnreachable(`${describe(link)} did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener("abort", giveUp, { once: true });
    link.pending.add(pending);

    if (isSlow(request)) {
      void deliver(deps, link, [pending]);
      return;
    }
    link.queue.push(pending);
    if (mayWaitMs === 0) scheduleFlush(deps, link);
    else link.departure ??= setTimeout(() => scheduleFlush(deps, link), mayWaitMs);
  });
}

function scheduleFlush(deps: HttpPeersDeps, link: Link): void {
  if (link.flushing || link.queue.length === 0 || link.shared >= limits.peerEnvelopesMax) return;
  link.flushing = true;
  // After all that became runnable with this request: what is issued in the same turn goes in one message.
  setImmediate(() => {
    link.flushing = false;
    clearTimeout(link.departure ?? undefined);
    link.departure = null;
    flush(deps, link);
  });
}

function flush(deps: HttpPeersDeps, link: Link): void {
  while (link.queue.length > 0 && link.shared < limits.peerEnvelopesMax) {
    const batch: Pending[] = [];
    let weight = 0;
    let taken = 0;
    for (const pending of link.queue) {
      if (!pending.done) {
        weight += requestWeight(pending.request);
        if (batch.length > 0 && (weight > ENVELOPE_WEIGHT_MAX || batch.length >= limits.peerRequestsMax)) break;
        batch.push(pending);
      }
      taken++;
    }
    link.queue.splice(0, taken);
    if (batch.length === 0) continue;
    link.shared++;
    void deliver(deps, link, batch).finally(() => {
      link.shared--;
      scheduleFlush(deps, link);
    });
  }
}

/** One message there and its answer back. Settles every request of the batch, never throws. */
async function deliver(deps: HttpPeersDeps, link: Link, batch: readonly Pending[]): Promise<void> {
  const peer = String(link.to);
  deps.meter.observe("epoxy_peer_envelope_requests", batch.length);
  try {
    const delayMs =
      deps.wan === null ? 0 : link.to === 0 ? deps.wan.toUrl(link.url) : deps.wan.toUrl(link.url) || deps.wan.toReplica(link.to);
    if (delayMs > 0) await deps.clock.sleep(delayMs);
    const startMs = deps.clock.monotonicMs();
    const envelope = await exchange(deps, link, batch);
    if (envelope.replies.length !== batch.length)
      throw new PeerUnreachable(`${describe(link)} gave ${envelope.replies.length} answers to ${batch.length} requests`);
    deps.meter.observe("epoxy_peer_round_trip_seconds", (deps.clock.monotonicMs() - startMs) / 1000, { peer });
    deps.meter.count("epoxy_peer_envelopes_total", { peer, outcome: "answered" });
    for (const [i, pending] of batch.entries()) {
      const reply = envelope.replies[i];
      if (reply !== undefined) pending.resolve({ header: envelope.header, reply });
    }
  } catch (error) {
    deps.meter.count("epoxy_peer_envelopes_total", { peer, outcome: error instanceof PeerRefused ? "refused" : "unreachable" });
    // Our own mistake must not pass for a broken line.
    const unreachable =
      error instanceof PeerUnreachable || error instanceof InvariantViolation
        ? error
        : new PeerUnreachable(`${describe(link)}: ${reasonOf(error)}`, { cause: error });
    for (const pending of batch) pending.reject(unreachable);
  }
}

async function exchange(deps: HttpPeersDeps, link: Link, batch: readonly Pending[]) {
  for (let tries = 0; ; tries++) {
    const { version } = link;
    const header = deps.header(link.to);
    const body = encodeRequest(version, { header, requests: batch.map((pending) => pending.request) });
    if (body.byteLength > limits.peerMessageBytesMax)
      throw new PeerUnreachable(`a message of ${body.byteLength} bytes is too large for ${describe(link)}`);
    const answer = await post(deps, link, batch, { version, header, body });
    if (answer.status === 200) {
      // Built anew since it was first asked: what both speak by now.
      link.version = Math.max(link.version, ...answer.versions.filter((one) => SUPPORTED_VERSIONS.includes(one)));
      return decodeReply(version, answer.body);
    }
    const refusal = refusalOf(link, answer);
    const common = refusal.versions.filter((one) => SUPPORTED_VERSIONS.includes(one) && one !== version);
    if (refusal.error.code !== "unsupportedVersion" || common.length === 0 || tries > 0) throw refusal.error;
    link.version = Math.max(...common);
  }
}

type Answer = {
  readonly status: number;
  readonly body: Uint8Array;
  /** What the peer speaks, where it was asked in less than its latest. */
  readonly versions: readonly number[];
};

async function post(
  deps: HttpPeersDeps,
  link: Link,
  batch: readonly Pending[],
  message: { readonly version: number; readonly header: RequestHeader; readonly body: Uint8Array },
): Promise<Answer> {
  const path = `${link.basePath}${peerPath(message.version)}`;
  const nowMs = deps.clock.monotonicMs();
  const lastMs = Math.max(...batch.map((pending) => pending.deadlineMs));
  // A peer that never answers must not keep a connection for ever; by then every caller has been told so in better words.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), Math.max(0, lastMs - nowMs) + ABORT_AFTER_MS);
  try {
    const signed = signPeerRequest({
      secrets: deps.secrets,
      path: peerPath(message.version),
      sender: message.header,
      wallMs: deps.clock.wallMs(),
      body: message.body,
    });
    const response = await link.pool.request({
      method: "POST",
      path,
      headers: {
        "content-type": PEER_CONTENT_TYPE,
        ...signed,
        ...traceHeaders(new Set(batch.flatMap(({ traces }) => [...(traces ?? [])]))),
      },
      body: message.body,
      signal: abort.signal,
    });
    const versions = `${response.headers[VERSIONS_HEADER] ?? ""}`.split(",").map(Number);
    return { status: response.statusCode, body: new Uint8Array(await response.body.arrayBuffer()), versions };
  } finally {
    clearTimeout(timer);
  }
}

function refusalOf(link: Link, answer: Answer): { readonly error: PeerRefused; readonly versions: readonly number[] } {
  let code = "internal";
  let message = `HTTP ${answer.status}`;
  let versions: readonly number[] = [];
  try {
    const body = JSON.parse(Buffer.from(answer.body).toString("utf8")) as {
      error?: { code?: unknown; message?: unknown };
      versions?: unknown;
    } | null;
    if (typeof body?.error?.code === "string") code = body.error.code;
    if (typeof body?.error?.message === "string") message = body.error.message.slice(0, 500);
    if (Array.isArray(body?.versions)) versions = body.versions.filter((one): one is number => Number.isInteger(one));
  } catch {
    // Not one of ours at that address; the status says enough.
  }
  return { error: new PeerRefused(answer.status, code, `${describe(link)} refused: ${message}`), versions };
}

function describe(link: Link): string {
  return link.to === 0 ? `the peer at ${link.url}` : `replica ${link.to} at ${link.url}`;
}

function reasonOf(error: unknown): string {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused: nothing listens there";
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
    case "EPIPE":
      return "the connection broke";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "its host name is not known";
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no connection could be made";
    case "UND_ERR_ABORTED":
      return "no answer in time";
    default:
      return message;
  }
}
