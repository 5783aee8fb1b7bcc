/**
 * The code blocks of the documents, run as they stand: shell line by line, the TypeScript of a page as one program. Ports are those
 * of one `epoxy dev`; `# => TEXT` behind or below a line is all that it prints, with `…` for what differs. test/support/doc-blocks.ts has
 * what stands on a fence.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { apiAt, eventually } from "../support/api.ts";
import { launcher, startCluster, type TestCluster } from "../support/cluster.ts";
import { type Block, blocksOf, repository } from "../support/doc-blocks.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const run = promisify(execFile);
const commandMs = 60_000;
const pages = ["README.md", ...readdirSync(join(repository, "docs")).map((name) => `docs/${name}`)]
  .filter((page) => page.endsWith(".md"))
  .filter((page) => blocksOf(page).some(({ language, how }) => ["sh", "ts"].includes(language) && how !== "not run"));

describe("the documents' code runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-docs-"));
  const redises: TestRedis[] = [];
  const up: ChildProcess[] = [];
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
    for (let i = 0; i < 2; i++) redises.push(await startRedis());
    // As an installed package has them.
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(launcher, join(folder, "bin", "epoxy"));
    symlinkSync(repository, join(folder, "node_modules", "epoxy"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(folder, "epoxy.json"), blocksOf("docs/configuration.md").find(({ language }) => language === "json")?.text ?? "");
  });
  after(async () => {
    await endAll();
    for (const redis of redises) await redis.stop();
    await cluster?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Where a page has the usual addresses, the tests have others: Epoxy's from 7100, two operators' Redis, and Temporal's. */
  const mapped = (page: string, text: string) =>
    text
      .replaceAll(
        /127\.0\.0\.1:71(\d\d)\b/g,
        (_, port: string) => `127.0.0.1:${cluster.port + Number(port) + (isOperators(page) ? 90 : 0)}`,
      )
      .replaceAll(/127\.0\.0\.1:63(79|80)\b/g, (_, port: string) => `127.0.0.1:${redises[port === "79" ? 0 : 1]?.port}`)
      .replaceAll("127.0.0.1:7233", `127.0.0.1:${cluster.port + 1}`);

  /** Commands that start a datacenter begin a cluster of their own, beside the one that is up. */
  const isOperators = (page: string) => blocksOf(page).some(({ how }) => how === "stays up");
  function environmentOf(page: string): NodeJS.ProcessEnv {
    const path = `${join(folder, "bin")}${delimiter}${process.env["PATH"]}`;
    const [api, peer] = [100, 101].map((offset) => `127.0.0.1:${cluster.port + offset}`);
    if (!isOperators(page)) return { ...process.env, PATH: path, EPOXY_API: cluster.api(1).url };
    return {
      ...process.env,
      PATH: path,
      EPOXY_CLUSTER: "documents",
      EPOXY_API: `http://${api}`,
      EPOXY_API_LISTEN: api,
      EPOXY_PEER_LISTEN: peer,
    };
  }

  async function endAll(): Promise<void> {
    for (const child of up.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }

  async function startLines({ page, text }: Block, env: NodeJS.ProcessEnv): Promise<void> {
    await endAll();
    for (const line of linesOf(text)) {
      const child = spawn("bash", ["-c", `exec ${mapped(page, line)}`], { cwd: folder, env, stdio: "ignore" });
      const endWithUs = () => void child.kill("SIGKILL");
      process.once("exit", endWithUs);
      child.once("exit", () => process.off("exit", endWithUs));
      up.push(child);
    }
    await eventually(`what ${page} starts is ready`, commandMs, async () => apiAt(env["EPOXY_API"] ?? "").isReady());
  }

  async function runLines({ page, line: at, text }: Block, env: NodeJS.ProcessEnv): Promise<void> {
    // `npx epoxy` is for a checkout.
    const cwd = page === "README.md" ? repository : folder;
    for (const line of linesOf(text)) {
      const [command = "", expected] = line.split(/\s+# => /);
      const { stdout } = await run("bash", ["-euo", "pipefail", "-c", mapped(page, command)], { cwd, env, timeout: commandMs });
      if (expected !== undefined) assert.match(stdout.trim(), patternOf(expected), `${page}:${at}: ${command}: ${stdout}`);
    }
  }

  async function runProgram(page: string, text: string, env: NodeJS.ProcessEnv): Promise<void> {
    writeFileSync(join(folder, "main.ts"), mapped(page, text));
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    const options = [
      "--strict",
      "--target",
      "es2023",
      "--module",
      "nodenext",
      "--types",
      "node",
      "--typeRoots",
      join(repository, "node_modules", "@types"),
    ];
    await run(process.execPath, [tsc, ...options, "main.ts"], { cwd: folder }).catch(({ stdout }: { stdout: string }) =>
      assert.fail(`${page}: ${stdout}`),
    );
    const { stdout } = await run(process.execPath, ["main.js"], { cwd: folder, env, timeout: commandMs });
    const expected = [...text.matchAll(/\/\/ => (.*)$/gm)].map(([, line]) => line as string);
    assert.match(stdout.trim(), patternOf(expected.join("\n")), `${page}: ${stdout}`);
  }

  for (const page of pages) {
    test(page, async () => {
      const blocks = blocksOf(page);
      const env = environmentOf(page);
      for (const block of blocks.filter(({ language }) => language === "sh")) {
        if (block.how === "run") await runLines(block, env);
        else if (block.how === "stays up") await startLines(block, env);
      }
      await endAll();
      const program = blocks.filter(({ language, how }) => language === "ts" && how === "run");
      if (program.length > 0) await runProgram(page, program.map(({ text }) => text).join("\n"), env);
    });
  }
});

function linesOf(text: string): string[] {
  return text
    .replaceAll("\\\n", " ")
    .replaceAll("\n# => ", " # => ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function patternOf(expected: string): RegExp {
  const parts = expected.trim().split("…");
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s\\S]*")}$`);
}
