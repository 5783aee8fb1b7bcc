/** `epoxy watch` as a child process beside a server of events. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { launcher } from "../../cli/package-root.ts";
import { freeUrl, runCli } from "./api-stub.ts";

const events = [
  ": watching\nid: s:0-1\n\n",
  'event: put\nid: s:0-2\ndata: {"key":"a","value":"ä","version":1,"instance":"1.1"}\n\n',
  'event: delete\nid: s:0-3\ndata: {"key":"a","value":null,"version":2,"instance":"2.1"}\n\n',
  "event: gap\nid: s:0-9\ndata: {}\n\n",
].join("");

/** Watches until it has printed `lines` lines, then ends it as Ctrl-C does. */
async function watch(t: TestContext, lines: number, ...args: string[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200, { "content-type": "text/event-stream" }).write(events);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = spawn(process.execPath, [
    launcher,
    "watch",
    ...args,
    "--api",
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  ]);
  t.after(() => {
    child.kill("SIGKILL");
    server.closeAllConnections();
    server.close();
  });
  let stdout = "";
  let stderr = "";
  const enough = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      if (stdout.split("\n").length > lines) resolve();
    });
  });
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await enough;
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, stdout, stderr, asked };
}

test("a line for each change, deletes told from puts; Ctrl-C ends it in order", async (t) => {
  const { code, stdout, asked } = await watch(t, 2, "a b", "--after", "s:0-1");
  assert.equal(stdout, "put\ta\tä\tversion 1\tinstance 1.1\ndelete\ta\tversion 2\tinstance 2.1\n");
  assert.equal(asked[0], "/v1/watch?prefix=a%20b&after=s%3A0-1");
  assert.equal(code, 0);
});

test("--json prints each event, gaps too", async (t) => {
  const { stdout } = await watch(t, 3, "--json");
  const printed = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; id: string });
  assert.deepEqual(
    printed.map(({ event, id }) => [event, id]),
    [
      ["put", "s:0-2"],
      ["delete", "s:0-3"],
      ["gap", "s:0-9"],
    ],
  );
});

test("nobody there is exit code 4", async () => {
  const { code, stderr } = await runCli(["watch", "--api", await freeUrl()]);
  assert.equal(code, 4);
  assert.match(stderr, /Is a server running there/);
});
