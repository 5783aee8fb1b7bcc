import type { Report } from "./explorer.ts";
import type { Walks } from "./walks.ts";

/** One line, and a schedule below it where an invariant is broken. */
export function linesOf({ bound, states, transitions, depth, seconds, exhausted, violation }: Report): string[] {
  const numbers = `${states} states, ${transitions} transitions, depth ${depth}, ${seconds.toFixed(1)} s`;
  if (violation !== null) return [`${bound.name}: ${numbers}: ${violation.message}`, ...numbered(violation.schedule)];
  return [`${bound.name}: ${numbers}, ${exhausted ? "exhausted" : `NOT exhausted: only up to ${depth} steps`}`];
}

export function linesOfWalks({ bound, walks, steps, seconds, ends, violation }: Walks): string[] {
  const numbers = `${walks} random walks, ${steps} steps, ${seconds.toFixed(1)} s, ended with ${ends.values} values and ${ends.nops} Nops`;
  if (violation !== null)
    return [`${bound.name}: ${numbers}: walk ${violation.walk}: ${violation.message}`, ...numbered(violation.schedule)];
  return [`${bound.name}: ${numbers}`];
}

function numbered(schedule: readonly string[]): string[] {
  return schedule.map((line, i) => `  ${i + 1}. ${line}`);
}
