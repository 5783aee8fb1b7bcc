/**
 * `npm run explore`: every bound for up to a minute and a half, `npm run explore -- SECONDS` for up to so many;
 * `npm run explore -- SECONDS TEXT` those whose name has TEXT in it. Says for each whether all of it was visited.
 */
import { bounds } from "./bounds.ts";
import { explore } from "./explorer.ts";
import { linesOf } from "./report.ts";

const secondsMax = Number(process.argv[2] ?? 90);
const wanted = process.argv[3] ?? "";
let [looked, exhausted] = [0, 0];
for (const bound of bounds.filter(({ name }) => name.includes(wanted))) {
  let lastMs = performance.now();
  const report = explore(bound, { statesMax: 1e8, secondsMax }, (states, depth, waiting) => {
    if (performance.now() - lastMs < 10_000) return;
    lastMs = performance.now();
    console.log(`  ... ${states} states, depth ${depth}, ${waiting} not looked at yet`);
  });
  for (const line of linesOf(report)) console.log(line);
  looked++;
  if (report.exhausted) exhausted++;
  if (report.violation !== null) process.exitCode = 1;
}
console.log(`${exhausted} of ${looked} bounds exhausted`);
