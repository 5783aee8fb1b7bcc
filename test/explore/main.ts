/** `npm run explore`: the bounds that take minutes. `npm run explore -- NAME` runs those whose name has NAME in it. */
import { explore, type Report } from "./explorer.ts";
import { conflicting } from "./setup.ts";

const bounds = [conflicting(3, [1]), conflicting(3, [2]), conflicting(3, [3]), conflicting(3, [1, 0]), conflicting(3, [1, 1]), conflicting(4, [1, 1]), conflicting(5, [1, 1])];

const wanted = process.argv[2] ?? "";
const seconds = Number(process.argv[3] ?? 60);
for (const bound of bounds.filter(({ name }) => name.includes(wanted))) {
  const report = explore(bound, { statesMax: 3e7, secondsMax: seconds }, (s, d, w) => console.log(`   ${s} states, depth ${d}, ${w} waiting`));
  print(report);
}

function print({ bound, states, transitions, depth, seconds: took, exhausted, violation }: Report): void {
  console.log(`${bound.name}: ${states} states, ${transitions} transitions, depth ${depth}, ${took.toFixed(1)} s, ${exhausted ? "exhausted" : "NOT exhausted"}`);
  if (violation !== null) {
    console.log(violation.message);
    for (const line of violation.schedule) console.log(`  ${line}`);
    process.exitCode = 1;
  }
}
