/** Two sides of the peer port over real sockets: what shares a message, what is refused, what becomes of each request. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { pino } from "pino";
import { EpoxyError } from "../../protocol/errors.ts";
import { parseInstanceName } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { PeerReply, PeerRequest, ReplyEnvelope, RequestEnvelope, RequestHeader } from "../../protocol/messages.ts";
import type { Epoch, Key, ReplicaId } from "../../protocol/types.ts";
import { decodeReply, encodeRequest, LATEST_VERSION } from "../../protocol/wire/versioned.ts";
import { systemClock, systemRandom } from "../../server/clock.ts";
import { buildPeerApp, type PeerAppDeps } from "../../server/peer-app.ts";
import { createHttpPeers, type HttpPeersDeps, PeerRefused } from "../../server/peers.ts";
import { Secret, signPeerRequest } from "../../server/security.ts";
import { createWanDelays } from "../../server/wan.ts";
import { fakeReport, noMeter, silentLog } from "./fake-replica.ts";

const two = 2 as ReplicaId;
const cluster = "00000000000000000000000000000001";
const incarnation = "00000000000000000000000000000002";
const header = (to: ReplicaId | 0): RequestHeader => ({
  clusterId: cluster,
  from: 1 as ReplicaId,
  to,
  incarnation,
  epoch: 1 as Epoch,
  counter: 5,
});
const secret = new Secret("s".repeat(32));
const kvGet = (key: string): PeerRequest => ({ kind: "kvGet", key: key as Key });
const health: PeerRequest = { kind: "healthCheck" };

function answer(request: PeerRequest): PeerReply {
  if (request.kind === "kvGet") return { kind: "kvValue", value: Buffer.from(request.key, "latin1"), version: 1 };
  if (request.kind === "healthCheck")
    return { kind: "healthOk", clusterId: cluster, replica: two, incarnation, status: "active", build: "b" };
  return { kind: "ok" };
}

const replyEnvelope = (replies: readonly PeerReply[]): ReplyEnvelope => ({
  header: { from: two, incarnation, epoch: 1 as Epoch, status: "active", counter: 9 },
  replies,
});

type Handle = (envelope: RequestEnvelope) => Promise<ReplyEnvelope>;

async function pair(
  t: TestContext,
  options: { readonly handle?: Handle; readonly app?: Partial<PeerAppDeps>; readonly peers?: Partial<HttpPeersDeps> } = {},
) {
  const envelopes: RequestEnvelope[] = [];
  const handle: Handle = async (envelope) => {
    envelopes.push(envelope);
    return options.handle === undefined ? replyEnvelope(envelope.requests.map(answer)) : options.handle(envelope);
  };
  const app = buildPeerApp({
    replica: { handle },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    meter: noMeter,
    secrets: [],
    wan: null,
    requestTimeoutMs: 30_000,
    ...options.app,
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const peers = createHttpPeers({ header, clock: systemClock, meter: noMeter, secrets: [], wan: null, ...options.peers });
  peers.setAddresses(new Map([[two, url]]));
  t.after(async () => {
    await peers.close();
    await app.close();
  });
  return { app, peers, url, port, envelopes };
}

const options = { timeoutMs: 2_000 };

test("requests of one moment share a message, and each has its own answer", async (t) => {
  const { peers, envelopes } = await pair(t);
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
  const answers = await Promise.all(keys.map((key) => peers.request(two, kvGet(key), options)));
  assert.deepEqual(
    answers.map(({ reply }) => reply.kind === "kvValue" && Buffer.from(reply.value ?? []).toString()),
    keys,
  );
  assert.equal(envelopes.length, 1);
  assert.deepEqual(envelopes[0]?.header, header(two));
  assert.equal(answers[0]?.header.counter, 9);
});

test("what may wait shares the message of what may not, and goes alone when nothing comes", async (t) => {
  const { peers, envelopes } = await pair(t);
  const waiting = peers.request(two, kvGet("a"), { ...options, mayWaitMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(envelopes.length, 0);
  await Promise.all([waiting, peers.request(two, kvGet("b"), options)]);
  assert.deepEqual(
    envelopes.map(({ requests }) => requests.length),
    [2],
  );
  await peers.request(two, kvGet("c"), { ...options, mayWaitMs: 1 });
  assert.equal(envelopes.length, 2);
});

test("traces go beside the message, and into the log of whoever is asked", async (t) => {
  const asked: { traces?: string[]; kinds?: string[]; peer?: number }[] = [];
  const log = pino({ level: "debug", base: null }, { write: (line: string) => void asked.push(JSON.parse(line)) });
  const { peers } = await pair(t, { app: { log } });
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const recover = { kind: "recover", epoch: 2, id: parseInstanceName("1.1"), ballot: { epoch: 2, counter: 1, replica: 1 } } as never;
  await peers.request(two, recover, { ...options, traces: new Set([trace]) });
  await peers.request(two, kvGet("a"), options);
  const [told, ...others] = asked.filter((line) => line.traces !== undefined);
  assert.deepEqual([told?.traces, told?.kinds, told?.peer, others], [[trace], ["recover"], header(two).from, []]);
});

test("slow kinds go alone; number and bytes split a message", async (t) => {
  const { peers, envelopes } = await pair(t);
  await Promise.all([
    peers.request(two, kvGet("a"), options),
    peers.request(two, health, options),
    peers.request(two, health, options),
    peers.request(two, kvGet("b"), options),
  ]);
  assert.deepEqual(envelopes.map(({ requests }) => requests.length).sort(), [1, 1, 2]);
  envelopes.length = 0;
  await Promise.all(Array.from({ length: limits.peerRequestsMax + 1 }, () => peers.request(two, kvGet("a"), options)));
  assert.deepEqual(
    envelopes.map(({ requests }) => requests.length).sort((a, b) => a - b),
    [1, limits.peerRequestsMax],
  );
  envelopes.length = 0;
  const large: PeerRequest = {
    kind: "preAccept",
    epoch: 1 as Epoch,
    id: 1_099_511_627_777 as never,
    payload: {
      seq: 1,
      entries: [{ commands: [{ kind: "set", key: "a" as Key, value: new Uint8Array(limits.valueBytesMax) }], idempotency: null }],
    },
    deps: { floor: [], explicit: [] },
  };
  await Promise.all(Array.from({ length: 9 }, () => peers.request(two, large, options)));
  assert.deepEqual(
    envelopes.map(({ requests }) => requests.length),
    [3, 3, 3],
  );
});

test("each request has its own time limit; one that was given up does not hold up the others", async (t) => {
  const { peers } = await pair(t, {
    handle: async (envelope) => systemClock.sleep(200).then(() => replyEnvelope(envelope.requests.map(answer))),
  });
  const stop = new AbortController();
  const results = Promise.allSettled([
    peers.request(two, kvGet("a"), { timeoutMs: 50 }),
    peers.request(two, kvGet("b"), { timeoutMs: 2_000, signal: stop.signal }),
    peers.request(two, kvGet("c"), { timeoutMs: 2_000 }),
  ]);
  setTimeout(() => stop.abort(), 20);
  const [timedOut, givenUp, answered] = await results;
  assert.match(String((timedOut as PromiseRejectedResult).reason), /PeerUnreachable: replica 2 at http:\S+ did not answer within 50 ms/);
  assert.match(String((givenUp as PromiseRejectedResult).reason), /given up/);
  assert.equal(answered.status, "fulfilled");
});

describe("not hearing from a peer", () => {
  const rows: { name: string; listen: (socket: import("node:net").Socket) => void; says: RegExp }[] = [
    { name: "it hangs up", listen: (socket) => socket.destroy(), says: /the connection broke/ },
    { name: "it says nothing", listen: () => {}, says: /did not answer within 300 ms/ },
    {
      name: "it is something else",
      listen: (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
      says: /replica 2 at /,
    },
    {
      name: "its answer stops in the middle",
      listen: (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nhi"),
      says: /the connection broke/,
    },
  ];
  for (const { name, listen, says } of rows) {
    test(name, async (t) => {
      const server = createServer();
      server.removeAllListeners("connection");
      server.on("connection", (socket) => {
        socket.on("error", () => {});
        t.after(() => socket.destroy());
        socket.once("data", () => listen(socket));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const peers = createHttpPeers({ header, clock: systemClock, meter: noMeter, secrets: [], wan: null });
      t.after(() => peers.close());
      peers.setAddresses(new Map([[two, `http://127.0.0.1:${(server.address() as { port: number }).port}`]]));
      await assert.rejects(
        peers.request(two, kvGet("a"), { timeoutMs: 300 }),
        (error: Error) => error.name === "PeerUnreachable" && says.test(error.message),
      );
    });
  }

  test("nobody listens, no address, not a URL, no longer a member", async (t) => {
    const { peers, url, app } = await pair(t, { handle: () => new Promise(() => {}) });
    t.after(() => app.server.closeAllConnections());
    await assert.rejects(peers.requestUrl("http://127.0.0.1:1", 0, health, options), /connection refused/);
    await assert.rejects(peers.request(3 as ReplicaId, health, options), /replica 3 has no known address/);
    await assert.rejects(peers.requestUrl("file:///etc", 0, health, options), /not a URL/);
    const open = peers.request(two, kvGet("a"), options);
    setTimeout(() => peers.setAddresses(new Map()), 50);
    await assert.rejects(open, /no longer reached at/);
    await assert.rejects(peers.request(two, kvGet("a"), options), /no known address/);
    assert.ok(url);
  });
});

test("an address that is no member is reached with the id it shall have", async (t) => {
  const { peers, url, envelopes } = await pair(t);
  assert.equal((await peers.requestUrl(url, 0, health, options)).reply.kind, "healthOk");
  assert.equal((await peers.requestUrl(`${url}/`, 7 as ReplicaId, health, options)).reply.kind, "healthOk");
  assert.deepEqual(
    envelopes.map((envelope) => envelope.header.to),
    [0, 7],
  );
});

describe("the peer port refuses", () => {
  const good = encodeRequest(LATEST_VERSION, { header: header(two), requests: [health] });
  const bare = { "content-type": "application/octet-stream" };
  const rows: {
    name: string;
    method?: "GET" | "POST";
    url?: string;
    headers?: Record<string, string>;
    payload: Uint8Array;
    status: number;
    code: string;
  }[] = [
    { name: "another version", url: "/v99/epoxy/message", headers: bare, payload: good, status: 404, code: "unsupportedVersion" },
    { name: "no version", url: "/vx/epoxy/message", headers: bare, payload: good, status: 404, code: "unsupportedVersion" },
    {
      name: "JSON",
      headers: { "content-type": "application/json" },
      payload: Buffer.from("{}"),
      status: 415,
      code: "unsupportedMediaType",
    },
    { name: "no content type", headers: {}, payload: good, status: 415, code: "unsupportedMediaType" },
    { name: "no body", headers: {}, payload: new Uint8Array(), status: 400, code: "badRequest" },
    { name: "an empty body", headers: bare, payload: new Uint8Array(), status: 400, code: "badRequest" },
    { name: "random bytes", headers: bare, payload: new Uint8Array(300).fill(0xff), status: 400, code: "badRequest" },
    { name: "a message cut short", headers: bare, payload: good.slice(0, -1), status: 400, code: "badRequest" },
    {
      name: "a message with more after it",
      headers: bare,
      payload: Buffer.concat([good, Buffer.from([0])]),
      status: 400,
      code: "badRequest",
    },
    { name: "a body beyond 8 MiB", headers: bare, payload: new Uint8Array(limits.peerMessageBytesMax + 1), status: 413, code: "tooLarge" },
    { name: "GET", method: "GET", headers: {}, payload: new Uint8Array(), status: 405, code: "methodNotAllowed" },
    { name: "the public API", url: "/v1/proposals", headers: bare, payload: good, status: 404, code: "notFound" },
  ];
  for (const { name, method = "POST", url = "/v1/epoxy/message", headers = {}, payload, status, code } of rows) {
    test(name, async (t) => {
      const { app, envelopes } = await pair(t);
      const response = await app.inject({ method, url, headers, ...(payload.length === 0 ? {} : { payload: Buffer.from(payload) }) });
      assert.equal(response.statusCode, status, response.body);
      assert.equal(response.json().error.code, code);
      if (code === "unsupportedVersion") assert.deepEqual(response.json().versions, [1]);
      assert.equal(envelopes.length, 0);
    });
  }

  test("garbage on the socket, and serves the next one", async (t) => {
    const { port, peers } = await pair(t);
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.alloc(5_000, 0xfe)));
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.match(chunk.toString(), /^HTTP\/1\.1 400 /);
    assert.equal((await peers.request(two, health, options)).reply.kind, "healthOk");
  });

  test("and an error of our own is 500 without its text", async (t) => {
    const { peers } = await pair(t, { handle: () => Promise.reject(new Error("canary")) });
    await assert.rejects(
      peers.request(two, health, options),
      (error: Error) => error instanceof PeerRefused && error.status === 500 && !error.message.includes("canary"),
    );
  });

  test("an EpoxyError of the replica by its status", async (t) => {
    const { peers } = await pair(t, { handle: () => Promise.reject(new EpoxyError("notReady", "starting")) });
    await assert.rejects(
      peers.request(two, health, options),
      (error: Error) => error instanceof PeerRefused && error.code === "notReady" && error.status === 503,
    );
  });
});

describe("signed messages", () => {
  const other = new Secret("o".repeat(32));
  const rows: { name: string; sends: Secret[]; takes: Secret[]; aheadMs?: number; status: number | null }[] = [
    { name: "the same secret", sends: [secret], takes: [secret], status: null },
    { name: "the previous secret", sends: [secret], takes: [other, secret], status: null },
    { name: "another secret", sends: [other], takes: [secret], status: 401 },
    { name: "no secret", sends: [], takes: [secret], status: 401 },
    { name: "a clock 61 s ahead", sends: [secret], takes: [secret], aheadMs: 61_000, status: 401 },
    { name: "a clock 50 s behind", sends: [secret], takes: [secret], aheadMs: -50_000, status: null },
  ];
  for (const { name, sends, takes, aheadMs = 0, status } of rows) {
    test(name, async (t) => {
      const clock = { ...systemClock, wallMs: () => Date.now() + aheadMs };
      const { peers, envelopes } = await pair(t, { app: { secrets: takes }, peers: { secrets: sends, clock } });
      const asked = peers.request(two, health, options);
      if (status === null) assert.equal((await asked).reply.kind, "healthOk");
      else await assert.rejects(asked, (error: Error) => error instanceof PeerRefused && error.status === status);
      assert.equal(envelopes.length, status === null ? 1 : 0);
    });
  }

  test("a changed body, path or sender", async (t) => {
    const { app, envelopes } = await pair(t, { app: { secrets: [secret] } });
    const body = encodeRequest(LATEST_VERSION, { header: header(two), requests: [health] });
    const sign = (sender: RequestHeader, path = "/v1/epoxy/message") =>
      signPeerRequest({ secrets: [secret], path, sender, wallMs: Date.now(), body });
    const post = async (headers: Record<string, string>, payload: Uint8Array = body) =>
      (
        await app.inject({
          method: "POST",
          url: "/v1/epoxy/message",
          headers: { "content-type": "application/octet-stream", ...headers },
          payload: Buffer.from(payload),
        })
      ).statusCode;
    assert.equal(await post(sign(header(two)), encodeRequest(LATEST_VERSION, { header: header(two), requests: [health, health] })), 401);
    assert.equal(await post(sign(header(two), "/v2/epoxy/message")), 401);
    assert.equal(await post({ ...sign(header(two)), "epoxy-from": "3" }), 401);
    // Signed by a member, but the message inside speaks as another.
    assert.equal(await post(sign({ ...header(two), from: 3 as ReplicaId })), 403);
    assert.equal(envelopes.length, 0);
    assert.equal(await post(sign(header(two))), 200);
  });
});

test("a version that the peer does not know is told, not guessed", async (t) => {
  const server = createServer((_request, response) =>
    response
      .writeHead(404, { "content-type": "application/json" })
      .end('{"error":{"code":"unsupportedVersion","message":"this build speaks version 9"},"versions":[9]}'),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const peers = createHttpPeers({ header, clock: systemClock, meter: noMeter, secrets: [], wan: null });
  t.after(() => peers.close());
  await assert.rejects(
    peers.requestUrl(`http://127.0.0.1:${(server.address() as { port: number }).port}`, 0, health, options),
    /refused: this build speaks version 9/,
  );
});

test("--wan: half the round trip at each sender, by name or by URL", async (t) => {
  const report = fakeReport();
  const byName = createWanDelays(new Map([["dc-1", 40]]), () => report.members);
  const byUrl = (url: string) => createWanDelays(new Map([[url, 40]]), () => null);
  const { peers, url } = await pair(t, { app: { wan: byName } });
  const distant = createHttpPeers({ header, clock: systemClock, meter: noMeter, secrets: [], wan: byUrl(url) });
  t.after(() => distant.close());
  distant.setAddresses(new Map([[two, url]]));
  const timed = async (work: () => Promise<unknown>) => {
    const startMs = performance.now();
    await work();
    return performance.now() - startMs;
  };
  const oneWay = await timed(() => peers.request(two, health, options));
  const both = await timed(() => distant.request(two, health, options));
  assert.ok(oneWay >= 38 && oneWay < 500, `${oneWay} ms`);
  assert.ok(both >= 77 && both < 600, `${both} ms`);
});

test("what the port answers is the reply's own version", async (t) => {
  const { app } = await pair(t);
  const payload = Buffer.from(encodeRequest(1, { header: header(two), requests: [kvGet("a")] }));
  const response = await app.inject({
    method: "POST",
    url: "/v1/epoxy/message",
    headers: { "content-type": "application/octet-stream" },
    payload,
  });
  assert.equal(response.headers["content-type"], "application/octet-stream");
  assert.equal(decodeReply(1, response.rawPayload).replies[0]?.kind, "kvValue");
});
