/** One mistake, as a change of the text of shipped files. */
export type Mutant = {
  readonly name: string;
  /** `7`: the mutations of consensus.md section 7; `10`: the mistakes of earlier systems in its section 10. */
  readonly section: 7 | 10;
  /** Each `from` stands in its file exactly once. */
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** Who is to catch it, of which one is enough; the simulator's seeds come after them. */
  readonly tests: readonly TestRef[];
};

/** A test file, and a part of the names of those of its tests that are to be run. */
export type TestRef = { readonly file: string; readonly name: string | null };

/** `T03`: that schedule of test/scenarios. Else a file below test/, without its ending. */
export function testRef(text: string): TestRef {
  if (/^[TNSE]\d+$/.test(text)) return { file: "test/scenarios/scenarios.test.ts", name: `${text.replace(/^([SE])0/, "$1")}-` };
  const [file, name = null] = text.split(": ") as [string, string?];
  return { file: `test/${file}.test.ts`, name };
}

export const mutant = (section: 7 | 10, name: string, file: string, from: string, to: string, ...tests: readonly string[]): Mutant => ({
  name,
  section,
  edits: [{ file, from, to }],
  tests: tests.map(testRef),
});

/** In protocol/conflict-index.ts: the end of the search, which more than one mistake changes. */
export const FOUND = "  return [...found];";
