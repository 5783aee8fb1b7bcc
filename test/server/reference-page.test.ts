/** docs/reference.md names every route, command and message, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Command } from "commander";
import { buildProgram } from "../../cli/program.ts";
import { fakeApp } from "./fake-replica.ts";

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const sections = new Map(
  textOf("docs/reference.md")
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf("\n")), section]),
);
const told = (section: string, pattern: RegExp) =>
  [...(sections.get(section) ?? "").matchAll(pattern)].map(([, name]) => name as string).sort();

test("every route", async (t) => {
  const { app } = fakeApp();
  t.after(() => app.close());
  const { paths } = (await app.inject({ url: "/openapi.json" })).json() as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  // What answers GET answers HEAD.
  assert.deepEqual(
    told("API", /^\| `([A-Z]+ \/\S*)`/gm),
    routes
      .filter((route) => !route.startsWith("HEAD "))
      .map((route) => route.replace("{*}", "{key}"))
      .sort(),
  );
});

test("every command", () => {
  const visible = (command: Command) =>
    command
      .createHelp()
      .visibleCommands(command)
      .filter((each) => each.name() !== "help");
  const paths = (command: Command, path: string): { path: string; isLeaf: boolean }[] => {
    const below = visible(command);
    return [{ path, isLeaf: below.length === 0 }, ...below.flatMap((each) => paths(each, `${path} ${each.name()}`))];
  };
  const all = paths(buildProgram(), "epoxy");
  const named = told("Command line", /`(epoxy [a-z][a-z -]*[a-z])`/g);
  assert.deepEqual(
    all.filter(({ path, isLeaf }) => isLeaf && !named.includes(path)),
    [],
    "not on the page",
  );
  assert.deepEqual(
    named.filter((name) => !all.some(({ path }) => path === name)),
    [],
    "no such command",
  );
});

test("every message between datacenters", () => {
  const schema = textOf("protocol/wire/v1.bare");
  const kinds = ["Request", "Reply"].flatMap((union) => {
    const body = new RegExp(`^type ${union} union \\{([^}]*)\\}`, "m").exec(schema)?.[1] ?? "";
    return [...body.matchAll(/(\w+) = \d+/g)].map(([, kind]) => kind as string);
  });
  const inTables = new Set(told("Between datacenters", /`([A-Z]\w+)`/g));
  assert.deepEqual([...inTables].filter((name) => name !== "POST").sort(), kinds.sort());
});
