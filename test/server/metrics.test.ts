/** Whoever measures uses a name of the table, and the table has no name that nobody measures. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { METRICS } from "../../server/metrics.ts";

test("names of metrics in the code are those of the table", () => {
  const root = new URL("../../", import.meta.url);
  const used = new Set<string>();
  for (const folder of ["proposals", "activities", "server"]) {
    for (const file of readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const text = readFileSync(new URL(`${folder}/${file}`, root), "utf8");
      for (const [, name] of text.matchAll(/meter\s*\.(?:count|observe)\(\s*"(\w+)"/g)) used.add(name as string);
    }
  }
  // Counted by the meter itself.
  used.add("epoxy_meter_unknown_total");
  assert.deepEqual([...used].sort(), Object.keys(METRICS).sort());
});
