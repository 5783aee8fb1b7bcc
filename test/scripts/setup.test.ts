import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { majorVersion, sameVersions } from "../../scripts/setup.mjs";
import { onPath, outputOf } from "../../scripts/tools.mjs";

describe("npm ci is needed unless what is installed is what is locked", () => {
  const root = { version: "0.1.0" };
  const a = { version: "1.0.0" };
  const cases: {
    name: string;
    wanted: Parameters<typeof sameVersions>[0];
    installed: Parameters<typeof sameVersions>[1];
    same: boolean;
  }[] = [
    { name: "the same", wanted: { "": root, "node_modules/a": a }, installed: { "node_modules/a": a }, same: true },
    { name: "one is missing", wanted: { "": root, "node_modules/a": a }, installed: {}, same: false },
    { name: "another version", wanted: { "node_modules/a": a }, installed: { "node_modules/a": { version: "1.0.1" } }, same: false },
    { name: "one too many", wanted: { "": root }, installed: { "node_modules/a": a }, same: false },
    { name: "another platform's binary is missing", wanted: { "node_modules/a": { ...a, optional: true } }, installed: {}, same: true },
    {
      name: "an optional one that only this platform's registry has",
      wanted: { "": root },
      installed: { "node_modules/a": { ...a, optional: true } },
      same: true,
    },
    {
      name: "an optional one of another version",
      wanted: { "node_modules/a": { ...a, optional: true } },
      installed: { "node_modules/a": { version: "2.0.0" } },
      same: false,
    },
  ];
  for (const { name, wanted, installed, same } of cases) {
    test(name, () => assert.equal(sameVersions(wanted, installed), same));
  }
});

test("the version of Redis and of Valkey is read", () => {
  assert.equal(majorVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"), 7);
  assert.equal(majorVersion("Valkey server v=8.1.0 sha=00000000:0"), 8);
  assert.equal(majorVersion("command not found"), null);
});

test("a program is found on PATH only where it can be run", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-path-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "some-program");
  assert.equal(onPath("some-program", folder), null);
  writeFileSync(program, "#!/bin/sh\necho here\n");
  chmodSync(program, 0o644);
  assert.equal(onPath("some-program", folder), null);
  chmodSync(program, 0o755);
  assert.equal(onPath("some-program", `:${folder}`), program);
  assert.equal(outputOf(program), "here");
  assert.equal(outputOf(join(folder, "no-program")), null);
});
