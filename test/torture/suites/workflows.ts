/** Membership changes under load, with Temporal away or its workers killed: traffic takes no notice, and the change ends by itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { bodyOf, eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { another, membersAt } from "../members.ts";

const json = { "content-type": "application/json" };

export const cases: readonly TortureCase[] = [
  {
    fault: 18,
    name: "temporal-away",
    what: "Temporal is killed as a datacenter is being added, and comes back after 5 s",
    seconds: 10,
    spoils: true,
    inject: (run) =>
      added(run, () =>
        run.fault("Temporal killed", [], async () => {
          await sleep(run.dice.between(0, 1_500));
          await run.cluster.temporal.kill();
          await sleep(5_000);
          run.cluster.temporal.start();
        }),
      ),
  },
  {
    fault: 19,
    name: "workers-killed",
    what: "workers are killed again and again as a datacenter is being added",
    seconds: 20,
    spoils: true,
    inject: (run) =>
      added(run, async () => {
        for (let i = 0; i < 6; i++) {
          const datacenter = run.dice.pick(run.cluster.datacenters);
          await run.fault("worker killed", [datacenter], async () => {
            await run.cluster.kill(datacenter, "worker");
            await sleep(run.dice.between(0, 1_000));
            run.cluster.start(datacenter, "worker");
          });
          await sleep(run.dice.between(200, 1_500));
        }
      }),
  },
  {
    fault: 20,
    name: "add-and-remove",
    what: "a fourth datacenter is added and removed again",
    seconds: 20,
    spoils: true,
    lost: [4],
    async inject(run) {
      const id = await adding(run, async () => undefined);
      await run.fault("datacenter removed", [], async () => {
        bodyOf(await run.cluster.api(2).ask("DELETE", `/v1/cluster/replicas/${id}`), 202);
        await eventually("it is gone", 60_000, async () => !(await activeAt(run, 1)).includes(id));
      });
    },
  },
];

async function added(run: Run, meanwhile: () => Promise<unknown>): Promise<void> {
  await adding(run, meanwhile);
}

/** Adds a datacenter, with something happening meanwhile, until all agree that it votes. @returns its id */
async function adding(run: Run, meanwhile: () => Promise<unknown>): Promise<number> {
  const { cluster } = run;
  const { number, newcomer } = await another(run);
  const body = JSON.stringify(newcomer);
  const before = await activeAt(run, 1);
  const startMs = performance.now();
  await run.fault("datacenter added", [number], async () => {
    bodyOf(await cluster.api(2).ask("POST", "/v1/cluster/replicas", { body, headers: json }), 202);
    await meanwhile();
    await eventually("all see it vote", 90_000, async () => (await activeAt(run, number)).length === before.length + 1);
  });
  run.most("added after, ms", Math.round(performance.now() - startMs));
  const id = (await activeAt(run, number)).find((each) => !before.includes(each));
  if (id === undefined) throw new Error("it votes, but is not listed");
  return id;
}

async function activeAt(run: Run, datacenter: number): Promise<number[]> {
  return (await membersAt(run, datacenter)).filter(({ status }) => status === "active").map(({ id }) => id);
}
