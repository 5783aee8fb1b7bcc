/** Lines that say what must hold now. */
import { instanceName } from "../../protocol/ids.ts";
import type { InstanceId, Key } from "../../protocol/types.ts";
import type { Form } from "./script.ts";
import { differs, ScriptError } from "./script-error.ts";
import type { Stage } from "./stage.ts";
import { filterOf, words } from "./steps.ts";
import { frontierText, normalSet, recordFacts, settledText, stateText } from "./words.ts";

export const expectations: readonly Form[] = [
  { pattern: /^expect (\S+) (waits|answers|fails)(?: (.*))?$/, play: (stage, args) => expectCaller(stage, args) },
  { pattern: /^expect (nothing )?sent (\*|\d+)>(\*|\d+) (\*|\w+)(?: (\S+))?$/, play: (stage, args) => expectSent(stage, args) },
  {
    pattern: /^expect ((?:\d+ ?)+): (\S+) is (.*)$/,
    async play(stage, [sites, key, expected]) {
      for (const site of words(sites)) {
        const [state] = await stage.node(Number(site)).ctx.store.read("value", [key as Key]);
        compare(`${key} at ${site}`, expected as string, stateText(state ?? { value: null, version: 0 }));
      }
    },
  },
  { pattern: /^expect ((?:\d+ ?)+): (epoch \d+|frozen|not frozen|barred|not barred)$/, play: (stage, args) => expectReplica(stage, args) },
  {
    pattern: /^expect ((?:\d+ ?)+): (floor|executed prefix|reported|K of \d+|voters of \d+) (.*)$/,
    play: (stage, args) => expectSet(stage, args),
  },
  {
    pattern: /^expect ((?:\d+ ?)+): order (.*)$/,
    async play(stage, [sites, expected]) {
      for (const site of words(sites))
        compare(`order at ${site}`, expected as string, (await orderAt(stage, Number(site), words(expected))).join(" "));
    },
  },
  {
    pattern: /^expect ((?:\d+ ?)+): index of (\S+) (\{.*\})$/,
    async play(stage, [sites, key, expected]) {
      for (const site of words(sites)) {
        const [index] = await stage.node(Number(site)).ctx.store.read("index", [`k${key}`]);
        const ids = index?.entries.map(({ id }) => stage.names.nameOf(id)) ?? [];
        compare(`index of ${key} at ${site}`, normalSet(expected as string), normalSet(ids.join(" ")));
      }
    },
  },
  {
    pattern: /^expect ((?:\d+ ?)+): (\S+) (.*)$/,
    async play(stage, [sites, name, facts]) {
      for (const site of words(sites)) await expectRecord(stage, Number(site), name as string, facts as string);
    },
  },
];

function compare(what: string, expected: string, got: string): void {
  if (expected !== got) throw differs(what, expected, got);
}

function expectCaller(stage: Stage, [name, how, text]: readonly string[]): void {
  const caller = stage.callers.get(name as string);
  if (caller === undefined) throw new ScriptError(`nobody is called ${name}`);
  const verbs = { waits: "waits", answered: "answers", failed: "fails" };
  compare(`what ${name} hears`, [how, text].filter(Boolean).join(" "), [verbs[caller.state], caller.text].filter(Boolean).join(" "));
}

function expectSent(stage: Stage, [nothing, ...way]: readonly string[]): void {
  const found = stage.network.matching(filterOf(stage, way), "sent");
  if ((found.length === 0) === (nothing !== undefined)) return;
  throw differs("messages on their way", nothing === undefined ? "at least one" : "none", `\n      ${stage.network.describe("sent")}`);
}

async function expectReplica(stage: Stage, [sites, what]: readonly string[]): Promise<void> {
  for (const site of words(sites)) {
    const { ctx } = stage.node(Number(site));
    const [replica] = await ctx.store.read("replica", [""]);
    const isBarred = (ctx.fence ?? ctx.unfit) !== null || ctx.removed;
    const got = {
      epoch: `epoch ${replica?.epoch ?? 0}`,
      frozen: replica?.frozen === true ? "frozen" : "not frozen",
      barred: isBarred ? "barred" : "not barred",
    };
    const kind = what?.startsWith("epoch") ? "epoch" : what?.endsWith("frozen") ? "frozen" : "barred";
    compare(`replica ${site}`, what as string, got[kind]);
  }
}

async function expectSet(stage: Stage, [sites, what, expected]: readonly string[]): Promise<void> {
  for (const site of words(sites)) {
    const { ctx } = stage.node(Number(site));
    const [progress] = await ctx.store.read("progress", [""]);
    const [replica] = await ctx.store.read("replica", [""]);
    const [chain] = await ctx.store.read("chain", [""]);
    const number = Number(/\d+$/.exec(what as string)?.[0] ?? 0);
    const link = chain?.links.find(({ epoch }) => epoch === (what?.startsWith("K") ? number + 1 : number));
    const { names } = stage;
    const reported = replica?.reported ?? null;
    const got = what?.startsWith("voters")
      ? (link?.voters.join(" ") ?? "unknown")
      : what?.startsWith("K")
        ? link === undefined
          ? "unknown"
          : settledText(names, link.settled)
        : what === "reported"
          ? reported === null
            ? "nothing"
            : settledText(names, reported)
          : frontierText(names, (what === "floor" ? progress?.globalFloor : progress?.executed) ?? []);
    const normal = (text: string) => (text.startsWith("{") ? normalSet(text) : text);
    compare(`${what} at ${site}`, normal(expected as string), normal(got));
  }
}

/** In the order of the replica's own stream of changes; only those that are asked about. */
async function orderAt(stage: Stage, site: number, asked: readonly string[]): Promise<string[]> {
  const wanted = new Set(asked.map((name) => stage.names.idOf(name)));
  const stream = await stage.node(site).ctx.store.changes("", 10_000);
  const executed: InstanceId[] = (stream?.changes ?? []).map(({ change }) => change.instance);
  return executed.filter((id) => wanted.has(id)).map(stage.names.nameOf);
}

const PHASES = ["absent", "initial", "preaccepted", "accepted", "committed"];

/** `committed value deps {y} abal 1.3`: what is not said is not asked. */
async function expectRecord(stage: Stage, site: number, name: string, text: string): Promise<void> {
  const [record] = await stage.node(site).ctx.store.read("instance", [instanceName(stage.names.idOf(name))]);
  const facts = recordFacts(stage.names, record ?? null);
  const got = [...facts].map(([fact, value]) => (["phase", "value", "executed"].includes(fact) ? value : `${fact} ${value}`)).join(" ");
  const check = (fact: string, expected: string) => {
    const normal = expected.startsWith("{") ? normalSet(expected) : expected;
    if (facts.get(fact) !== normal) throw differs(`${name} at ${site}`, text, got);
  };
  const pattern = /\s*(not executed|executed|nop|value|(?:bal|abal|waiting|path|epoch) \S+|(?:deps|init) (?:\{[^}]*\}|unknown)|[a-z]+)/y;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const word = pattern.exec(text)?.[1];
    if (word === undefined) throw new ScriptError(`not a fact of an instance: "${text.slice(at)}"`);
    const [first, ...rest] = word.split(" ") as [string, ...string[]];
    if (PHASES.includes(word)) check("phase", word);
    else if (word === "nop" || word === "value") check("value", word);
    else if (word.endsWith("executed")) check("executed", word);
    else if (rest.length > 0) check(first, rest.join(" "));
    else throw new ScriptError(`not a fact of an instance: "${word}"`);
  }
}
