/**
 * `npm run fuzz`: bent peer messages and bad requests against a real cluster, with good traffic beside them.
 *   --count N      peer messages, half of them forged and half rightly signed; default 10000
 *   --requests N   to the public API; default 1000
 *   --seed N       default: the time          --rate N   of both, a second; default 500
 *   --report FILE  adds the run to this Markdown file and to the JSON beside it
 * SIGINT or SIGTERM: sends no more of what it is at, and tells how many it were. Ends with code 1 where something was not as it must be.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { RequestHeader } from "../../protocol/messages.ts";
import { decodeReply, encodeRequest } from "../../protocol/wire/versioned.ts";
import { PEER_CONTENT_TYPE } from "../../server/peer-paths.ts";
import { Secret, signPeerRequest } from "../../server/security.ts";
import { apiAt, bodyOf, eventually, NoAnswer } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { type Random, randomOf } from "../support/mutations.ts";
import { newcomerHeader } from "../support/wire-examples.ts";
import { forged, forgeries, path, signed, wholeMessages } from "./messages.ts";
import { sendPeer } from "./peer-port.ts";
import { addRun, type FuzzRun } from "./report.ts";
import { badRequest } from "./requests.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    requests: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    rate: { type: "string", default: "500" },
    report: { type: "string" },
  },
});
const seed = Number(values.seed);
const rate = Number(values.rate);
const count = Number(values.count);
const requests = Number(values.requests);
const secret = new Secret("the secret of the cluster that is fuzzed");
const baselineMs = 15_000;
const rssGrowthMiBMax = 50;
/** Rightly signed ones come last, when good traffic has ended and has nothing to be measured by. */
const signedFaster = 4;
/** Sent first and not judged by: what a process has not done before costs it memory once. */
const warmUp = 2_000;

const answers = new Map<string, number>();
const wrong = new Set<string>();
let accepted = 0;
let mostRssMiB = 0;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopped = true;
  });
}

/**
 * Runs in each process of the cluster before its own code: `epoxy dev` takes secrets away from its processes' environment, so the
 * secret is put back; and SIGUSR2 collects garbage, since only memory that is held is judged.
 */
const preload = `import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
process.env.EPOXY_PEER_SECRET = process.env.FUZZ_PEER_SECRET;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.on("SIGUSR2", () => collect());`;
const cluster = await startCluster({
  env: {
    FUZZ_PEER_SECRET: secret.reveal(),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}`,
  },
});
try {
  const run = await fuzz(cluster);
  console.log(JSON.stringify(run, null, 1));
  if (values.report !== undefined) addRun(values.report, run);
  process.exitCode = run.wrong.length === 0 ? 0 : 1;
} finally {
  await cluster.end();
}

async function fuzz({ api, pids, view, log, restarted }: TestCluster): Promise<FuzzRun> {
  const random = randomOf(seed);
  const [one, two] = view.datacenters;
  const peer = new URL(one?.peer ?? "");
  const header = await headerOf(two?.peer ?? "", peer.href);
  const whole = wholeMessages(header, seed);
  const any = () => whole[random(whole.length)] as Uint8Array;
  const [pid = 0] = pids(1, "server");
  const forge = async () => {
    const how = forgeries[random(forgeries.length)] ?? "unsigned";
    const { status } = await sendPeer(peer, path, forged(how, header, secret, any(), random));
    note(`forged, ${how}`, status, [400, 401, 403, 413]);
    if (status === 200) accepted++;
  };
  const sign = async () => {
    const { status, body } = await sendPeer(peer, path, signed(header, secret, any(), random));
    note("rightly signed", status, [200, 400, 403, 413, 503]);
    if (status === 200) for (const { kind, ...rest } of decodeReply(1, body).replies) tell(`reply ${kind}${codeIn(rest)}`);
  };
  const ask = () => request(api(1).url, random);

  const traffic = startTraffic([api(1), api(2)]);
  await paced(warmUp, pid, async () => (random(2) === 0 ? forge() : ask()));
  await sleep(2_000);
  traffic.take();
  await sleep(baselineMs);
  const before = traffic.take();
  const rssBefore = await heldMiB(pid);
  mostRssMiB = rssBefore;
  const half = Math.floor(count / 2);
  const forgedSent = await paced(half, pid, forge);
  const requestsSent = await paced(requests, pid, ask);
  const during = traffic.take();
  await stateIsTheSame(cluster, traffic);
  judgeProcess(pid, "after forged messages and bad requests");
  const signedSent = await paced(count - half, pid, sign, signedFaster * rate);
  await sleep(5_000);
  judgeProcess(pid, "after rightly signed messages");
  const rssAfter = await heldMiB(pid);
  if (rssAfter - rssBefore > rssGrowthMiBMax) wrong.add(`memory grew from ${rssBefore} to ${rssAfter} MiB`);
  if (during.p99Ms > 2 * before.p99Ms) wrong.add(`p99 of good traffic went from ${before.p99Ms} to ${during.p99Ms} ms`);
  if (during.failed > 0) wrong.add(`${during.failed} good requests failed`);
  if (accepted > 0) wrong.add(`${accepted} forged messages were accepted`);
  return {
    date: new Date().toISOString().slice(0, 16),
    commit: commitOf(),
    seed,
    rate,
    forged: forgedSent,
    signed: signedSent,
    requests: requestsSent,
    answers: Object.fromEntries([...answers].sort()),
    forgedAccepted: accepted,
    rssMiB: { before: rssBefore, after: rssAfter, most: mostRssMiB },
    p99Ms: { before: before.p99Ms, during: during.p99Ms },
    wrong: [...wrong],
  };

  function judgeProcess(own: number, when: string): void {
    if (pids(1, "server")[0] === own && restarted.length === 0) return;
    const names = restarted.map(({ datacenter, process }) => `${process} of ${datacenter}`).join(", ");
    wrong.add(`a process ended ${when} (${names})`);
    for (const { datacenter, process } of restarted) console.error(log(`${datacenter}-${process}`, 30));
  }
}

/** As replica 2 would say it to replica 1, whose ids are asked for with a newcomer's message. */
async function headerOf(senderUrl: string, receiverUrl: string): Promise<RequestHeader> {
  const hello = encodeRequest(1, { header: newcomerHeader, requests: [{ kind: "healthCheck" }] });
  const health = async (url: string) => {
    const signature = signPeerRequest({ secrets: [secret], path, sender: newcomerHeader, wallMs: Date.now(), body: hello });
    const { status, body } = await sendPeer(new URL(url), path, {
      headers: { "content-type": PEER_CONTENT_TYPE, ...signature },
      body: hello,
    });
    if (status !== 200) throw new Error(`${url} answered ${status}: ${Buffer.from(body)}`);
    const { header, replies } = decodeReply(1, body);
    const [reply] = replies;
    if (reply?.kind !== "healthOk") throw new Error(`${url} answered ${reply?.kind}`);
    return { ...reply, epoch: header.epoch, counter: header.counter };
  };
  const [from, to] = [await health(senderUrl), await health(receiverUrl)];
  const { clusterId, incarnation, epoch, counter } = from;
  return { clusterId, from: from.replica, to: to.replica, incarnation, epoch, counter } as RequestHeader;
}

async function request(url: string, random: Random): Promise<void> {
  const { method, path: where, headers, body, mayBeGood } = badRequest(random);
  try {
    const { status, text } = await apiAt(url).ask(method, where, { headers, timeoutMs: 10_000, ...(body === undefined ? {} : { body }) });
    note(mayBeGood ? "request, bent" : "request, bad", status, [...(mayBeGood ? [200] : []), 400, 404, 405, 413, 414, 415, 429]);
    if (status >= 400 && typeof (JSON.parse(text) as { error?: { code?: unknown } }).error?.code !== "string")
      wrong.add(`${status} without a code: ${text.slice(0, 200)}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    tell("request, connection closed");
  }
}

/** So many a second, and some 200 under way at most. Resolves with how many were answered. */
async function paced(total: number, pid: number, one: () => Promise<void>, perSecond = rate): Promise<number> {
  const everyMs = 20;
  const startMs = performance.now();
  const under = new Set<Promise<void>>();
  let sent = 0;
  let answered = 0;
  while (sent < total && !stopped) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
    for (; sent < due && under.size < 200; sent++) {
      const going = one()
        .then(() => void answered++)
        .catch((error: unknown) => void wrong.add(`${(error as Error).message}`.slice(0, 200)))
        .finally(() => under.delete(going));
      under.add(going);
    }
    mostRssMiB = Math.max(mostRssMiB, rssMiB(pid));
    await sleep(everyMs);
  }
  await Promise.all(under);
  return answered;
}

/** Nothing of it was proposed and no replica differs. */
async function stateIsTheSame({ api, view }: TestCluster, traffic: Traffic): Promise<void> {
  await traffic.stop();
  const stateOf = async (datacenter: number) => {
    const { entries } = bodyOf<{ entries: { key: string }[] }>(await api(datacenter).ask("GET", "/v1/kv?limit=100"), 200);
    return JSON.stringify(entries.filter(({ key }) => !key.startsWith("fuzz/") || key === "fuzz/never"));
  };
  await eventually("all states are the same", 15_000, async () => {
    const states = await Promise.all(view.datacenters.map((_, i) => stateOf(i + 1)));
    return new Set(states).size === 1;
  }).catch((error: unknown) => wrong.add((error as Error).message));
}

function note(what: string, status: number, statuses: readonly number[]): void {
  tell(`${what}: ${status}`);
  if (!statuses.includes(status)) wrong.add(`${what}: answered ${status}`);
}

function tell(what: string): void {
  answers.set(what, (answers.get(what) ?? 0) + 1);
}

function codeIn(reply: object): string {
  return "code" in reply ? ` ${reply.code}` : "";
}

/** Resident, once garbage is collected. */
async function heldMiB(pid: number): Promise<number> {
  for (let i = 0; i < 3; i++) {
    process.kill(pid, "SIGUSR2");
    await sleep(1_000);
  }
  return rssMiB(pid);
}

function rssMiB(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function commitOf(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
