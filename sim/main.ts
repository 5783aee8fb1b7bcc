/** `npm run sim -- --seeds N --from S [--replicas n] [--operations n] [--trace]`: runs seeds one after the other and says what it found. */
import { parseArgs } from "node:util";
import { addCounts, tellCover } from "./cover.ts";
import { runSeed } from "./run.ts";
import { replayCommand, tellFailure } from "./tell.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    replicas: { type: "string" },
    operations: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});
const [count, from] = [Number(values.seeds), Number(values.from)];
const fixed = {
  replicas: values.replicas === undefined ? undefined : Number(values.replicas),
  operations: values.operations === undefined ? undefined : Number(values.operations),
};

const startMs = performance.now();
const failed: string[] = [];
const cover = new Map<string, number>();
let [virtualMs, operations, events, undecided] = [0, 0, 0, 0];
for (let seed = from; seed < from + count; seed++) {
  const result = await runSeed({ seed, ...fixed, keepsLines: values.trace });
  virtualMs += result.virtualMs;
  operations += result.history.length;
  events += result.events;
  addCounts(cover, result.cover);
  if (result.undecided !== null) undecided++;
  if (result.violation !== null) {
    failed.push(replayCommand({ seed, ...fixed }));
    // The lines were not kept for speed; the same seed is the same run.
    const told = values.trace ? result : await runSeed({ seed, ...fixed, keepsLines: true });
    console.log(tellFailure(told, fixed));
  }
  if (values.trace) console.log(`seed ${seed}: hash ${result.hash}, ${JSON.stringify(result.plan)}`);
  if ((seed - from + 1) % 50 === 0) console.log(`${seed - from + 1} seeds, ${failed.length} violations, ${rate()}`);
}

function rate(): string {
  const seconds = (performance.now() - startMs) / 1000;
  return `${seconds.toFixed(1)} s, ${(virtualMs / 1000 / seconds).toFixed(1)} simulated seconds a second`;
}

console.log(
  `${count} seeds from ${from}: ${operations} operations, ${events} events, ${(virtualMs / 1000).toFixed(0)} simulated seconds, ${rate()}`,
);
console.log(tellCover(cover));
if (undecided > 0) console.log(`of ${undecided} seeds the history took too long to judge; every other invariant was checked`);
console.log(failed.length === 0 ? "no violations" : `${failed.length} violations:\n${failed.join("\n")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
