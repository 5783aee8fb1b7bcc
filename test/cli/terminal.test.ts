/** What people see: help with examples, suggestions, tables and progress on a terminal; and what a pipe gets instead. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Command } from "commander";
import { showShort, table } from "../../cli/output.ts";
import { launcher } from "../../cli/package-root.ts";
import { buildProgram } from "../../cli/program.ts";
import { createWaitLine } from "../../cli/wait-line.ts";
import { runCli, startStub } from "./api-stub.ts";

/** Of util-linux: runs a command in a terminal of its own. */
const terminal = "script";

/** Those that do something, with the words that call them. */
function leaves(command: Command, words: readonly string[]): { words: readonly string[]; command: Command }[] {
  const own = command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
  return own.length > 0 ? own : [{ words, command }];
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (more) => (text += more) });
  command.outputHelp();
  return text;
}

describe("help", () => {
  const shown = leaves(buildProgram(), ["epoxy"]).filter(({ words }) => words.at(-1) !== "demo" && words.at(-1) !== "help");
  for (const { words, command } of shown) {
    test(`${words.join(" ")} says what it does, and has an example of itself`, () => {
      const text = helpOf(command);
      assert.ok(command.description().length > 10);
      const called = words.join(" ").replace("members list", "members");
      assert.match(text, new RegExp(`Examples?:\\n[\\s\\S]*\\bepoxy\\b[^\\n]*${called.slice("epoxy".length)}`), text);
    });
  }
  test("every command of the contract is there", () => {
    const names = shown.map(({ words }) => words.slice(1).join(" "));
    const wanted = "put,get,del,cas,add,txn,list,watch,members list,members add,members remove,members replace,members set,members cancel";
    const more = "members takeover,status,instance,doctor,config check,backup,restore,completion,dev,server,worker,plan";
    for (const name of `${wanted},${more}`.split(",")) assert.ok(names.includes(name), `${name} is missing`);
  });
});

describe("typing errors", () => {
  const cases = [
    { args: ["gte", "k"], suggests: /Did you mean get\?/ },
    { args: ["member", "add"], suggests: /Did you mean members\?/ },
    { args: ["get", "k", "--jsno"], suggests: /Did you mean --json\?/ },
    { args: ["members", "remov", "3"], suggests: /Did you mean remove\?/ },
  ];
  for (const { args, suggests } of cases) {
    test(`epoxy ${args.join(" ")} suggests what may have been meant`, async () => {
      const { code, stderr } = await runCli(args);
      assert.equal(code, 2);
      assert.match(stderr, suggests);
    });
  }
});

test("a table has heads and columns on a terminal, and one line of tabs a row in a pipe", () => {
  const rows = [
    [1, "paris", "active"],
    [12, "x\ty", "joining"],
  ];
  assert.equal(table(["id", "name", "status"], rows, true), "ID  NAME   STATUS\n1   paris  active\n12  x\ty    joining");
  assert.equal(table(["id", "name", "status"], rows, false), "1\tparis\tactive\n12\tx y\tjoining");
});

test("on a terminal a value is one short line and gives no orders to it; a pipe gets it whole", () => {
  assert.equal(showShort("a\x1b[2J\nb", true), "a\\x1b[2J\\x0ab");
  assert.equal(showShort("v".repeat(5_000), true), `${"v".repeat(120)}… (5000 characters)`);
  assert.equal(showShort({ base64: "/w==" }, true), "base64:/w==");
  assert.equal(showShort("v".repeat(5_000), false), "v".repeat(5_000));
});

test("progress is one line, rewritten, on a terminal, and a line for each news in a pipe", () => {
  const said = (isTTY: boolean): string => {
    let text = "";
    const line = createWaitLine({ write: (more) => (text += more), isTTY, columns: 20 }, () => 0);
    line.say("learning");
    line.say("activating a long while");
    line.done();
    return text;
  };
  assert.equal(said(true), "\r\x1b[2K0 s  learning\r\x1b[2K0 s  activating a l\n");
  assert.equal(said(false), "learning\nactivating a long while\n");
});

test("a real terminal gets the table, a pipe the plain lines", {
  skip: hasScript() ? false : "there is no `script` to make a terminal",
}, async (t) => {
  const stub = await startStub(() => ({ status: 200, body: { entries: [{ key: "k", value: "v", version: 2 }], cursor: null } }));
  t.after(() => stub.close());
  const folder = mkdtempSync(join(tmpdir(), "epoxy-terminal-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = join(folder, "run.sh");
  writeFileSync(run, `exec "${process.execPath}" "${launcher}" --api ${stub.url} list\n`);
  const child = spawn(terminal, ["-qec", `sh ${run}`, "/dev/null"], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  assert.match(text.replaceAll("\r", ""), /^KEY {2}VERSION {2}VALUE\nk {4}2 {8}v\n$/);
  assert.equal((await runCli(["--api", stub.url, "list"])).stdout, "k\t2\tv\n");
});

function hasScript(): boolean {
  return (
    spawnSync("script", ["--version"], { stdio: "ignore" }).status === 0 && execFileSync("uname", { encoding: "utf8" }).trim() === "Linux"
  );
}
