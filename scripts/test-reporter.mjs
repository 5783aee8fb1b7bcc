// A node:test reporter: one line for a file, everything about a failure, and each result appended to a file as it comes,
// so that a suite that is killed is still counted.
import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { createCounter, emptyCounts } from "./counts.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const slowMs = 5_000;

/** @param {AsyncIterable<{type: string, data: any}>} source */
export default async function* report(source) {
  const counter = createCounter();
  const files = new Map();
  let topFile = null;
  const path = [];
  for await (const event of source) {
    if (event.type === "test:start") {
      path[event.data.nesting] = event.data.name;
      // node:test reports one file after the other.
      if (event.data.nesting === 0 && event.data.file !== topFile) {
        yield* summaries(files);
        topFile = event.data.file;
      }
    }
    if (event.type === "test:stdout" || event.type === "test:stderr") yield event.data.message;
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { file = "", nesting, name, details, skip } = event.data;
    const seen = files.get(file) ?? { ...emptyCounts(), durationMs: 0 };
    files.set(file, seen);
    const result = counter.take(event);
    if (nesting === 0) seen.durationMs += details?.duration_ms ?? 0;
    if (result === null) continue;
    seen[result]++;
    record(result);
    const title = [...path.slice(0, nesting), name].join(" > ");
    if (result === "failed") yield `  FAILED ${show(file)}: ${title}\n${indent(explain(details?.error))}\n`;
    if (result === "skipped") yield `  skipped ${show(file)}: ${title}${typeof skip === "string" && skip !== "" ? ` (${skip})` : ""}\n`;
    if (result === "passed" && details.duration_ms > slowMs) yield `  ${show(file)}: ${title} ${seconds(details.duration_ms)}\n`;
  }
  yield* summaries(files);
}

/** A line for each file, which is then forgotten. */
function* summaries(files) {
  for (const [file, { passed, failed, skipped, durationMs }] of files) {
    if (passed + failed + skipped === 0) continue;
    const parts = [`${passed} passed`, ...(failed > 0 ? [`${failed} FAILED`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])];
    yield `  ${show(file)}: ${parts.join(", ")} (${seconds(durationMs)})\n`;
  }
  files.clear();
}

function record(result) {
  const file = process.env.EPOXY_TEST_RESULTS;
  if (file !== undefined) appendFileSync(file, `${result}\n`);
}

function show(file) {
  return relative(root, file);
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** node:test wraps what a test threw. */
function explain(error) {
  const cause = error?.cause ?? error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
}

function indent(text) {
  return text.replaceAll(/^/gm, "    ");
}
