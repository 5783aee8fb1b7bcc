/** docs/configuration.md tells of every setting, by the names it has, the defaults it has, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { buildProgram } from "../../cli/program.ts";
import { CONFIG_FILE_FIELDS, type Flags, loadSettings } from "../../server/config.ts";

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = textOf("docs/configuration.md");
const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);
const rows = page
  .split("\n")
  .filter((line) => /^\|.*`/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, flag = "", environment = "", file = "", fallback = ""]) => ({
    flags: codes(flag),
    environment: codes(environment),
    file: codes(file),
    fallback,
  }));

/** What the process runs with, as text that shows whether it has changed. */
function running(input: Parameters<typeof loadSettings>[0]): string {
  const { configFile: _, ...settings } = loadSettings(input);
  const { peerSecrets, tokens, wanOneWayMs } = settings;
  const secrets = [...peerSecrets, ...tokens.map(({ token }) => token)].map((secret) => secret.reveal());
  return JSON.stringify([settings, secrets, [...wanOneWayMs]]);
}
const byFile = (file: object) => running({ flags: { config: "c.json" }, environment: {}, readFile: () => JSON.stringify(file) });

describe("docs/configuration.md", () => {
  test("has every flag of server, worker and config check", () => {
    const flagsOf = (...path: string[]) =>
      path
        .reduce((command, name) => command.commands.find((each) => each.name() === name) ?? command, buildProgram())
        .options.map(({ long }) => long as string)
        .filter((flag) => flag !== "--json");
    const told = rows.flatMap(({ flags }) => flags).sort();
    assert.deepEqual(flagsOf("server").sort(), told);
    const withoutBootstrap = told.filter((flag) => flag !== "--bootstrap");
    assert.deepEqual(flagsOf("worker").sort(), withoutBootstrap);
    assert.deepEqual(flagsOf("config", "check").sort(), withoutBootstrap);
  });

  test("has every variable that is read, and every field of the file", () => {
    const read = new Set<string>();
    // A proxy notes what is asked for.
    const environment = new Proxy({} as Record<string, string | undefined>, {
      get: (_, name) => {
        read.add(String(name));
        return undefined;
      },
    });
    loadSettings({ flags: {}, environment });
    assert.deepEqual(rows.flatMap(({ environment }) => environment).sort(), [...read].sort());
    assert.deepEqual(rows.flatMap(({ file }) => file).sort(), [...CONFIG_FILE_FIELDS].sort());
  });

  test("the names of one row are names of one setting", () => {
    const untouched = running({ flags: {}, environment: {} });
    for (const row of rows) {
      const [flag, variable, field] = [row.flags[0], row.environment[0], row.file[0]];
      if (flag === undefined || flag === "--config" || variable === undefined || field === undefined) continue;
      const isBoolean = ["true", "false"].includes(codes(row.fallback)[0] ?? "");
      const sample = isBoolean ? "true" : sampleOf(field);
      const flagName = flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      const results = [
        running({ flags: { [flagName]: isBoolean ? true : sample } as Flags, environment: {} }),
        ...row.environment.map((name) => running({ flags: {}, environment: { [name]: sample } })),
        byFile({ [field]: isBoolean ? true : sample }),
      ];
      assert.notEqual(results[0], untouched, flag);
      assert.deepEqual(new Set(results).size, 1, `${flag}: ${results.join("\n")}`);
    }
  });

  test("a default that is told is the one taken", () => {
    const untouched = running({ flags: {}, environment: {} });
    for (const { file, fallback } of rows) {
      const [told] = codes(fallback);
      if (file[0] === undefined || told === undefined || told === "http://") continue;
      const value = told === "true" || told === "false" ? told === "true" : told;
      assert.equal(byFile({ [file[0]]: value }), untouched, file[0]);
    }
  });

  test("its example is taken as it is", () => {
    const [, example = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    assert.notEqual(byFile(JSON.parse(example)), running({ flags: {}, environment: {} }));
  });
});

function sampleOf(field: string): string {
  if (field === "redis") return "redis://10.0.0.9:6379";
  if (field.endsWith("Url")) return "http://10.0.0.9:1";
  if (field.endsWith("Listen") || field === "temporal") return "127.0.0.1:9";
  return field === "logLevel" ? "warn" : "sample";
}
