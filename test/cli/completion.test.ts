/** What a shell completes, asked of a real bash, and zsh where there is one; the other scripts are looked at. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { runCli } from "./api-stub.ts";

const scriptFor = async (shell: string) => (await runCli(["completion", shell])).stdout;

describe("completion", () => {
  const cases: readonly { readonly words: readonly string[]; readonly offers: readonly string[]; readonly not?: string }[] = [
    { words: ["epoxy", "ba"], offers: ["backup"] },
    { words: ["epoxy", "members", ""], offers: ["add", "remove", "takeover"], not: "put" },
    { words: ["epoxy", "members", "add", "--p"], offers: ["--peer"] },
    { words: ["epoxy", "get", "key", "--re"], offers: ["--read"] },
  ];
  test("bash", async () => {
    const script = await scriptFor("bash");
    for (const { words, offers, not } of cases) {
      const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _epoxy; echo "\${COMPREPLY[@]}"`;
      const offered = execFileSync("bash", ["-c", `${script}\n${ask}`], { encoding: "utf8" })
        .trim()
        .split(" ");
      for (const each of offers) assert.ok(offered.includes(each), `${words.join(" ")} offers ${offered.join(" ")}`);
      if (not !== undefined) assert.ok(!offered.includes(not));
    }
  });

  const zsh = spawnSync("zsh", ["--version"]).status === 0;
  test("zsh", { skip: zsh ? false : "there is no zsh here" }, async () => {
    const script = await scriptFor("zsh");
    // Outside of a line editor the builtins of completion are not there: this one says what it would offer.
    const stubs = `compdef() { :; }; _files() { :; }; _describe() { local list="$@[-1]"; print -rl -- "\${(@P)list}"; }`;
    for (const { words, offers, not } of cases) {
      const ask = `words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}; PREFIX='${words.at(-1)}'; _epoxy`;
      const offered = execFileSync("zsh", ["-f", "-c", `${stubs}\n${script}\n${ask}`], { encoding: "utf8" })
        .trim()
        .split("\n")
        .map((text) => text.split(":", 1)[0] ?? "");
      for (const each of offers) assert.ok(offered.includes(each), `${words.join(" ")} offers ${offered.join(" ")}`);
      if (not !== undefined) assert.ok(!offered.includes(not));
    }
  });

  test("zsh has texts with its commands; fish has a line for each command and option", async () => {
    assert.match(await scriptFor("zsh"), /^#compdef epoxy\n[\s\S]*'takeover:.+'/);
    assert.match(await scriptFor("fish"), /^complete -c epoxy -f -n '__fish_seen_subcommand_from members' -a takeover -d '.+'$/m);
  });

  test("another shell is a usage error", async () => {
    const { code, stderr } = await runCli(["completion", "cmd"]);
    assert.equal(code, 2);
    assert.match(stderr, /bash, zsh or fish/);
  });
});
