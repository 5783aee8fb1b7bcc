import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLeash } from "../../../cli/dev/leash.ts";
import { type Died, type ProcessSpec, supervise } from "../../../cli/dev/supervised.ts";
import { packageRoot } from "../../../cli/package-root.ts";

type Ending = { after(run: () => unknown): void };

function scriptSpec(t: Ending, script: string, graceMs = 2_000): ProcessSpec {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    name: "stand-in",
    command: process.execPath,
    args: ["-e", script],
    env: process.env,
    logFile: join(folder, "logs", "it.log"),
    graceMs,
  };
}

async function until(what: () => boolean, withinMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!what()) {
    assert.ok(performance.now() < deadlineMs, "it took too long");
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Where nobody waits for an orphan, it stays in the table of processes, dead.
  return !/^State:\s+Z/m.test(statusOf(pid));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

const forever = "setInterval(() => undefined, 1000);";

describe("a supervised process", () => {
  test("is started again a second after it died, and announced", async (t) => {
    const leash = createLeash();
    const restarted: number[] = [];
    const it = supervise(scriptSpec(t, forever), { leash, restart: true, onRestarted: (pid) => restarted.push(pid) });
    t.after(async () => {
      await it.stop();
      leash.end();
    });
    const first = it.pid() as number;
    const killedMs = performance.now();
    process.kill(first, "SIGKILL");
    await until(() => restarted.length === 1);
    assert.ok(performance.now() - killedMs >= 1_000);
    assert.equal(restarted[0], it.pid());
    assert.notEqual(it.pid(), first);
  });

  test("stays down where it shall not be started again", async (t) => {
    const leash = createLeash();
    t.after(() => leash.end());
    const deaths: Died[] = [];
    const it = supervise(scriptSpec(t, 'console.error("a reason"); process.exit(3)'), {
      leash,
      restart: false,
      onDied: (died) => deaths.push(died),
    });
    await until(() => deaths.length === 1);
    await sleep(1_200);
    assert.equal(it.pid(), null);
    assert.deepEqual([deaths[0]?.how, deaths[0]?.tail], ["exit code 3", "a reason"]);
  });

  test("a program that does not exist is a death with a reason", async (t) => {
    const leash = createLeash();
    t.after(() => leash.end());
    const deaths: Died[] = [];
    supervise({ ...scriptSpec(t, ""), command: "no-such-program" }, { leash, restart: false, onDied: (died) => deaths.push(died) });
    await until(() => deaths.length === 1);
    assert.match(deaths[0]?.how ?? "", /ENOENT/);
  });

  test("that does not listen to SIGTERM is killed when its time is up", async (t) => {
    const leash = createLeash();
    t.after(() => leash.end());
    const spec = scriptSpec(t, `process.on("SIGTERM", () => undefined); console.log("deaf"); ${forever}`, 300);
    const it = supervise(spec, { leash, restart: true });
    await until(() => readFileSync(spec.logFile, "utf8").includes("deaf"));
    const pid = it.pid() as number;
    await it.stop();
    assert.equal(isAlive(pid), false);
    await sleep(1_200);
    assert.equal(it.pid(), null);
  });
});

test("the processes end with the one that started them, also by kill -9", async (t) => {
  const spec = scriptSpec(t, forever);
  const parent = `
    import { createLeash } from ${JSON.stringify(join(packageRoot, "cli/dev/leash.ts"))};
    import { supervise } from ${JSON.stringify(join(packageRoot, "cli/dev/supervised.ts"))};
    const it = supervise(${JSON.stringify({ ...spec, env: {} })}, { leash: createLeash(), restart: true });
    console.log(it.pid());
    ${forever}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", parent], {
    cwd: packageRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  const pid = Number(chunk.toString());
  assert.ok(isAlive(pid));
  child.kill("SIGKILL");
  await until(() => !isAlive(pid));
});
