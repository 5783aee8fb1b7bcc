/** Reads a script, plays it line by line, and says of a line that fails what came before it. README.md has the format. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { InvariantViolation } from "../../protocol/assert.ts";
import { expectations } from "./expectations.ts";
import type { MessageEvent } from "./network.ts";
import { reconfigurations } from "./reconfigurations.ts";
import { ScriptError } from "./script-error.ts";
import { createStage, type Stage } from "./stage.ts";
import { steps } from "./steps.ts";

/** One form of a line; the groups of the pattern are its arguments. */
export type Form = { readonly pattern: RegExp; readonly play: (stage: Stage, args: readonly string[]) => Promise<void> | void };
export type Line = { readonly number: number; readonly text: string };
export type Script = { readonly file: string; readonly header: readonly string[]; readonly lines: readonly Line[] };

const TRACE_LINES = 60;

export function readScript(path: string): Script {
  const raw = readFileSync(path, "utf8").split("\n");
  const end = raw.findIndex((line) => !line.startsWith("#"));
  const lines = raw.map((line, i) => ({ number: i + 1, text: line.replace(/(^|\s)#.*$/, "").trim() }));
  const header = raw.slice(0, end === -1 ? raw.length : end).map((line) => line.replace(/^#\s*/, ""));
  return { file: basename(path), header, lines: lines.filter(({ text }) => text !== "") };
}

/** Who looks on: every line before and after it is played, and what becomes of each message. */
export type Audience = {
  onLine(line: Line, stage: Stage, when: "before" | "after"): void;
  onMessage(event: MessageEvent): void;
};
const nobody: Audience = { onLine: () => {}, onMessage: () => {} };

/** @throws Error naming file and line, with what was expected and what was said and written before */
export async function playScript({ file, lines }: Script, audience: Audience = nobody): Promise<void> {
  let stage = createStage(audience.onMessage);
  const stages = [stage];
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let at: Line | undefined;
  const onRejection = (error: unknown) => {
    stage.world.violation ??= { invariant: "crash", message: `nobody waits for: ${error}`, ids: [], atMs: stage.world.schedule.nowMs() };
  };
  process.on("unhandledRejection", onRejection);
  try {
    for (const line of lines) {
      at = line;
      // Each cluster is an act of its own: nothing is left of the one before.
      if (line.text.startsWith("cluster ")) {
        stage = createStage(audience.onMessage);
        stages.push(stage);
      }
      audience.onLine(line, stage, "before");
      await playLine(stage, line);
      audience.onLine(line, stage, "after");
    }
  } catch (error) {
    if (!(error instanceof ScriptError) && !(error instanceof InvariantViolation)) throw error;
    Error.stackTraceLimit = stackTraceLimit;
    const before = stage.world.trace.about([], TRACE_LINES).join("\n");
    throw new Error(`${file}:${at?.number}: ${at?.text}\n  ${error.message}\n  what happened before:\n${before}`);
  } finally {
    process.off("unhandledRejection", onRejection);
    Error.stackTraceLimit = stackTraceLimit;
    for (const { ctx } of stages.flatMap((each) => each.live())) ctx.stop.abort();
  }
}

async function playLine(stage: Stage, { text, number }: Line): Promise<void> {
  stage.world.trace.line([], () => `${number}: ${text}`);
  for (const { pattern, play } of [...expectations, ...reconfigurations, ...steps]) {
    const found = pattern.exec(text);
    if (found === null) continue;
    await play(stage, found.slice(1));
    const { violation } = stage.world;
    if (violation !== null) throw new ScriptError(`${violation.invariant} is broken: ${violation.message}`);
    return;
  }
  throw new ScriptError("no line has this form: see test/scenarios/README.md");
}
