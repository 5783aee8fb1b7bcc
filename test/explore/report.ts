import type { Report } from "./explorer.ts";

/** One line, and a schedule below it where an invariant is broken. */
export function linesOf({ bound, states, transitions, depth, seconds, exhausted, violation }: Report): string[] {
  const numbers = `${states} states, ${transitions} transitions, depth ${depth}, ${seconds.toFixed(1)} s`;
  if (violation !== null)
    return [`${bound.name}: ${numbers}: ${violation.message}`, ...violation.schedule.map((line, i) => `  ${i + 1}. ${line}`)];
  return [`${bound.name}: ${numbers}, ${exhausted ? "exhausted" : `NOT exhausted: only up to ${depth} steps`}`];
}
