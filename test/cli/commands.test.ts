import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freeUrl, type Reply, runCli, type Seen, type Stub, startStub } from "./api-stub.ts";

const proposal = (result: object, path = "fast"): Reply => ({ status: 200, body: { instance: "1.7", path, results: [result] } });
const error = (status: number, code: string, details: object = {}): Reply => ({
  status,
  body: { error: { code, message: `it is ${code}`, ...details } },
});

type Row = {
  name: string;
  args: string[];
  reply: Reply;
  code: number;
  stdout?: RegExp;
  stderr?: RegExp;
  sent?: Partial<Seen>;
  input?: string;
};
const rows: Row[] = [
  {
    name: "put writes the value's bytes",
    args: ["put", "a/b", "hällo"],
    reply: { status: 200, body: { version: 3, instance: "1.7" } },
    code: 0,
    stdout: /^ok, version 3, instance 1\.7$/m,
    sent: { method: "PUT", url: "/v1/kv/a%2Fb", body: "hällo" },
  },
  {
    name: "put - takes standard input",
    args: ["put", "k", "-"],
    input: "from stdin",
    reply: { status: 200, body: { version: 1, instance: "1.1" } },
    code: 0,
    sent: { body: "from stdin" },
  },
  {
    name: "put of a key that no URL can carry goes by a proposal",
    args: ["put", "..", "v"],
    reply: proposal({ ok: true, version: 1 }),
    code: 0,
    sent: { url: "/v1/proposals" },
  },
  { name: "put whose condition is not met", args: ["put", "k", "v", "--if-absent"], reply: error(412, "preconditionFailed"), code: 3 },
  {
    name: "put --json prints what the API answered",
    args: ["put", "k", "v", "--json"],
    reply: { status: 200, body: { version: 3, instance: "1.7" } },
    code: 0,
    stdout: /^\{"version":3,"instance":"1\.7"\}\n$/,
  },
  {
    name: "put --json prints a refusal as the API answered it",
    args: ["put", "k", "v", "--if-absent", "--json"],
    reply: { status: 412, body: { error: { code: "preconditionFailed", message: "no" }, current: "w", version: 2 } },
    code: 3,
    stdout: /^\{"error":\{"code":"preconditionFailed","message":"no"\},"current":"w","version":2\}\n$/,
  },
  {
    name: "get prints the value",
    args: ["get", "k", "--read", "local"],
    reply: { status: 200, body: { key: "k", value: "hello", version: 1 } },
    code: 0,
    stdout: /^hello\n$/,
    sent: { url: "/v1/kv/k?read=local" },
  },
  { name: "get of an absent key", args: ["get", "k"], reply: error(404, "notFound"), code: 3, stdout: /^$/, stderr: /absent/ },
  {
    name: "get prints bytes that are no text as they are",
    args: ["get", "k", "--json"],
    reply: { status: 200, body: { key: "k", value: { base64: "/w==" }, version: 1 } },
    code: 0,
    stdout: /"base64":"\/w=="/,
  },
  {
    name: "cas that matches",
    args: ["cas", "k", "--expect", "a", "--absent", "--value", "b"],
    reply: proposal({ ok: true, version: 2 }),
    code: 0,
    sent: { body: '{"commands":[{"kind":"checkAndSet","key":"k","expectOneOf":["a",null],"newValue":"b"}]}' },
  },
  {
    name: "cas that does not match",
    args: ["cas", "k", "--version", "4", "--value", "b"],
    reply: proposal({ ok: false, error: "expectedValueDoesNotMatch", current: "x", version: 5 }),
    code: 3,
    stderr: /"x", version 5/,
  },
  {
    name: "add takes a negative number",
    args: ["add", "k", "-5"],
    reply: proposal({ ok: true }),
    code: 0,
    sent: { body: '{"commands":[{"kind":"add","key":"k","delta":"-5"}]}' },
  },
  { name: "add to what is no counter", args: ["add", "k", "5"], reply: proposal({ ok: false, error: "notACounter" }), code: 1 },
  {
    name: "txn from standard input",
    args: ["txn", "-"],
    input: '{"checks":[],"commands":[{"kind":"delete","key":"k"}]}',
    reply: proposal({ ok: true, results: [{ ok: true, version: 2 }] }),
    code: 0,
  },
  {
    name: "txn whose check fails",
    args: ["txn", "-"],
    input: '{"commands":[]}',
    reply: proposal({ ok: false, error: "checkFailed", failed: 0, current: null, version: 0 }),
    code: 3,
    stderr: /check 0 failed: its key is absent/,
  },
  {
    name: "list prints plain lines in a pipe",
    args: ["list", "a b"],
    reply: { status: 200, body: { entries: [{ key: "a b1", value: "x", version: 2 }], cursor: null } },
    code: 0,
    stdout: /^a b1\t2\tx\n$/,
    sent: { url: "/v1/kv?prefix=a%20b&limit=1000" },
  },
  {
    name: "no quorum",
    args: ["put", "k", "v", "--timeout", "1"],
    reply: error(503, "noQuorum"),
    code: 4,
    stderr: /it is noQuorum\nNothing was written/,
  },
  {
    name: "an outcome that is not known",
    args: ["put", "k", "v"],
    reply: error(504, "outcomeUnknown", { instance: "1.9" }),
    code: 5,
    stderr: /epoxy instance 1\.9/,
  },
  { name: "a connection that breaks in the middle of a write", args: ["put", "k", "v"], reply: "reset", code: 5 },
  { name: "a connection that breaks in the middle of a read", args: ["get", "k"], reply: "reset", code: 4 },
  {
    name: "a bad request, in JSON too",
    args: ["get", "k", "--json"],
    reply: error(400, "badRequest"),
    code: 1,
    stdout: /^\{"error":\{"code":"badRequest"/,
  },
  {
    name: "options may stand before the command",
    args: ["--json", "get", "k"],
    reply: error(404, "notFound"),
    code: 3,
    stdout: /notFound/,
  },
  {
    name: "members add asks with the new one's addresses",
    args: ["members", "add", "dc-4", "--peer", "http://p:1", "--api", "http://a:1", "--learner"],
    reply: { status: 202, body: { generation: 3 } },
    code: 0,
    sent: {
      method: "POST",
      url: "/v1/cluster/replicas",
      body: '{"name":"dc-4","peerUrl":"http://p:1","apiUrl":"http://a:1","voter":false}',
    },
  },
];

describe("commands", () => {
  for (const { name, args, reply, code, stdout, stderr, sent, input } of rows) {
    test(name, async (t) => {
      const stub = await startStub(() => reply);
      t.after(() => stub.close());
      const ran = await runCli(args, { env: { EPOXY_API: stub.url }, ...(input === undefined ? {} : { input }) });
      assert.equal(ran.code, code, ran.stderr);
      if (stdout !== undefined) assert.match(ran.stdout, stdout);
      if (stderr !== undefined) assert.match(ran.stderr, stderr);
      for (const [field, value] of Object.entries(sent ?? {})) assert.equal(stub.seen[0]?.[field as keyof Seen], value);
    });
  }
});

describe("usage", () => {
  const wrong: [string, string[], RegExp?][] = [
    ["a mistyped command", ["gte"], /Did you mean get\?[\s\S]*\(epoxy --help explains\)/],
    ["a mistyped subcommand", ["lab", "thrify"], /Did you mean thrifty\?[\s\S]*\(epoxy lab --help explains\)/],
    ["a mistyped option", ["get", "k", "--raed", "local"], /Did you mean --read\?[\s\S]*\(epoxy get --help explains\)/],
    ["a missing argument", ["put", "k"]],
    ["an unknown read mode", ["get", "k", "--read", "stale"]],
    ["a cas that expects nothing", ["cas", "k", "--value", "v"]],
    ["a cas that writes nothing", ["cas", "k", "--absent"]],
    ["a number that is none", ["add", "k", "many"]],
    ["a version that is none", ["del", "k", "--if-version", "x"], /must be a whole number of at least 0, not "x"/],
    [
      "a token file that is not there",
      ["get", "k", "--token-file", "/none"],
      /^epoxy: the token file \/none cannot be read: no such file or directory$/m,
    ],
    ["an address that is none", ["--api", "ftp://x", "get", "k"]],
    ["an instance that is none", ["instance", "seven"]],
    ["a transaction that is not JSON", ["txn", "-"]],
    ["more datacenters than the protocol has", ["dev", "--datacenters", "10"]],
    ["as many regions as not datacenters", ["dev", "--wan", "CA,VA"]],
    ["a region that is none", ["dev", "--wan", "CA,VA,XX"]],
    ["a port without room above it", ["dev", "--port", "65500"]],
  ];
  for (const [name, args, says = /./] of wrong) {
    test(`${name} is exit code 2`, async () => {
      const ran = await runCli(args);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, says);
      assert.doesNotMatch(ran.stderr, / at .*\.[jt]s:\d+/);
    });
  }

  test("help is no error and has examples", async () => {
    const ran = await runCli(["cas", "--help"]);
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /Examples:[\s\S]*epoxy cas/);
    assert.ok(ran.stdout.indexOf("--expect") < ran.stdout.indexOf("--api"), "its own options come first");
  });

  test("nobody listening is exit code 4", async () => {
    const ran = await runCli(["get", "k", "--api", await freeUrl()]);
    assert.equal(ran.code, 4);
    assert.match(ran.stderr, /cannot reach/);
  });

  test("the second address answers where the first cannot be reached", async (t) => {
    const stub = await startStub(() => ({ status: 200, body: { key: "k", value: "v", version: 1 } }));
    t.after(() => stub.close());
    const ran = await runCli(["get", "k", "--api", await freeUrl(), "--api", stub.url]);
    assert.equal(ran.stdout, "v\n");
  });
});

describe("cluster commands", () => {
  const member = (url: string, id: number, status = "active") => ({ id, name: `dc-${id}`, status, peerUrl: `http://p:${id}`, apiUrl: url });
  const cluster = (url: string, replicas: object[], reconfiguration: object | null = null) => ({
    status: 200,
    body: {
      clusterId: "c",
      name: "default",
      epoch: 4,
      coordinator: 1,
      replica: { id: 1, status: "active" },
      replicas,
      reconfiguration,
      url,
    },
  });

  test("members --wait follows the change to its end", async (t) => {
    let looks = 0;
    const stub = await startStub(({ method }) => {
      if (method === "POST") return { status: 202, body: { generation: 3 } };
      looks++;
      return cluster(
        "",
        [{ ...member("http://a:1", 1) }, ...(looks > 2 ? [{ ...member("http://a:4", 4, looks > 3 ? "active" : "learning") }] : [])],
        looks > 3 ? null : { generation: 3, phase: "learning", since: "", detail: "copies" },
      );
    });
    t.after(() => stub.close());
    const ran = await runCli(["members", "add", "dc-4", "--peer", "http://p:4", "--api", "http://a:4", "--wait"], {
      env: { EPOXY_API: stub.url },
    });
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /learning: copies; dc-4 is learning/);
    assert.match(ran.stdout, /4\tdc-4\tactive/);
  });

  test("members set --wait does not take silence of the coordinator for the end", async (t) => {
    let looks = 0;
    const settled = { generation: 3, phase: "settled", since: 1, detail: "the cluster is as desired", workflowUrl: null };
    const stub = await startStub(({ method }) => {
      if (method === "PUT") return { status: 202, body: { generation: 3 } };
      looks++;
      return cluster("", [member("http://a:1", 1)], looks === 1 ? null : looks === 2 ? { ...settled, generation: 2 } : settled);
    });
    t.after(() => stub.close());
    const input = JSON.stringify({ replicas: [{ name: "dc-1", peerUrl: "http://p:1", apiUrl: "http://a:1" }] });
    const ran = await runCli(["members", "set", "-", "--wait", "--api", stub.url], { input });
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(looks, 3);
    assert.match(ran.stderr, /cannot be asked just now/);
  });

  test("what is not known of a change is not called settled", async (t) => {
    const stub = await startStub(({ url: path }) => (path === "/readyz" ? { status: 200 } : cluster(stub.url, [member(stub.url, 1)])));
    t.after(() => stub.close());
    const env = { EPOXY_API: stub.url };
    const cancel = await runCli(["members", "cancel"], { env });
    assert.equal(cancel.code, 4, cancel.stderr);
    assert.deepEqual(
      stub.seen.filter(({ method }) => method !== "GET"),
      [],
    );
    assert.match((await runCli(["members"], { env })).stderr, /cannot be told/);
    assert.match((await runCli(["doctor"], { env })).stdout, /^BAD\treconfiguration\tnot known$/m);
  });

  test("doctor tells who does not hear whom, and that an upgrade is not done", async (t) => {
    const own = (build: string, silent: number) => ({
      status: 200,
      body: { build, peers: [1, 2, 3].map((id) => ({ id, reachable: id !== silent })) },
    });
    const second: Stub = await startStub(({ url: path }) =>
      path === "/console/own" ? own("0.2.0", 0) : cluster("", [member(first.url, 1), member(second.url, 2)]),
    );
    const first: Stub = await startStub(({ url: path }) =>
      path === "/console/own" ? own("0.1.0", 3) : cluster("", [member(first.url, 1), member(second.url, 2)]),
    );
    t.after(() => Promise.all([first.close(), second.close()]));
    const ran = await runCli(["doctor", "--api", first.url]);
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stdout, /^BAD\tdatacenter 1 \(dc-1\) peers\thears 1, 2, not 3$/m);
    assert.match(ran.stdout, /^ok\tdatacenter 2 \(dc-2\) peers\thears 1, 2, 3$/m);
    assert.match(ran.stdout, /^BAD\tversions\t0\.1\.0 \(1\), 0\.2\.0 \(2\)$/m);
  });

  test("status tells who does not answer, and whether a quorum does", async (t) => {
    let url = "";
    const gone = await freeUrl();
    const stub = await startStub(({ url: path }) =>
      path === "/readyz" ? { status: 200 } : cluster(url, [member(url, 1), member(url, 2), member(gone, 3)]),
    );
    url = stub.url;
    t.after(() => stub.close());
    const ran = await runCli(["status", "--json", "--api", url]);
    assert.equal(ran.code, 0, ran.stderr);
    const { quorum, replicas } = JSON.parse(ran.stdout);
    assert.equal(quorum, true);
    assert.deepEqual(
      replicas.map((each: { ready: boolean }) => each.ready),
      [true, true, false],
    );
  });

  test("instance shows it as every replica has it", async (t) => {
    let url = "";
    const body = {
      status: "committed",
      epoch: 1,
      ballot: { epoch: 1, counter: 2, replica: 3 },
      seq: 3,
      nop: false,
      deps: { floor: ["2.4"], explicit: ["2.6"] },
      commands: [
        { kind: "set", key: "greeting", value: "hello" },
        { kind: "txn", checks: [], commands: [] },
      ],
    };
    const stub = await startStub(({ url: path }) =>
      path === "/v1/cluster" ? cluster(url, [member(url, 1), member(url, 2)]) : { status: 200, body },
    );
    url = stub.url;
    t.after(() => stub.close());
    const ran = await runCli(["instance", "1.7", "--recover", "--api", url]);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^1\tdc-1\tcommitted\t1\t2 of 3\tall to 2\.4, 2\.6\tset "greeting", txn$/m);
    assert.match(ran.stderr, /^decided: set "greeting", txn, after all to 2\.4, 2\.6$/m);
    assert.ok(stub.seen.some((each) => each.method === "POST" && each.url === "/v1/instances/1.7/recover"));
  });
});
