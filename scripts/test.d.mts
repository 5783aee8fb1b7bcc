import type { Counts } from "./counts.d.mts";
export type Suite = { readonly name: string; readonly files: readonly string[]; readonly concurrency: number; readonly minutesMax: number };
/** The suites that a run is made of. `files` are paths below test/. */
export function planSuites(files: readonly string[]): Suite[];
/** Keeps what `wanted` names: a suite whole, else every file with `wanted` in its path. */
export function selectSuites(suites: readonly Suite[], wanted: string | null): Suite[];
/** One word a line, as test-reporter.mjs appends them. */
export function readCounts(text: string): Counts;
