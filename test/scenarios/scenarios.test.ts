/** Every script of this folder, replayed on the shipped code. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { drawAll, pictureFile } from "./pictures.ts";
import { playScript, readScript } from "./script.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const scripts = readdirSync(folder)
  .filter((file) => file.endsWith(".txt"))
  .sort()
  .map((file) => readScript(`${folder}${file}`));

describe("schedules", () => {
  for (const script of scripts) test(`${script.file.slice(0, -4)}: ${script.header[0]}`, () => playScript(script));
});

test("each header says what is guarded, and names the step", () => {
  const steps = /\b(PROPOSAL|RECONFIGURE) \d|\bKEYS\b/;
  assert.deepEqual(
    scripts.filter(({ header }) => header.length < 2 || !steps.test(header.join(" "))).map(({ file }) => file),
    [],
  );
});

test("no schedule is missing", () => {
  const numbers = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${`${i + 1}`.padStart(2, "0")}`);
  const missing = [...numbers("T", 34), ...numbers("N", 9), "E1", "E2", "E3", "S1", "S2", "S3", "S4"].filter(
    (name) => !scripts.some(({ file }) => file.startsWith(`${name}-`)),
  );
  assert.deepEqual(missing, []);
});

test("the pictures in docs/ are what the code does today: npm run pictures draws them anew", async () => {
  const pictures = await drawAll();
  assert.ok(pictures.size >= 5);
  for (const [name, picture] of pictures) assert.equal(picture, readFileSync(pictureFile(name), "utf8"), name);
});

test("a line that fails is told with file, line, what was expected and what is", async () => {
  const told = async (...texts: string[]) => {
    const lines = texts.map((text, i) => ({ number: i + 1, text }));
    const error = await playScript({ file: "example.txt", header: [], lines }).then(
      () => null,
      (reason: Error) => reason,
    );
    return error?.message ?? "nothing";
  };
  assert.match(
    await told("cluster 3", "x = propose 1: set k 1", "expect 1: x committed value"),
    /^example\.txt:3: expect 1: x committed value\n.*\n {4}expected: committed value\n {4}got: {6}preaccepted value/,
  );
  assert.match(await told("cluster 3", "x = propose 1: set k 1", "deliver 1>2 preAccept x => preAcceptOk {y}"), /got: {6}preAcceptOk \{\}/);
  assert.match(await told("cluster 3", "deliver 1>2 commit"), /^example\.txt:2: .*\n {2}no such message/);
  assert.match(await told("cluster 3", "recover 1: x"), /no instance is called "x"/);
  assert.match(await told("cluster 3", "do something"), /^example\.txt:2: do something\n {2}no line has this form/);
});
