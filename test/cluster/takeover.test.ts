/** The coordinator's datacenter is lost for good: another one takes over with one command, and nothing that was asked is forgotten. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type Api, bodyOf, eventually } from "../support/api.ts";
import { launcher, startCluster, type TestCluster } from "../support/cluster.ts";
import { startDatacenter, type TestDatacenter } from "../support/datacenter.ts";
import { startWriting } from "../support/writing.ts";

type ClusterBody = {
  readonly coordinator: number;
  readonly replicas: readonly { readonly id: number; readonly status: string }[];
  readonly reconfiguration: { readonly phase: string; readonly detail: string } | null;
};
const json = { "content-type": "application/json" };

let cluster: TestCluster;
let fourth: TestDatacenter | null = null;
before(async () => {
  cluster = await startCluster({ noRestart: true });
});
after(async () => {
  fourth?.signal("SIGCONT");
  await fourth?.end();
  await cluster.end();
});
const view = async (api: Api) => bodyOf<ClusterBody>(await api.ask("GET", "/v1/cluster"), 200);
const votersAre = async (api: Api, voters: string) => {
  const { replicas } = await view(api);
  return replicas.every(({ status }) => status === "active") && replicas.map(({ id }) => id).join() === voters;
};

test("takeover from a datacenter that is lost, while another one waits to be added", { timeout: 240_000 }, async (t) => {
  fourth = await startDatacenter(cluster, "dc-4");
  const { api, peerUrl, apiUrl } = fourth;
  fourth.signal("SIGSTOP");
  const body = JSON.stringify({ name: "dc-4", peerUrl, apiUrl });
  bodyOf(await cluster.api(2).ask("POST", "/v1/cluster/replicas", { body, headers: json }), 202);
  await eventually("it is said to be unreachable", 60_000, async () =>
    /dc-4.*unreachable/.test((await view(cluster.api(2))).reconfiguration?.detail ?? ""),
  );
  const writing = startWriting([cluster.api(2), cluster.api(3)], "taken-over");

  cluster.signal("SIGKILL", 1);
  const { stdout } = await promisify(execFile)(process.execPath, [launcher, "members", "takeover", "--api", cluster.api(2).url]);
  assert.match(stdout, /coordinator moves/);
  await eventually("the other one knows", 20_000, async () => (await view(cluster.api(3))).coordinator === 2);

  const startMs = performance.now();
  fourth.signal("SIGCONT");
  for (const each of [cluster.api(2), cluster.api(3), api])
    await eventually("the one that waited votes", 90_000, () => votersAre(each, "1,2,3,4"));
  t.diagnostic(`votes ${Math.round(performance.now() - startMs)} ms after it could be reached`);
  bodyOf(await cluster.api(3).ask("DELETE", "/v1/cluster/replicas/1"), 202);
  for (const each of [cluster.api(2), cluster.api(3), api])
    await eventually("the lost one is no member", 90_000, () => votersAre(each, "2,3,4"));
  const written = await writing.stop();
  assert.ok(written.length > 0);
  for (const key of written) assert.equal(await api.value(key, "local"), "x", key);
});
