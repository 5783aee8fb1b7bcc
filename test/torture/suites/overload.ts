/** More than a cluster can do, and as much as it can on one key. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, TortureCase } from "../case.ts";
import { keysOf } from "../load.ts";
import { rssMiB } from "../processes.ts";
import { gaugeAt, quantileAt } from "../scrape.ts";

const writersEach = 3;
/** Of more that overlap on one key nobody can tell within a minute whether there is an order of them. */
const hotUnderWayMax = 8;

export const cases: readonly TortureCase[] = [
  {
    fault: 16,
    name: "overload",
    what: "four times as much as the cluster can do is asked of it, up to a tenth of it on one key",
    seconds: 20,
    inject: (run) => run.fault("overload", [], () => overload(run)),
  },
  {
    fault: 17,
    name: "one-key",
    what: "three more clients at every datacenter write one key without a rest",
    seconds: 60,
    inject: (run) => run.fault("all write one key", [], () => writeOneKey(run)),
  },
];

/**
 * First as much as goes, then so many times as much by the clock, whatever becomes of it; this process shares the machine with the
 * cluster, so the figure of its own is in bench/results/overload.md.
 */
async function overload(run: Run): Promise<void> {
  const { cluster, recorder, prefix, dice, endMs } = run;
  const factor = 4;
  const underWayMax = 600;
  const spread = 2_000;
  let n = 0;
  let hotUnderWay = 0;
  const ask = async () => {
    const datacenter = dice.pick(cluster.datacenters);
    const isHot = dice.chance(0.1) && hotUnderWay < hotUnderWayMax;
    const key = isHot ? (keysOf(prefix).hot[0] as string) : `${prefix}spread/${dice.between(1, spread)}`;
    const client = `dc-${datacenter}.more.${n++}`;
    if (isHot) hotUnderWay++;
    const done = await recorder.set(client, cluster.api(datacenter), key, client);
    if (isHot) hotUnderWay--;
    return done.status;
  };
  const rssBefore = cluster.datacenters.map((each) => rssMiB(cluster.pid(each, "server")));
  const measureUntilMs = performance.now() + (endMs - performance.now()) / 4;
  const measureFromMs = performance.now();
  let did = 0;
  const closed = async () => {
    while (performance.now() < measureUntilMs) if ((await ask()) === "ok") did++;
  };
  await Promise.all(Array.from({ length: 60 }, closed));
  const perSecond = (did * 1000) / (performance.now() - measureFromMs);
  run.most("ok a second, as many as go", Math.round(perSecond));
  const underWay = new Set<Promise<void>>();
  const fromMs = performance.now();
  const at = new Map<string, number>();
  for (let asked = 0; performance.now() < endMs; await sleep(10)) {
    const due = ((performance.now() - fromMs) / 1000) * perSecond * factor;
    for (; asked < due; asked++) {
      if (underWay.size >= underWayMax) {
        run.count("not asked: too many under way in the client");
        continue;
      }
      const one = ask().then((status) => {
        at.set(status, (at.get(status) ?? 0) + 1);
        underWay.delete(one);
      });
      underWay.add(one);
    }
    for (const [i, each] of cluster.datacenters.entries())
      run.most("largest growth of a server's memory, MiB", rssMiB(cluster.pid(each, "server")) - (rssBefore[i] as number));
  }
  await Promise.all(underWay);
  const seconds = (performance.now() - fromMs) / 1000;
  for (const [status, count] of at) run.most(`${status} a second, of four times as many`, Math.round(count / seconds));
}

async function writeOneKey(run: Run): Promise<void> {
  const { cluster, recorder, prefix, endMs } = run;
  const key = keysOf(prefix).hot[0] as string;
  const write = async (datacenter: number, client: number) => {
    for (let n = 0; performance.now() < endMs; n++) {
      const name = `dc-${datacenter}.one-key.${client}`;
      const { status } = await recorder.set(name, cluster.api(datacenter), key, `${name}#${n}`);
      run.count(`writes of the one key: ${status}`);
    }
  };
  const watch = async () => {
    for (; performance.now() < endMs; await sleep(1_000))
      for (const each of cluster.datacenters)
        run.most("most instances that are not executed", await gaugeAt(cluster.api(each), "epoxy_open_instances"));
  };
  const before = await Promise.all(cluster.datacenters.map((each) => cluster.api(each).ask("GET", "/metrics")));
  await Promise.all([watch(), ...cluster.datacenters.flatMap((each) => Array.from({ length: writersEach }, (_, i) => write(each, i)))]);
  for (const [i, each] of cluster.datacenters.entries()) {
    const quantile = (metric: string, share: number) => quantileAt(cluster.api(each), metric, share, before[i]?.text ?? "");
    run.most("largest component, at most", await quantile("epoxy_execution_cycle_instances", 1));
    run.most("p99 until executed, at most ms", 1000 * (await quantile("epoxy_execute_seconds", 0.99)));
  }
}
