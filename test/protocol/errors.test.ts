import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EpoxyError, ERRORS, type ErrorCode } from "../../protocol/errors.ts";

test("spec/ERRORS.md lists every error as the table has it, and no other", () => {
  const text = readFileSync(new URL("../../spec/ERRORS.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| (yes|no) \| .+ \|$/gm)].map(([, code, status, retryable]) => [
    code,
    { status: Number(status), retryable: retryable === "yes" },
  ]);
  assert.deepEqual(Object.fromEntries(rows), ERRORS);
  assert.deepEqual(
    rows.map(([code]) => code),
    Object.keys(ERRORS),
  );
});

test("an error has the status of its code, and its details", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const error = new EpoxyError(code, "why", { instance: "1.7" });
    assert.deepEqual([error.status, error.code, error.message, error.details], [ERRORS[code].status, code, "why", { instance: "1.7" }]);
  }
});
