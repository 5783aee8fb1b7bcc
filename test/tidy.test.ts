/** Keeps the style that no other tool checks: what may import what, what protocol/ may not do, names, sizes. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const linesMax = 400;
const skipped = new Set(["node_modules", "dist", ".git", ".epoxy", "generated", "vectors", "histories", "results"]);

type Source = { readonly path: string; readonly text: string; readonly imports: readonly Import[] };
type Import = { readonly from: string; readonly onlyTypes: boolean };

const texts = filesUnder("");
const sources = texts.filter(({ path }) => /\.m?ts$/.test(path) && !path.endsWith(".d.mts"));
const shipped = sources.filter(({ path }) => !path.startsWith("test/"));

/** Our folders that code of a folder may import, besides itself. A composition root may import more, and is named. */
const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  proposals: ["protocol"],
  activities: ["proposals", "protocol"],
  workflows: ["protocol"],
  server: ["activities", "proposals", "protocol", "workflows"],
  client: [],
  cli: ["client", "scripts"],
  bench: ["client", "scripts"],
  sim: ["proposals", "protocol"],
  lab: ["sim", "proposals", "protocol"],
  examples: ["client"],
};
/** Files (or folders of them) where everything meets. */
const roots: Record<string, readonly string[]> = {
  "cli/dev": ["server", "workflows", "proposals", "protocol"],
  "cli/commands/process-commands.ts": ["server"],
  "cli/commands/server.ts": ["server"],
  "cli/commands/worker.ts": ["server"],
  "cli/commands/doctor.ts": ["server"],
  "cli/commands/config.ts": ["server"],
  "cli/commands/backup.ts": ["server"],
  "cli/commands/restore.ts": ["server"],
  "cli/commands/bench.ts": ["bench"],
  "cli/commands/lab.ts": ["lab"],
  "cli/commands/plan.ts": ["lab"],
  // Measures one part alone.
  "bench/store-throughput.ts": ["proposals", "protocol", "test"],
  "bench/lab": ["sim", "proposals", "protocol"],
  "bench/agreement": ["lab"],
};
/** Of another folder, types only: the bundle of the workflows must not hold activities, the client nothing of the server. */
const typesOnly: Record<string, readonly string[]> = {
  workflows: ["activities"],
  client: ["protocol"],
  activities: ["workflows"],
};
/** The only importers of a package. */
const owners: { readonly name: RegExp; readonly allowed: RegExp }[] = [
  { name: /^ioredis$/, allowed: /^(proposals\/store\/redis|cli\/(doctor|dev)|test\/)/ },
  { name: /^undici$/, allowed: /^(server|client|bench|test|cli)\// },
  { name: /^@bare-ts\/lib$/, allowed: /^(protocol\/wire|test)\// },
  { name: /^@temporalio\/workflow$/, allowed: /^(workflows|test)\// },
  { name: /^@temporalio\/(worker|client|activity)$/, allowed: /^(server|activities|cli|scripts|bench|test)\// },
  { name: /^fastify$|^@fastify\//, allowed: /^(server|test)\// },
];

test("imports go down only", () => {
  const complaints = shipped.flatMap(({ path, imports }) =>
    imports.flatMap(({ from, onlyTypes }) => {
      const complaint = from.startsWith(".") ? checkOwn(path, from, onlyTypes) : checkPackage(path, from);
      return complaint === null ? [] : [`${path} imports ${from}: ${complaint}`];
    }),
  );
  assert.deepEqual(complaints, []);
});

function checkOwn(path: string, from: string, onlyTypes: boolean): string | null {
  const folder = topOf(path);
  const target = topOf(posix.join(posix.dirname(path), from));
  if (target === folder || (mayImport[folder] ?? []).includes(target)) return null;
  if (onlyTypes && (typesOnly[folder] ?? []).includes(target)) return null;
  const meets = Object.entries(roots).some(([where, more]) => (path === where || path.startsWith(`${where}/`)) && more.includes(target));
  return meets ? null : `${folder}/ may not import ${target}/${onlyTypes ? "" : " (nor its values where its types are allowed)"}`;
}

function checkPackage(path: string, from: string): string | null {
  if (path.startsWith("protocol/")) {
    const allowed = path.startsWith("protocol/wire/") && from === "@bare-ts/lib";
    if (!allowed) return "protocol/ imports nothing outside itself";
  }
  if (path.startsWith("workflows/") && from.startsWith("node:")) return "a workflow has no node: modules";
  const owner = owners.find(({ name }) => name.test(from));
  return owner === undefined || owner.allowed.test(path) ? null : `only ${owner.allowed.source} may`;
}

describe("what decides is deterministic", () => {
  const clocks =
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\bset(Timeout|Interval|Immediate)\b|\brandomUUID\b|\brandomBytes\b/;
  const outside = /\bprocess\.|\bconsole\.|\bfetch\(/;
  const cases: { name: string; where: (path: string) => boolean; never: RegExp }[] = [
    { name: "protocol/ has no clock and no randomness", where: (path) => path.startsWith("protocol/"), never: clocks },
    { name: "protocol/ does no I/O", where: (path) => path.startsWith("protocol/"), never: outside },
    {
      name: "proposals/ has Clock and Random as ports, so that the simulator runs the same code",
      where: (path) => path.startsWith("proposals/") && !/^proposals\/store\/redis/.test(path),
      never: clocks,
    },
    // Date, Math.random and setTimeout are replaced in a workflow; these are not.
    { name: "workflows/ does no I/O", where: (path) => path.startsWith("workflows/"), never: outside },
  ];
  for (const { name, where, never } of cases) {
    test(name, () => {
      const found = shipped
        .filter(({ path }) => where(path))
        .map(({ path, text }) => ({ path, found: never.exec(withoutComments(text))?.[0] }));
      assert.deepEqual(
        found.filter((each) => each.found !== undefined),
        [],
      );
    });
  }
});

describe("names and sizes", () => {
  test(`no file is longer than ${linesMax} lines`, () => {
    const long = [...texts]
      .filter(({ path }) => /\.(m?ts|mjs|lua)$/.test(path))
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }));
    assert.deepEqual(
      long.filter(({ lines }) => lines > linesMax),
      [],
    );
  });

  test("no default export, no enum, no namespace", () => {
    const found = sources.filter(({ text }) =>
      /^export default |^(export )?(declare )?(const )?enum |^(export )?namespace /m.test(withoutComments(text)),
    );
    assert.deepEqual(
      found.map(({ path }) => path),
      [],
    );
  });

  test("files are named after what is in them", () => {
    const vague = texts.filter(({ path }) => /(^|\/)(utils?|helpers?|misc|common|stuff)\.\w+$/.test(path));
    assert.deepEqual(
      vague.map(({ path }) => path),
      [],
    );
    const odd = sources.filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.m?ts$/.test(posix.basename(path)));
    assert.deepEqual(
      odd.map(({ path }) => path),
      [],
    );
  });

  test("relative imports end in .ts, .js or .mjs and exist", () => {
    const broken = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith("."))
        // What dist/ holds exists only after a build.
        .filter(({ from }) => !from.includes("/dist/"))
        .filter(({ from }) => !/\.(ts|js|mjs|d\.mts)$/.test(from) || !existsSync(join(root, dirname(path), from)))
        .map(({ from }) => `${path} imports ${from}`),
    );
    assert.deepEqual(broken, []);
  });
});

describe("what does not belong into the repository", () => {
  // Put together from pieces, so that this file does not find itself.
  const words = [
    ["FIX", "ME"],
    ["TO", "DO"],
    ["X", "XX"],
  ].map((pieces) => pieces.join(""));
  const unfinished = new RegExp(`\\b(${words.join("|")})\\b`);
  const machine = new RegExp(
    [
      ["/wo", "rk/"],
      ["/ro", "ot/"],
      ["/ho", "me/[a-z]"],
      ["/Us", "ers/"],
    ]
      .map((pieces) => `(^|[\\s"'\`(=])${pieces.join("")}`)
      .join("|"),
    "m",
  );

  test("no unfinished marks", () => {
    assert.deepEqual(
      texts.filter(({ text }) => unfinished.test(text)).map(({ path }) => path),
      [],
    );
  });

  test("no paths of one machine", () => {
    assert.deepEqual(
      texts.filter(({ text }) => machine.test(text)).map(({ path }) => path),
      [],
    );
  });

  test("no registry in the lock file", () => {
    assert.doesNotMatch(readFileSync(join(root, "package-lock.json"), "utf8"), /"resolved": "https?:/);
  });
});

test("links in the documents lead somewhere", () => {
  const broken: string[] = [];
  for (const { path, text } of texts.filter((file) => file.path.endsWith(".md"))) {
    for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
      if (!existsSync(join(root, dirname(path), target as string))) broken.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

function filesUnder(folder: string): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesUnder(path);
    if (!/\.(ts|mts|mjs|lua|bare|md|json|yml|yaml)$|^\.ci\/run$/.test(path) || path === "package-lock.json") return [];
    const text = readFileSync(join(root, path), "utf8");
    return [{ path, text, imports: importsOf(text) }];
  });
}

function importsOf(text: string): Import[] {
  const found = withoutComments(text).matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm);
  return [...found].map(([, type, from, dynamic]) => ({ from: (from ?? dynamic) as string, onlyTypes: type !== undefined }));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

function topOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}
