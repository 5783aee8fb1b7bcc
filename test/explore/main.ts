/**
 * `npm run explore`: every bound for up to a minute, then random walks through the large ones for a quarter of one each.
 * `npm run explore -- SECONDS` gives each bound so many seconds, `npm run explore -- SECONDS TEXT` only those with TEXT in their name.
 */
import { bounds, walked } from "./bounds.ts";
import { explore } from "./explorer.ts";
import { linesOf, linesOfWalks } from "./report.ts";
import { walk } from "./walks.ts";

const progressEveryMs = 10_000;
const secondsMax = Number(process.argv[2] ?? 60);
const wanted = process.argv[3] ?? "";

let [looked, exhausted] = [0, 0];
for (const { bound } of bounds.filter((each) => each.bound.name.includes(wanted))) {
  let lastMs = performance.now();
  const report = explore(bound, { statesMax: 1e8, secondsMax }, (states, depth, waiting) => {
    if (performance.now() - lastMs < progressEveryMs) return;
    lastMs = performance.now();
    console.log(`  ${bound.name}: ${states} states, depth ${depth}, ${waiting} not looked at yet`);
  });
  say(linesOf(report), report.violation !== null);
  looked++;
  if (report.exhausted) exhausted++;
}
const seed = Date.now() % 2 ** 31;
for (const bound of walked.filter(({ name }) => name.includes(wanted))) {
  const result = walk(bound, { seed, walksMax: 1e6, secondsMax: secondsMax / 4 });
  say(linesOfWalks(result), result.violation !== null);
}
console.log(`${exhausted} of ${looked} bounds exhausted; walks of seed ${seed}`);

function say(lines: readonly string[], broken: boolean): void {
  for (const line of lines) console.log(line);
  if (broken) process.exitCode = 1;
}
