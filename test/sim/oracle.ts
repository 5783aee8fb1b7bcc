/**
 * Ten thousand histories of one key on which another checker was asked as well: lincheck, of the design's shared tools, built
 * on porcupine 1.3.1. Its verdicts are in oracle.json, so nobody needs it: `node --import tsx test/sim/oracle.ts` compares all of
 * ours with them, and with the path of lincheck asks it again first and writes them anew.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { checkHistory } from "../../sim/checker/check-history.ts";
import type { Operation } from "../../sim/checker/history.ts";
import { writeHistory } from "../../sim/checker/jsonl.ts";
import { createDice } from "../../sim/random.ts";
import { randomHistory, type Shape, spoil } from "./checker-histories.ts";

export const HISTORIES = 10_000;

/** `bad`: a hexadecimal digit for four histories, the first one in its highest bit. */
type Oracle = { readonly digests: readonly string[]; readonly bad: string };

const BASE: Shape = {
  operations: 12,
  clients: 4,
  keys: 1,
  kinds: { get: 4, set: 3, delete: 1, checkAndSet: 3 },
  info: 0.1,
  fail: 0.05,
  sameValues: 0,
  onVersion: 0,
  ticks: 8,
  silent: 0.3,
};
/** Small and hard ones, with values that many write; long ones; many clients at once; much that is unknown. */
const SHAPES: readonly Shape[] = [
  { ...BASE, sameValues: 0.4 },
  BASE,
  { ...BASE, operations: 60, clients: 6 },
  { ...BASE, operations: 40, clients: 10, ticks: 20, info: 0.03 },
  { ...BASE, operations: 30, info: 0.3, fail: 0.1 },
];

function historyOf(number: number): Operation[] {
  const dice = createDice(`oracle ${number}`);
  const shape = SHAPES[number % SHAPES.length] as Shape;
  let history = randomHistory(dice, { ...shape, operations: dice.between(Math.ceil(shape.operations / 3), shape.operations) });
  // Half of them as they are.
  if (number % 2 === 1) for (let times = dice.between(1, 3); times > 0; times--) history = spoil(dice, history);
  // Where nobody was answered there is nothing to check.
  if (!history.some(({ status }) => status === "ok")) return historyOf(number + HISTORIES);
  return history.map(inCommon);
}

/** What both read: of an answer the value, whether it matched, and what was there instead; times above 0. */
function inCommon(operation: Operation): Operation {
  const { op, result, startNs, endNs } = operation as Operation & { readonly startNs: number; readonly endNs: number };
  const fields = op === "get" ? ["value"] : op === "checkAndSet" ? ["ok", "current"] : [];
  const kept = Object.entries(result ?? {}).filter(([field]) => fields.includes(field));
  const answer = operation.status === "ok" ? { result: Object.fromEntries(kept) } : {};
  return { ...operation, ...answer, startNs: startNs + 1_000, endNs: endNs + 1_000 };
}

/** True for a violation. @throws Error where there is no verdict */
function isBad(history: readonly Operation[]): boolean {
  const { verdict } = checkHistory(history, { timeoutMs: 60_000 });
  if (verdict === "unknown") throw new Error("not decided");
  return verdict === "violation";
}

/** How many histories one digest stands for. */
const BLOCK = 2_000;
const stored = new URL("oracle.json", import.meta.url);

export type Compared = {
  readonly histories: number;
  readonly bad: number /** Where lincheck said something else. */;
  readonly different: readonly number[];
};

/** Compares our verdicts on the first histories with the stored ones. @throws Error where the histories are others by now */
export function compareStored(count: number): Compared {
  const { digests, bad } = JSON.parse(readFileSync(stored, "utf8")) as Oracle;
  const isStoredBad = (number: number) => ((Number.parseInt(bad[number >> 2] as string, 16) >> (3 - (number & 3))) & 1) === 1;
  const different: number[] = [];
  let found = 0;
  for (let number = 0; number < count; number++) {
    if (number % BLOCK === 0 && digestOfBlock(number / BLOCK) !== digests[number / BLOCK])
      throw new Error("these are other histories than lincheck was asked about: it has to be asked again");
    if (isStoredBad(number)) found++;
    if (isBad(historyOf(number)) !== isStoredBad(number)) different.push(number);
  }
  return { histories: count, bad: found, different };
}

function digestOfBlock(block: number): string {
  const hash = createHash("sha256");
  for (let i = 0; i < BLOCK; i++) hash.update(writeHistory(historyOf(block * BLOCK + i)));
  return hash.digest("hex");
}

/** @throws Error where there is no verdict */
function askOracle(program: string, text: string): boolean {
  const { status } = spawnSync(program, ["-html", "/dev/null", "-"], { input: text, stdio: ["pipe", "ignore", "inherit"] });
  if (status !== 0 && status !== 1) throw new Error(`${program} ended with ${status} on\n${text}`);
  return status === 1;
}

function store(program: string): void {
  const bits = Array.from({ length: HISTORIES }, (_, number) => (askOracle(program, writeHistory(historyOf(number))) ? "1" : "0")).join("");
  const bad = bits.replace(/.{4}/g, (four) => Number.parseInt(four, 2).toString(16));
  const digests = Array.from({ length: HISTORIES / BLOCK }, (_, block) => digestOfBlock(block));
  writeFileSync(stored, `${JSON.stringify({ digests, bad } satisfies Oracle, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , program] = process.argv;
  if (program !== undefined) store(program);
  const { histories, bad, different } = compareStored(HISTORIES);
  console.log(`${histories} histories, ${bad} of them bad; ${different.length} verdicts differ: ${different.join(", ")}`);
  process.exitCode = different.length === 0 ? 0 : 1;
}
