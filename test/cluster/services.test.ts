/** What services see of a real cluster: reservations raced from three datacenters by the example, and a watch over restarts. */
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Client, createClient, NothingHappened } from "../../client/client.ts";
import type { WatchEvent } from "../../client/types.ts";
import { createService } from "../../examples/reservations/service.ts";
import { eventually } from "../support/api.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";

const numbers = [1, 2, 3];

describe("services over a real cluster", () => {
  let cluster: TestCluster;
  const closing: (() => unknown)[] = [];
  before(async () => {
    cluster = await startCluster();
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
    await cluster?.end();
  });
  const clientAt = (...datacenters: number[]): Client => {
    const client = createClient({ endpoints: datacenters.map((number) => cluster.api(number).url) });
    closing.push(() => client.close());
    return client;
  };

  type Actor = { key: string; datacenter: string; actorId: string; calls: number };
  /** The example's service in every datacenter; asks the one of `datacenter`. */
  async function startServices() {
    const datacenters: Record<string, string> = {};
    for (const number of numbers) {
      const server: Server = createService({ name: `dc-${number}`, datacenters, epoxy: clientAt(number) });
      server.listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      closing.push(() => {
        server.closeAllConnections();
        server.close();
      });
      datacenters[`dc-${number}`] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
    return async (datacenter: number, method: string, key: string): Promise<{ status: number; actor: Actor }> => {
      const response = await fetch(`${datacenters[`dc-${datacenter}`]}/actors/${key}`, { method });
      return { status: response.status, actor: (await response.json()) as Actor };
    };
  }

  test("of three datacenters that race for a key one gets it, and the others' requests reach it there", async () => {
    const ask = await startServices();
    const keys = Array.from({ length: 40 }, (_, i) => `race-${i}`);
    const wins = { "dc-1": 0, "dc-2": 0, "dc-3": 0 } as Record<string, number>;
    for (let at = 0; at < keys.length; at += 10) {
      await Promise.all(
        keys.slice(at, at + 10).map(async (key) => {
          const answers = await Promise.all(numbers.map((number) => ask(number, "PUT", key)));
          assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 201], `${key}: ${JSON.stringify(answers)}`);
          const [owner] = new Set(answers.map(({ actor }) => `${actor.datacenter} ${actor.actorId}`));
          for (const { actor } of answers) assert.equal(`${actor.datacenter} ${actor.actorId}`, owner, key);
          const made = answers.find(({ status }) => status === 201)?.actor.datacenter ?? "";
          wins[made] = (wins[made] ?? 0) + 1;
          // Each calls it once, from its own datacenter: one actor counts all of them.
          await Promise.all(numbers.map((number) => ask(number, "POST", key)));
          assert.equal((await ask(1, "GET", key)).actor.calls, 3, key);
        }),
      );
    }
    assert.equal(
      Object.values(wins).reduce((sum, each) => sum + each),
      keys.length,
    );
    assert.equal((await ask(2, "GET", "never-made")).status, 404);
  });

  test("every operation of the client, at all three datacenters", async () => {
    const [first, second, third] = [clientAt(1), clientAt(2), clientAt(3)];
    const { version } = await first.put("ops/k", "one");
    assert.deepEqual(await second.get("ops/k"), { key: "ops/k", value: "one", version });
    await eventually("it is seen locally", 30_000, async () => (await third.get("ops/k", { read: "local" }))?.version === version);
    assert.equal((await third.get("ops/k", { read: "optimistic" }))?.value, "one");
    await assert.rejects(
      second.put("ops/k", "two", { ifAbsent: true }),
      (error) => error instanceof NothingHappened && error.status === 412,
    );
    const [won] = (await second.checkAndSet("ops/k", { expectOneOf: ["one"] }, "two")).results;
    assert.deepEqual(won, { ok: true, version: version + 1 });
    const [lost] = (await third.checkAndSet("ops/k", { expectVersion: version }, "three")).results;
    assert.deepEqual(lost, { ok: false, error: "expectedValueDoesNotMatch", current: "two", version: version + 1 });
    await Promise.all([first, second, third].map((client) => client.add("ops/n", 7n)));
    assert.equal((await first.get("ops/n"))?.value, "21");
    const txn = await first.txn({ checks: [{ key: "ops/n", expectOneOf: ["21"] }], commands: [{ kind: "set", key: "ops/t", value: "v" }] });
    assert.equal(txn.results[0]?.ok, true);
    await second.put("ops/bytes", new Uint8Array([0xff, 0]));
    assert.deepEqual((await third.get("ops/bytes"))?.value, { base64: "/wA=" });
    await third.delete("ops/t");
    assert.equal(await first.get("ops/t"), null);
    const page = await third.list({ prefix: "ops/", limit: 2 });
    const rest = await third.list({ prefix: "ops/", cursor: page.cursor ?? "" });
    const keys = [...page.entries, ...rest.entries].map(({ key }) => key);
    assert.deepEqual(keys, ["ops/bytes", "ops/k", "ops/n"]);
    // The same request at another datacenter: the first one's result, and nothing happens twice.
    const again = { idempotencyKey: "ops-once" };
    await first.add("ops/n", 1, again);
    await second.add("ops/n", 1, again);
    assert.equal((await third.get("ops/n"))?.value, "22");
  });

  test("a watch goes on over kill -9 of its server and of its Redis, without a loss and without anything twice", async () => {
    const watcher = clientAt(1);
    const writer = clientAt(2, 3);
    const stop = new AbortController();
    closing.push(() => stop.abort());
    const seen: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of watcher.watch({ prefix: "watched/", signal: stop.signal })) seen.push(event);
    })();
    let written = 0;
    const write = async (count: number) => {
      for (let i = 0; i < count; i++) await writer.put(`watched/${written++}`, "v");
    };
    // The watch counts from when it was opened: ask until it is.
    await eventually("the watch is open", 30_000, async () => {
      await write(1);
      return seen.length > 0;
    });
    const openSince = written;
    for (const part of ["server", "redis"] as const) {
      cluster.signal("SIGKILL", 1, part);
      await write(10);
      // Whose own datacenter is away is served by another one.
      if (part === "server") await clientAt(1, 2, 3).put("elsewhere", "v");
      await eventually(`datacenter 1 serves again after its ${part} was killed`, 30_000, () => cluster.api(1).isReady());
    }
    await writer.delete("watched/0");
    // Keys do not conflict: a datacenter that fetches what it missed may execute them in another order than they were written in.
    const puts = () => seen.filter(({ event }) => event === "put").map(({ data }) => String(data?.key));
    const lost = () =>
      Array.from({ length: written - openSince }, (_, i) => `watched/${i + openSince}`).filter((key) => !puts().includes(key));
    const deletions = () => seen.filter(({ event }) => event === "delete");
    await eventually("everything was seen", 20_000, () => deletions().length > 0 && lost().length === 0);
    stop.abort();
    await watching;
    assert.equal(new Set(puts()).size, puts().length, "nothing twice");
    assert.equal(seen.length, puts().length + 1, "and nothing else");
    const [deletion] = deletions();
    assert.deepEqual([deletion?.data?.key, deletion?.data?.value, deletion?.data?.version], ["watched/0", null, 2]);
  });

  test("a position of one datacenter is a gap in another, and both streams carry the same changes", async () => {
    const [first, second] = [clientAt(1), clientAt(2)];
    const open = async (client: Client, after?: string) => {
      const watching = client.watch({ prefix: "moved/", ...(after === undefined ? {} : { after }) });
      return watching;
    };
    const here = await open(first);
    const event = here.next();
    await eventually("the watch sees a change", 30_000, async () => {
      await second.put("moved/k", "v");
      return Promise.race([event.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50))]);
    });
    const { id } = (await event).value as WatchEvent;
    await here.return(undefined);
    const there = await open(second, id);
    assert.equal(((await there.next()).value as WatchEvent).event, "gap");
    await there.return(undefined);
    const again = await open(first, id);
    await first.put("moved/last", "v");
    for (;;) {
      const next = (await again.next()).value as WatchEvent;
      assert.equal(next.event, "put");
      if (next.data?.key === "moved/last") break;
    }
    await again.return(undefined);
  });
});
