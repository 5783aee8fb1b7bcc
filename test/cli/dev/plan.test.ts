import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type DatacenterPlace, layoutOf, peerUrl, portsOf } from "../../../cli/dev/layout.ts";
import { createProgress } from "../../../cli/dev/progress.ts";
import { openFolder, sizeOf, writeState } from "../../../cli/dev/state.ts";
import { oneWayMs, parseRegions, type Region, regions, roundTripMs } from "../../../cli/dev/wan.ts";
import { UsageError } from "../../../cli/exit.ts";

describe("ports", () => {
  test("are those of the contract", () => {
    const layout = layoutOf({ datacenters: 3, learners: 1, servers: 3, port: 7_100 }, "folder");
    assert.deepEqual([layout.temporalPort, layout.uiPort], [7_101, 7_102]);
    const [, second] = layout.datacenters;
    assert.deepEqual(second?.servers, [
      { apiPort: 7_120, peerPort: 7_124, relayPort: null },
      { apiPort: 7_125, peerPort: 7_126, relayPort: null },
      { apiPort: 7_127, peerPort: 7_128, relayPort: null },
    ]);
    assert.deepEqual([second?.redisPort, second?.balancerPort], [7_122, 7_121]);
    const [alone] = layoutOf({ datacenters: 1, learners: 0, servers: 1, port: 7_100 }, "folder").datacenters;
    assert.deepEqual(alone?.servers, [{ apiPort: 7_110, peerPort: 7_111, relayPort: null }]);
    for (const place of [alone, second])
      assert.equal(peerUrl(place as DatacenterPlace), `http://127.0.0.1:${7_101 + 10 * (place?.number ?? 0)}`);
    assert.deepEqual(
      layout.datacenters.map((place) => [place.number, place.name, place.voter]),
      [
        [1, "dc-1", true],
        [2, "dc-2", true],
        [3, "dc-3", true],
        [4, "dc-4", false],
      ],
    );
  });

  test("of relays are only those of the servers that peers reach", () => {
    const [, second] = layoutOf({ datacenters: 3, learners: 1, servers: 2, port: 7_100 }, "folder", true).datacenters;
    assert.deepEqual(
      second?.servers.map(({ relayPort }) => relayPort),
      [7_123, null],
    );
  });

  test("never meet", () => {
    const layout = layoutOf({ datacenters: 9, learners: 20, servers: 3, port: 7_100 }, "folder");
    assert.equal(portsOf(layout).size, 2 + 29 * 8);
  });
});

describe("regions", () => {
  const names = Object.keys(regions) as Region[];
  test("know the way to each other, the same both ways", () => {
    for (const a of names) for (const b of names) assert.equal(roundTripMs(a, b), roundTripMs(b, a));
    for (const a of names) for (const b of names) assert.equal(roundTripMs(a, b) > 0, a !== b);
  });

  test("half the round trip is waited for at the sender", () => {
    const urls = ["http://a", "http://b", "http://c"];
    assert.deepEqual(oneWayMs(parseRegions("ca,va,EU", 3), urls, 0), { "http://b": 29.95, "http://c": 70.6 });
  });

  test("must be as many as datacenters, and known", () => {
    assert.throws(() => parseRegions("CA,VA", 3), UsageError);
    assert.throws(() => parseRegions("CA,VA,MOON", 3), UsageError);
  });
});

describe("the folder of a cluster", () => {
  test("keeps its size, and refuses another one", (t) => {
    const data = mkdtempSync(join(tmpdir(), "epoxy-test-"));
    t.after(() => rmSync(data, { recursive: true, force: true }));
    const { folder, state } = openFolder({ data, datacenters: 5, port: 8_000 });
    writeState(folder, { ...state, formed: true });
    const again = openFolder({ data, servers: 2 });
    assert.deepEqual([again.state.datacenters, again.state.port, again.state.servers, again.state.formed], [5, 8_000, 2, true]);
    assert.throws(() => openFolder({ data, datacenters: 3 }), UsageError);
    assert.throws(() => openFolder({ data, port: 7_100 }), UsageError);
  });

  test("has the defaults of the contract", () => {
    assert.deepEqual(sizeOf({}, null), { datacenters: 3, learners: 0, servers: 1, port: 7_100 });
  });
});

test("without a terminal each step is one plain line, said once", () => {
  let text = "";
  const progress = createProgress({ write: (more) => (text += more) }, () => 0);
  progress.say(1, "up");
  progress.say(1, "up");
  progress.say(0, "ready");
  progress.done();
  assert.equal(text, "  0.0 s  dc-1: up\n  0.0 s  temporal: ready\n");
});
