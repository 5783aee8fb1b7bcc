/** A change of members is shown wherever it is asked for: by the Temporal of this datacenter, else by the coordinator's datacenter. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { Members, ReplicaId } from "../../protocol/types.ts";
import type { AppDeps } from "../../server/app.ts";
import { Secret } from "../../server/security.ts";
import { fakeApp, fakeReplica, fakeReport } from "./fake-replica.ts";

type View = NonNullable<Awaited<ReturnType<AppDeps["reconfiguration"]>>>;
const learning: View = { generation: 7, phase: "learning", since: 5, detail: "copying", workflowUrl: null, replicas: [] };
const tokens = [
  { scope: "read" as const, token: new Secret("reader") },
  { scope: "admin" as const, token: new Secret("admin") },
];
const nowhere = "http://127.0.0.1:9";

/** Datacenter `self`, which takes the one at `coordinatorUrl` for the coordinator's. */
function datacenter(t: TestContext, self: number, coordinator: { id: number; url: string }, reconfiguration: AppDeps["reconfiguration"]) {
  const member = (id: number, apiUrl: string) => ({ id, name: `dc-${id}`, peerUrl: nowhere, apiUrl, leaving: false });
  const others = [1, 2].filter((id) => id !== coordinator.id).map((id) => member(id, nowhere));
  const members = { ...fakeReport().members, coordinator: coordinator.id, members: [...others, member(coordinator.id, coordinator.url)] };
  const report = () => fakeReport({ self: self as ReplicaId, members: members as unknown as Members });
  const replica = fakeReplica({ report });
  const { app } = fakeApp({ tokens, reconfiguration, replica });
  t.after(() => app.close());
  return { app, replica };
}

async function listening(t: TestContext, ...given: Parameters<typeof datacenter> extends [TestContext, ...infer Rest] ? Rest : never) {
  const { app } = datacenter(t, ...given);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

const nothing = async () => null;
const seen = async (app: ReturnType<typeof datacenter>["app"]) =>
  (await app.inject({ url: "/v1/cluster", headers: { authorization: "Bearer reader" } })).json().reconfiguration;
const shown = { generation: 7, phase: "learning", since: 5, detail: "copying", workflowUrl: null };

test("a datacenter with a Temporal of its own asks the coordinator's, with the caller's token", async (t) => {
  const url = await listening(t, 2, { id: 2, url: nowhere }, async () => learning);
  const { app, replica } = datacenter(t, 1, { id: 2, url }, nothing);
  assert.deepEqual(await seen(app), shown);
  const headers = { authorization: "Bearer admin" };
  assert.equal((await app.inject({ method: "POST", url: "/v1/cluster/cancel", headers })).statusCode, 202);
  assert.deepEqual(replica.asked, [{ name: "cancelReconfiguration", argument: { generation: 7 } }]);
});

test("its own Temporal hangs: the coordinator's word comes all the same", async (t) => {
  const url = await listening(t, 2, { id: 2, url: nowhere }, async () => learning);
  const { app } = datacenter(t, 1, { id: 2, url }, () => new Promise(() => {}));
  assert.deepEqual(await seen(app), shown);
});

test("a Temporal that all share answers without the other datacenter", async (t) => {
  const { app } = datacenter(t, 1, { id: 2, url: nowhere }, async () => learning);
  assert.deepEqual(await seen(app), shown);
});

test("two that take each other for the coordinator's, and one that cannot be reached: not known", async (t) => {
  const url = await listening(t, 2, { id: 1, url: nowhere }, nothing);
  assert.equal(await seen(datacenter(t, 1, { id: 2, url }, nothing).app), null);
  assert.equal(await seen(datacenter(t, 1, { id: 2, url: nowhere }, () => Promise.reject(new Error("down"))).app), null);
  assert.equal(await seen(datacenter(t, 1, { id: 2, url: nowhere }, () => new Promise(() => {})).app), null);
});
