/** Lines that do something: who proposes, reads and recovers, what the network does, who dies, what time it is. */

import { closeOldBuckets } from "../../proposals/buckets.ts";
import { startLoops } from "../../proposals/loops.ts";
import { advanceProgress } from "../../proposals/progress.ts";
import { propose } from "../../proposals/propose.ts";
import { read } from "../../proposals/read.ts";
import { recover } from "../../proposals/recover.ts";
import { copyMemoryDisk, createMemoryDisk } from "../../proposals/store/memory.ts";
import type { PeerReply } from "../../protocol/messages.ts";
import type { Key } from "../../protocol/types.ts";
import { unfinished } from "../../sim/invariants/convergence.ts";
import type { Mirror } from "../../sim/invariants/ledger.ts";
import { parseCommands } from "./commands.ts";
import { finish } from "./finish.ts";
import type { Filter, Message } from "./network.ts";
import type { Node } from "./node.ts";
import type { Form } from "./script.ts";
import { differs, ScriptError } from "./script-error.ts";
import { type Caller, formCluster, type Stage } from "./stage.ts";
import { normalSet, outcomeText, replyText, stateText } from "./words.ts";

const CALLER_TIMEOUT_MS = 60_000;
const RUN_MESSAGES_MAX = 5_000;
/** I19: virtual time within which everything is decided and executed everywhere once nothing fails any more. */
const SETTLE_MS = 30_000;

/** `1>3 preAccept x`: sender, receiver, kind, instance; `*` for any, the instance may be left out. */
const WAY = String.raw`(\*|\d+)>(\*|\d+) (\*|\w+)(?: (\S+))?`;
const form = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

export const steps: readonly Form[] = [
  { pattern: form(String.raw`cluster (\d+)`), play: (stage, [n]) => formCluster(stage, Number(n)) },
  {
    pattern: form(String.raw`(\S+) = propose (\d+): (.*?)(?: key (\S+))?(?: within (\d+))?`),
    async play(stage, [name, site, text, key, ms]) {
      proposeAt(stage, { name, site, text, key, ms });
      await stage.rest();
    },
  },
  {
    pattern: form(String.raw`together (\d+): (.*)`),
    async play(stage, [site, text]) {
      for (const part of (text as string).split(";")) {
        const [name, ...command] = words(part);
        proposeAt(stage, { name, site, text: command.join(" "), key: undefined, ms: undefined });
      }
      await stage.rest();
    },
  },
  {
    pattern: form(String.raw`(\S+) = read (\d+): (\S+)(?: within (\d+))?`),
    async play(stage, [name, site, key, ms]) {
      const node = stage.node(Number(site));
      call(stage, name as string, node, read(node.ctx, key as Key, "linearizable", timeoutOf(ms)).then(stateText));
      await stage.rest();
    },
  },
  {
    pattern: form(String.raw`recover (\d+): (\S+)`),
    async play(stage, [site, name]) {
      const { ctx } = stage.node(Number(site));
      const id = stage.names.idOf(name as string);
      void recover(ctx, id, ctx.ballotsSeen.get(id) ?? null);
      await stage.rest();
    },
  },
  {
    pattern: form(`(deliver|receive|repeat) ${WAY}(?: => (.*))?`),
    async play(stage, [verb, from, to, kind, name, expected]) {
      const filter = filterOf(stage, [from, to, kind, name]);
      for (const message of chosen(stage, filter, verb === "repeat" ? "any" : "sent")) {
        const reply = verb === "repeat" ? await stage.network.copy(message) : await stage.network.arrive(message);
        if (expected !== undefined) checkReply(stage, reply, expected);
        if (verb === "deliver" && reply !== null) await stage.network.comeBack(message);
      }
    },
  },
  {
    pattern: form(`return ${WAY}`),
    async play(stage, args) {
      for (const message of chosen(stage, filterOf(stage, args), "handled")) await stage.network.comeBack(message);
    },
  },
  {
    pattern: form(`lose (answer )?${WAY}`),
    play(stage, [answer, ...way]) {
      for (const message of chosen(stage, filterOf(stage, way), answer === undefined ? "sent" : "handled")) stage.network.lose(message);
    },
  },
  { pattern: form(`block ${WAY}`), play: (stage, way) => stage.network.block(filterOf(stage, way)) },
  { pattern: form("unblock"), play: (stage) => stage.network.unblock() },
  {
    pattern: form(String.raw`run((?: (?!among)\S+)*?)(?: among ((?:\d+ ?)+))?`),
    play: (stage, [names, sites]) => run(stage, words(names), words(sites).map(Number)),
  },
  { pattern: form(String.raw`wait (\d+)`), play: (stage, [ms]) => stage.advance(Number(ms)) },
  {
    pattern: form(String.raw`crash ((?:\d+ ?)+)`),
    async play(stage, [sites]) {
      for (const site of words(sites)) stage.node(Number(site)).kill();
      await stage.rest();
    },
  },
  {
    pattern: form(String.raw`crash (\d+) (before|after) its next write`),
    play(stage, [site, when]) {
      stage.node(Number(site)).fate = when === "before" ? "crashBefore" : "crashAfter";
    },
  },
  {
    pattern: form(String.raw`restart ((?:\d+ ?)+)`),
    async play(stage, [sites]) {
      for (const site of words(sites)) await stage.restart(Number(site));
      await stage.sync(stage.live().map(({ site }) => site.number));
    },
  },
  {
    pattern: form(String.raw`progress ((?:\d+ ?)+)`),
    async play(stage, [sites]) {
      for (const site of words(sites)) await advanceProgress(stage.node(Number(site)).ctx);
    },
  },
  {
    pattern: form(String.raw`close hours (\d+): (\d+)`),
    async play(stage, [site, count]) {
      for (let hour = 0; hour < Number(count); hour++) await finish(stage, () => closeOldBuckets(stage.node(Number(site)).ctx));
    },
  },
  {
    pattern: form(String.raw`sync(?: ((?:\d+ ?)+))?`),
    play: (stage, [sites]) => stage.sync(sites === undefined ? stage.live().map(({ site }) => site.number) : words(sites).map(Number)),
  },
  { pattern: form("settle"), play: settle },
  { pattern: form(String.raw`clock (\d+) ([+-]\d+) h`), play: (stage, [site, hours]) => turnClock(stage, Number(site), Number(hours)) },
  {
    pattern: form(String.raw`(keep|put back|empty) disk (\d+)`),
    play: (stage, [what, site]) => disk(stage, what as "keep", Number(site)),
  },
];

export function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter(Boolean);
}

export function filterOf(stage: Stage, [from, to, kind, name]: readonly (string | undefined)[]): Filter {
  const place = (text: string | undefined) => (text === "*" ? "*" : Number(text));
  return { from: place(from), to: place(to), kind: kind as string, id: name === undefined ? null : stage.names.idOf(name) };
}

/** One message, the oldest; all of them where sender or receiver is a star. */
function chosen(stage: Stage, filter: Filter, state: Message["state"] | "any"): Message[] {
  const { network } = stage;
  const states = state === "any" ? (["sent", "handled", "over"] as const) : [state];
  const found = states.flatMap((each) => network.matching(filter, each));
  if (found.length === 0)
    throw new ScriptError(
      `no such message. On their way:\n      ${network.describe("sent")}\n    handled, answer on its way:\n      ${network.describe("handled")}`,
    );
  return filter.from === "*" || filter.to === "*" ? found : found.slice(0, 1);
}

function checkReply(stage: Stage, reply: PeerReply | null, expected: string): void {
  const normal = (text: string) => text.replace(/\{.*\}/, normalSet);
  const got = reply === null ? "nothing" : replyText(stage.names, reply);
  if (normal(got) !== normal(expected)) throw differs("the answer is another one", expected, got);
}

function timeoutOf(ms: string | undefined): number {
  return ms === undefined ? CALLER_TIMEOUT_MS : Number(ms);
}

type Proposal = Readonly<Record<"name" | "site" | "text" | "key" | "ms", string | undefined>>;

function proposeAt(stage: Stage, { name, site, text, key, ms }: Proposal): void {
  const commands = parseCommands(text as string);
  stage.proposed.set(commands, name as string);
  const input = { commands, idempotencyKey: key ?? null, timeoutMs: timeoutOf(ms) };
  const node = stage.node(Number(site));
  call(
    stage,
    name as string,
    node,
    propose(node.ctx, input).then(({ outcome }) => outcomeText(outcome)),
  );
}

/** Notes what becomes of it. */
export function call(stage: Stage, name: string, at: Node, promise: Promise<string>): void {
  if (stage.callers.has(name)) throw new ScriptError(`${name} is the name of something else`);
  const caller: Caller = { at, state: "waits", text: "" };
  stage.callers.set(name, caller);
  promise.then(
    (text) => Object.assign(caller, { state: "answered", text }),
    (error) => Object.assign(caller, { state: "failed", text: (error as { code?: string }).code ?? String(error) }),
  );
}

/** Everything on its way arrives, and what is sent because of it, until nothing is: all of it, or about these instances among these replicas. */
async function run({ network, names }: Stage, about: readonly string[], sites: readonly number[]): Promise<void> {
  const ids = about.map((name) => names.idOf(name));
  const isMeant = ({ from, to, request }: Message) =>
    (ids.length === 0 || ("id" in request && ids.includes(request.id))) &&
    (sites.length === 0 || (sites.includes(from) && sites.includes(to)));
  for (let count = 0; count < RUN_MESSAGES_MAX; count++) {
    const next = network.messages.find((message) => message.state === "sent" && isMeant(message));
    if (next === undefined) return;
    if ((await network.arrive(next)) !== null) await network.comeBack(next);
  }
  throw new ScriptError(`still going on after ${RUN_MESSAGES_MAX} messages`);
}

/** No fault from here on, and every loop runs: all that is alive must come to one state (I19). Who is down stays down. */
async function settle(stage: Stage): Promise<void> {
  const { network, world, observer } = stage;
  network.unblock();
  network.open();
  for (const { ctx } of stage.live()) startLoops(ctx, "all");
  const members = stage.live().map(({ site }) => observer.ledger.mirrors.get(site.number) as Mirror);
  for (const startMs = world.schedule.nowMs(); ; ) {
    await stage.advance(250);
    const left = unfinished(
      observer.ledger,
      members.filter(({ replica }) => replica !== null),
    );
    if (world.violation !== null || (left === null && noneWaits(stage))) return;
    if (world.schedule.nowMs() - startMs > SETTLE_MS)
      throw new ScriptError(left?.message ?? `callers still wait: ${describeCallers(stage)}`);
  }
}

/** Who asked a replica that died is not told. */
function noneWaits({ callers }: Stage): boolean {
  return [...callers.values()].every(({ at, state }) => state !== "waits" || !at.alive);
}

function describeCallers({ callers }: Stage): string {
  return [...callers].map(([name, { state, text }]) => `${name} ${state} ${text}`).join("; ");
}

function turnClock(stage: Stage, site: number, hours: number): void {
  stage.node(site).site.wallSkewMs += hours * 3_600_000;
}

const kept = new WeakMap<Stage, Map<number, ReturnType<typeof copyMemoryDisk>>>();

function disk(stage: Stage, what: "keep" | "put back" | "empty", number: number): void {
  const site = stage.sites.get(number);
  if (site === undefined) throw new ScriptError(`there is no replica ${number}`);
  const copies = kept.get(stage) ?? new Map();
  kept.set(stage, copies);
  if (what === "keep") copies.set(number, copyMemoryDisk(site.disk));
  // What is on a disk that was put back contradicts what was read of it: nobody reads along any more.
  else if (what === "empty") site.disk = createMemoryDisk();
  else site.disk = copies.get(number) ?? site.disk;
}
