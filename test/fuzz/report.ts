/** All runs of `npm run fuzz` in one file, which each run adds itself to: the machine reads the JSON in it, people the tables. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

export type FuzzRun = {
  readonly date: string;
  readonly commit: string;
  readonly seed: number;
  readonly rate: number;
  readonly forged: number;
  readonly signed: number;
  readonly requests: number;
  /** How often each answer came, as `forged 401`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly forgedAccepted: number;
  readonly rssMiB: { readonly before: number; readonly after: number; readonly most: number };
  readonly p99Ms: { readonly before: number; readonly during: number };
  readonly wrong: readonly string[];
};

export function addRun(file: string, run: FuzzRun): void {
  const data = file.replace(/\.md$/, ".json");
  const runs: FuzzRun[] = existsSync(data) ? (JSON.parse(readFileSync(data, "utf8")) as FuzzRun[]) : [];
  runs.push(run);
  writeFileSync(data, `[\n${runs.map((each) => JSON.stringify(each)).join(",\n")}\n]\n`);
  writeFileSync(file, markdownOf(runs));
}

function markdownOf(runs: readonly FuzzRun[]): string {
  const sum = (figure: (run: FuzzRun) => number) => runs.reduce((total, run) => total + figure(run), 0);
  const answers = new Map<string, number>();
  for (const run of runs) for (const [name, count] of Object.entries(run.answers)) answers.set(name, (answers.get(name) ?? 0) + count);
  const lines = [
    "# Bent messages and bad requests",
    "",
    "`npm run fuzz -- --count N --requests N --seed S` against three datacenters of real processes that share a secret, with good traffic at the same time. Forged messages are unsigned, signed with another secret, for another body or sender, long ago, or with a bent signature; half of them are whole inside. Signed ones are bent before a member's right signature is put on them. Each run adds itself here and to `fuzz.json`.",
    "",
    `All runs: ${sum(({ forged }) => forged)} forged messages, ${sum(({ forgedAccepted }) => forgedAccepted)} of them accepted; ${sum(({ signed }) => signed)} rightly signed; ${sum(({ requests }) => requests)} bad requests; ${sum(({ wrong }) => wrong.length)} complaints.`,
    "",
    "| date | commit | seed | a second | forged | signed | bad requests | accepted forgeries | RSS before / after / most, MiB | good p99 before / during, ms | complaints |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...runs.map((run) => {
      const { before, after, most } = run.rssMiB;
      const p99 = `${run.p99Ms.before} / ${run.p99Ms.during}`;
      return `| ${run.date} | ${run.commit} | ${run.seed} | ${run.rate} | ${run.forged} | ${run.signed} | ${run.requests} | ${run.forgedAccepted} | ${before} / ${after} / ${most} | ${p99} | ${run.wrong.join("; ").replaceAll("|", "/").slice(0, 300) || "none"} |`;
    }),
    "",
    "## Answers",
    "",
    "| to | count |",
    "| --- | --- |",
    ...[...answers].sort().map(([name, count]) => `| ${name} | ${count} |`),
  ];
  return `${lines.join("\n")}\n`;
}
