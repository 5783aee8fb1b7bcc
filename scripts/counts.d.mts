export type Counts = { passed: number; failed: number; skipped: number };
/** As node:test gives them to a reporter, of the types `test:pass` and `test:fail`. */
export type ResultEvent = { readonly type: string; readonly data: object };
export function emptyCounts(): Counts;
export function addCounts(a: Counts, b: Counts): Counts;
/** The last line of `npm test`. */
export function summaryLine(counts: Counts): string;
export function exitCodeOf(counts: Counts): 0 | 1;
/** Counts leaves; null where the event is none. */
export function createCounter(): { take(event: ResultEvent): keyof Counts | null };
