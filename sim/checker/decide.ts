/** One component: reduced, searched, and where no order exists, cut down to what shows it. */
import { forgetOutcome, type Op, weaken } from "./compile.ts";
import { Budget, type Outcome, type Problem } from "./engine.ts";
import { checkJustInTime } from "./jit.ts";
import { reduceOpen } from "./reduce.ts";
import { type Cell, Space } from "./space.ts";
import { effectOf } from "./timeline.ts";
import { checkWingGongLowe } from "./wgl.ts";

export type EngineName = "auto" | "wingGongLowe";

export type Subject = {
  readonly ops: readonly Op[];
  readonly initial: readonly Cell[];
  /** Answers' versions are compared. */
  readonly comparesVersions: boolean;
};

/** What a cut-down violation may cost. */
const shrinkMs = 5_000;
const shrinkConfigurationsMax = 20_000;

export function decide(subject: Subject, budget: Budget, engine: EngineName): Outcome {
  return search(problemOf(subject, subject.ops), budget, engine);
}

/**
 * The smallest set of operations found that contradict each other, whatever else happened: were everything outside it
 * unconditional and free to happen at any time and any number of times, there would still be no order. `around`: one of
 * each kind outside that has to do with the core.
 */
export function shrink(subject: Subject, at: Op | null): { readonly core: readonly Op[]; readonly around: readonly Op[] } {
  const known = at === null ? subject.ops : cut(subject.ops, at.ret);
  const deadlineMs = performance.now() + shrinkMs;
  // Where each repetition makes another state, there would be no end to them.
  const versioned = isVersioned(subject);
  const repeatable = (op: Op) =>
    !versioned &&
    !op.parts.some(({ command }) => (command.kind === "txn" ? command.commands : [command]).some(({ kind }) => kind === "add"));
  const problemAround = (core: readonly Op[]) => {
    const kept = new Set(core);
    const ops = known.flatMap((op) => (kept.has(op) ? [op] : op.readOnly ? [] : [weaken(op, repeatable(op))]));
    return problemOf(subject, ops);
  };
  const contradicts = (core: readonly Op[]) => {
    const timeoutMs = deadlineMs - performance.now();
    if (timeoutMs <= 0) return false;
    const budget = new Budget({ timeoutMs, configurationsMax: shrinkConfigurationsMax });
    return search(problemAround(core), budget, "auto").kind === "violation";
  };
  const lastKnown = ({ ret, call }: Op) => (Number.isFinite(ret) ? ret : call);
  const latestFirst = [...known].sort((a, b) => Number(b === at) - Number(a === at) || lastKnown(b) - lastKnown(a));
  let enough = 8;
  while (enough < latestFirst.length && !contradicts(latestFirst.slice(0, enough))) enough *= 2;
  const core = smallest(latestFirst.slice(0, enough), contradicts);
  const inCore = new Set(core.map(({ position }) => position));
  const kinds = new Map(
    problemAround(core)
      .ops.filter(({ position }) => !inCore.has(position))
      .map((op) => [effectOf(op), op]),
  );
  return { core, around: [...kinds.values()] };
}

function search(problem: Problem, budget: Budget, engine: EngineName): Outcome {
  const outcome = engine === "wingGongLowe" ? null : checkJustInTime(problem, budget);
  return outcome ?? checkWingGongLowe(problem, budget);
}

function problemOf(subject: Subject, ops: readonly Op[]): Problem {
  const { initial, comparesVersions } = subject;
  const versioned = isVersioned(subject);
  const space = new Space(initial.length, { versioned, comparesVersions });
  return { ops: reduceOpen(ops, initial, versioned), space, start: space.start(initial) };
}

function isVersioned({ comparesVersions, ops }: Subject): boolean {
  return comparesVersions || ops.some(namesVersion);
}

function namesVersion({ parts }: Op): boolean {
  return parts.some(({ command }) => {
    if (command.kind === "checkAndSet") return "version" in command.expect;
    if (command.kind !== "txn") return false;
    return [...command.checks, ...command.commands].some((each) => "expect" in each && "version" in each.expect);
  });
}

/** What was known when an answer came: later calls are gone, and what was still under way is open. */
function cut(ops: readonly Op[], at: number): Op[] {
  return ops.flatMap((op) => {
    if (op.call > at) return [];
    if (op.optional || op.ret <= at) return [op];
    return op.readOnly ? [] : [forgetOutcome(op)];
  });
}

/** QuickXplain (Junker, 2004): a smallest part that still holds, of a whole that does. The first are kept rather than the last. */
function smallest<T>(whole: readonly T[], holds: (part: readonly T[]) => boolean): T[] {
  const explain = (background: readonly T[], grown: boolean, candidates: readonly T[]): T[] => {
    if (grown && holds(background)) return [];
    if (candidates.length <= 1) return [...candidates];
    const middle = candidates.length >> 1;
    const [front, back] = [candidates.slice(0, middle), candidates.slice(middle)];
    const ofBack = explain([...background, ...front], front.length > 0, back);
    const ofFront = explain([...background, ...ofBack], ofBack.length > 0, front);
    return [...ofFront, ...ofBack];
  };
  return explain([], false, whole);
}
