/**
 * A rolling upgrade and its way back: every process of every datacenter is restarted under load, from a build that speaks version 1
 * of the wire to one that speaks 1 and 2, and back again. No caller sees an error, and no answered write is lost.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../client/client.ts";
import { eventually } from "../support/api.ts";
import { type Part, startCluster, type TestCluster } from "../support/cluster.ts";

const callers = 6;
type Spoken = { readonly requests: Record<string, number>; readonly replies: Record<string, number> };

describe("two builds side by side", () => {
  const folder = mkdtempSync(join(tmpdir(), "epoxy-builds-"));
  const builds = join(folder, "builds");
  let cluster: TestCluster;
  before(async () => {
    writeFileSync(builds, "");
    const hook = new URL("../support/builds/wire-v2.mjs", import.meta.url).href;
    cluster = await startCluster({ env: { NODE_OPTIONS: `--import ${hook}`, EPOXY_TEST_BUILDS: builds } });
  });
  after(async () => {
    await cluster.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What processes of the newer build have decoded, summed; one that has ended counts with its last word. */
  const spoken = (): Spoken =>
    readdirSync(folder)
      .filter((name) => name.startsWith("builds."))
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Spoken)
      .reduce(
        (sum, { requests, replies }) => ({
          requests: { 1: (sum.requests[1] ?? 0) + (requests[1] ?? 0), 2: (sum.requests[2] ?? 0) + (requests[2] ?? 0) },
          replies: { 1: (sum.replies[1] ?? 0) + (replies[1] ?? 0), 2: (sum.replies[2] ?? 0) + (replies[2] ?? 0) },
        }),
        { requests: {}, replies: {} },
      );

  /** SIGTERM to these processes of a datacenter together; `epoxy dev` starts them again. */
  async function restart(datacenter: number, ...parts: Part[]): Promise<void> {
    const old = cluster.pids(datacenter, ...parts);
    cluster.signal("SIGTERM", datacenter, ...parts);
    await eventually(`dc-${datacenter} has new processes`, 30_000, () => {
      const now = cluster.pids(datacenter, ...parts);
      return now.length === old.length && now.every((pid) => !old.includes(pid));
    });
    await eventually(`dc-${datacenter} is ready`, 30_000, () => cluster.api(datacenter).isReady());
  }

  test("every process is restarted under load, to the newer build and back, without one failed request", {
    timeout: 120_000,
  }, async (t) => {
    const written = new Map<string, string>();
    const failures: string[] = [];
    let done = 0;
    let isOver = false;
    const loops = Array.from({ length: callers }, async (_, caller) => {
      const urls = [0, 1, 2].map((i) => cluster.api(((caller + i) % 3) + 1).url);
      const client = createClient({ endpoints: urls, timeoutMs: 20_000, triesMax: 50 });
      for (let i = 0; !isOver; i++) {
        const key = `upgrade/${caller}/${i % 5}`;
        try {
          if (i % 3 === 2) await client.get(key);
          else {
            await client.put(key, `${i}`);
            written.set(key, `${i}`);
          }
          done++;
        } catch (error) {
          failures.push(String(error));
        }
        await sleep(5);
      }
      await client.close();
    });
    const speaks = async (what: string, now: () => boolean) => eventually(what, 15_000, now);

    for (const datacenter of [1, 2, 3]) {
      writeFileSync(builds, Array.from({ length: datacenter }, (_, i) => `dc-${i + 1}`).join("\n"));
      await restart(datacenter, "worker", "server", ...(datacenter === 3 ? (["redis"] as const) : []));
      if (datacenter === 1)
        await speaks("old ask new, new ask old: version 1", () => (spoken().requests[1] ?? 0) > 0 && (spoken().replies[1] ?? 0) > 0);
      if (datacenter === 2)
        await speaks("new with new: version 2", () => (spoken().requests[2] ?? 0) > 0 && (spoken().replies[2] ?? 0) > 0);
    }
    // Whoever was first told "only 1" hears of 2 when the other side has it too.
    await eventually("all are new: nobody speaks version 1 any more", 30_000, async () => {
      const before = spoken();
      await sleep(700);
      return spoken().requests[1] === before.requests[1];
    });

    writeFileSync(builds, "dc-1\ndc-3");
    await restart(2, "server");
    isOver = true;
    await Promise.all(loops);
    t.diagnostic(`${done} requests answered, ${failures.length} failed`);
    assert.deepEqual(failures, []);
    assert.ok(done > 100, `only ${done} requests`);
    for (const [key, value] of written)
      for (const datacenter of [1, 2, 3]) assert.equal(await cluster.api(datacenter).value(key), value, `${key} at dc-${datacenter}`);
  });
});
