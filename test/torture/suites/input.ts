/** What strangers and broken clients send to both ports, under load: refused whole, with nothing changed and nobody disturbed. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeRequest } from "../../../protocol/wire/versioned.ts";
import { type Answer, apiAt, NoAnswer } from "../../support/api.ts";
import { requestExamples, requestHeader } from "../../support/wire-examples.ts";
import type { Run, TortureCase } from "../case.ts";
import { inTurn } from "../faults.ts";

const bare = { "content-type": "application/octet-stream" };
const json = { "content-type": "application/json" };

export const cases: readonly TortureCase[] = [
  {
    fault: 13,
    name: "garbage-to-peers",
    what: "garbage, broken and foreign messages, absurd sizes and slow bodies on the peer port",
    seconds: 20,
    inject: (run) => inTurn(run, (datacenter) => run.fault("garbage", [datacenter], () => toPeerPort(run, datacenter))),
  },
  {
    fault: 15,
    name: "bad-requests",
    what: "requests that are not as documented on the public API",
    seconds: 20,
    inject: (run) => inTurn(run, (datacenter) => run.fault("bad requests", [datacenter], () => toApi(run, datacenter))),
  },
];

async function toPeerPort(run: Run, datacenter: number): Promise<void> {
  const port = run.cluster.place(datacenter).servers[0]?.peerPort ?? 0;
  const peer = apiAt(`http://127.0.0.1:${port}`);
  const send = (body: Buffer | Uint8Array, path = "/v1/epoxy/message", headers: Record<string, string> = bare) =>
    expect(run, "peer port", peer.ask("POST", path, { body, headers, timeoutMs: 10_000 }), [400, 401, 403, 404, 408, 413, 415]);
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => run.dice.between(0, 255)));
  for (const length of [0, 1, 17, 300, 5_000]) await send(noise(length));
  for (const request of Object.values(requestExamples)) {
    const bytes = Buffer.from(encodeRequest(1, { header: requestHeader, requests: [request] }));
    await send(bytes.subarray(0, run.dice.between(1, bytes.length - 1)));
    await send(Buffer.concat([bytes, noise(3)]));
    const bent = Buffer.from(bytes);
    bent[run.dice.between(0, bent.length - 1)] = run.dice.between(0, 255);
    // Bent bytes may still be a message, which another cluster's id refuses.
    await expect(run, "peer port", peer.ask("POST", "/v1/epoxy/message", { body: bent, headers: bare }), [200, 400, 403, 413]);
  }
  await send(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), noise(20)]));
  await send(noise(50), "/v0/epoxy/message");
  await send(noise(50), "/v999999999999/epoxy/message");
  await send(noise(50), "/v1/epoxy/message", { "content-type": "text/plain" });
  const idle = Array.from({ length: 50 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  idle[0]?.write(
    "POST /v1/epoxy/message HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: 1000\r\n\r\nslow",
  );
  await sleep(500);
  for (const socket of idle) socket.destroy();
}

async function toApi(run: Run, datacenter: number): Promise<void> {
  const api = run.cluster.api(datacenter);
  const propose = (body: string | Uint8Array, headers: Record<string, string> = json) =>
    expect(run, "API", api.ask("POST", "/v1/proposals", { body, headers }), [400, 413, 415]);
  const key = JSON.stringify(`${run.prefix}never`);
  const set = (value: string) => `{"commands":[{"kind":"set","key":${key},"value":${value}}]}`;
  for (const value of ["7", "[]", '{"base64":"***"}', '{"base64":7}', "{}"]) await propose(set(value));
  for (const body of ["", "{", "null", "[]", '"x"', "{}", '{"commands":{}}', '{"commands":[]}', `${set('"x"').slice(0, -1)},"more":1}`])
    await propose(body);
  await propose(`{"__proto__":{"commands":[]},"commands":[]}`);
  await propose("[".repeat(10_000) + "]".repeat(10_000));
  await propose(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]));
  await propose(set('"x"'), { "content-type": "text/plain" });
  await propose(set('"x"'), { ...json, "epoxy-timeout-ms": "soon" });
  await propose(`{"commands":[{"kind":"set","key":"${"k".repeat(1025)}","value":"x"}]}`);
  await propose(set(JSON.stringify("v".repeat(1024 * 1024 + 1))));
  for (const [method, path] of [
    ["PATCH", "/v1/kv/a"],
    ["POST", "/v1/kv/a"],
    ["PUT", `/v1/kv/${"k".repeat(1025)}`],
    ["GET", "/v1/kv/a?read=sometimes"],
    ["GET", "/v1/instances/none"],
    ["GET", "/v2/anything"],
  ] as const)
    await expect(run, "API", api.ask(method, path, { body: method === "GET" ? undefined : "x" } as object), [400, 404, 405, 413, 414]);
}

/** One of these, in JSON with a code; a closed connection counts as refused. */
async function expect(run: Run, where: string, asked: Promise<Answer>, statuses: readonly number[]): Promise<void> {
  run.count(`requests to the ${where}`);
  try {
    const { status, text } = await asked;
    run.count(`${where} answered ${status}`);
    if (!statuses.includes(status)) run.violation(`${where}: ${status} ${text.slice(0, 300)}`);
    else if (status >= 400 && typeof (JSON.parse(text) as { error?: { code?: unknown } }).error?.code !== "string")
      run.violation(`${where}: ${status} without a code: ${text.slice(0, 300)}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    run.count(`${where} closed the connection`);
  }
}
