/** The failpoints name lines of compiled code by their text. Told here at once, where a cluster that does not start tells little. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { places } from "./failpoints/steps.mjs";

test("every failpoint finds its line, once", () => {
  for (const { file, before, after } of places) {
    const compiled = new URL(`../../dist/${file}.js`, import.meta.url);
    assert.ok(existsSync(compiled), `${file} is not compiled: npm run build`);
    const text = before ?? after ?? "";
    assert.equal(readFileSync(compiled, "utf8").split(text).length - 1, 1, `${file}: ${text}`);
  }
});
