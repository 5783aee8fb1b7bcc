/** The package as others get it: packed, unpacked into a fresh project beside its declared dependencies alone, used from there. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startStub } from "../cli/api-stub.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

/** Uses every export, and types of what they take and give. */
const program = `
import {
  type Client, createClient, fromWire, NothingHappened, OutcomeUnknown, type ProposalAnswer, RequestError, type Reservation, toWire, type WatchEvent,
} from "epoxy/client";

const client: Client = createClient({ endpoints: [process.argv[2] ?? ""], timeoutMs: 1_000 });
const answer: ProposalAnswer = await client.add("n", 1n);
const reservation: Reservation = await client.reserve("k", "v");
const watched = async (): Promise<WatchEvent | undefined> => (await client.watch({ prefix: "a" }).next()).value;
try {
  await client.put("refused", "v");
} catch (error) {
  if (!(error instanceof RequestError)) throw error;
  const outcome: "nothing" | "unknown" = error.outcome;
  console.log(JSON.stringify([answer.path, reservation.isMine, new TextDecoder().decode(fromWire(toWire("bytes"))), outcome,
    error instanceof NothingHappened, error instanceof OutcomeUnknown, typeof watched]));
}
await client.close();
`;

describe("the packed package", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "epoxy-package-"));
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [{ filename: string }];
    const modules = join(folder, "node_modules");
    mkdirSync(join(modules, "epoxy"), { recursive: true });
    execFileSync("tar", ["-xzf", join(folder, packed.filename), "-C", join(modules, "epoxy"), "--strip-components=1"]);
    const { dependencies } = JSON.parse(readFileSync(join(modules, "epoxy", "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const name of [...Object.keys(dependencies), "@types/node"]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "fresh", type: "module", private: true }));
    writeFileSync(join(folder, "main.ts"), program);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const compile = (...options: string[]) =>
    spawnSync(process.execPath, [tsc, "--strict", "--target", "es2023", "--types", "node", ...options, "main.ts"], {
      cwd: folder,
      encoding: "utf8",
    });

  test("its types are found and fit, for Node's own resolution and for bundlers", () => {
    const node = compile("--module", "nodenext");
    assert.equal(node.status, 0, node.stdout);
    const bundler = compile("--module", "preserve", "--moduleResolution", "bundler", "--noEmit");
    assert.equal(bundler.status, 0, bundler.stdout);
  });

  test("its exports work as an ES module", async (t) => {
    const stub = await startStub(({ url, method }) => {
      if (url.includes("refused")) return { status: 412, body: { error: { code: "preconditionFailed", message: "no" } } };
      if (method === "GET") return { status: 404, body: { error: { code: "notFound", message: "absent" } } };
      return { status: 200, body: { instance: "1.7", path: "fast", results: [{ ok: true, version: 1 }] } };
    });
    t.after(() => stub.close());
    // A child that runs beside this process, which has to answer it.
    const { spawn } = await import("node:child_process");
    const child = spawn(process.execPath, ["main.js", stub.url], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    for await (const chunk of child.stdout) said += chunk;
    assert.deepEqual(JSON.parse(said), ["fast", true, "bytes", "nothing", true, false, "function"]);
  });

  test("its command runs, and nothing else of it can be imported", () => {
    const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    assert.equal(run(join(folder, "node_modules", "epoxy", "cli", "epoxy.mjs"), "--version").stdout, `${version}\n`);
    assert.match(run("--input-type=module", "-e", 'await import("epoxy/server")').stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
    for (const file of ["README.md", "LICENSE", "CHANGELOG.md", "docs/services.md", "dist/server/console/index.html"]) {
      assert.ok(existsSync(join(folder, "node_modules", "epoxy", file)), `${file} is in the package`);
    }
  });
});
