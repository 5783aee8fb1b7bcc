import { integer } from "../context.ts";
import { type ClusterView, type LocalCluster, type ProcessKind, startCluster } from "../dev/cluster.ts";
import { limits } from "../dev/layout.ts";
import { createProgress } from "../dev/progress.ts";
import { sizeOfFolder, type Wanted } from "../dev/state.ts";
import type { Died } from "../dev/supervised.ts";
import { parseRegions, type Region, regions } from "../dev/wan.ts";
import { exit } from "../exit.ts";
import { json, line, note, table } from "../output.ts";

type Options = {
  readonly datacenters?: string;
  readonly servers?: string;
  readonly learners?: string;
  readonly port?: string;
  readonly wan?: string;
  readonly restart: boolean;
  readonly json?: boolean;
  readonly data?: string;
};

export async function dev(options: Options): Promise<void> {
  if (options.wan === "list") {
    line(table(["region", "where"], Object.entries(regions)));
    return;
  }
  const wanted = wantedOf(options);
  const wan = options.wan === undefined ? null : regionsOf(options.wan, wanted);
  const stopping = stopOnSignals();
  const asJson = options.json === true;
  const progress = createProgress(asJson ? { write: () => undefined } : process.stderr);
  let isUp = false;
  let cluster: LocalCluster;
  try {
    cluster = await startCluster(
      { ...wanted, regions: wan, restart: options.restart, signal: stopping.signal },
      {
        onProgress: progress.say,
        onDied: (died) => reportDeath(died, isUp),
        // The first line is the cluster: what happens before it is only told in words.
        onRestarted: (event) => (isUp ? reportRestart(event, asJson) : undefined),
      },
    );
  } catch (error) {
    progress.done();
    if (!stopping.signal.aborted) throw error;
    note("epoxy: stopped before the cluster was up");
    process.exitCode = exit.error;
    return;
  }
  progress.done();
  const view = await cluster.describe();
  isUp = true;
  if (asJson) json(view);
  else printCluster(view, cluster.folder);
  await stopped(stopping.signal);
  if (!asJson) note("stopping");
  await cluster.stop();
  process.exitCode = exit.done;
}

function wantedOf(options: Options): Wanted {
  const number = (name: string, text: string | undefined, min: number, max: number) =>
    text === undefined ? undefined : integer(name, text, { min, max });
  const found = {
    datacenters: number("--datacenters", options.datacenters, 1, limits.datacenters),
    servers: number("--servers", options.servers, 1, limits.servers),
    learners: number("--learners", options.learners, 0, limits.learners),
    port: number("--port", options.port, 1_024, 65_500),
    data: options.data,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Wanted;
}

function regionsOf(text: string, wanted: Wanted): readonly Region[] {
  const { datacenters, learners } = sizeOfFolder(wanted);
  return parseRegions(text, datacenters + learners);
}

function stopOnSignals(): AbortController {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The keeper ends everything at once when this process is gone: who asks twice does not want to wait.
      if (stopping.signal.aborted && signal === "SIGINT") process.exit(exit.error);
      stopping.abort();
    });
  }
  return stopping;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // A pending promise alone does not keep Node alive once every child is down.
    const alive = setInterval(() => undefined, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

function reportDeath(died: Died, isUp: boolean): void {
  note(`${died.name} died (${died.how})${isUp ? "" : " while starting"}; its log is ${died.logFile}`);
  if (!isUp && died.tail !== "") note(died.tail.replaceAll(/^/gm, "  | "));
}

function reportRestart(event: { datacenter: number; process: ProcessKind; pid: number }, asJson: boolean): void {
  if (asJson) json({ event: "restarted", ...event });
  else
    line(
      `${event.process === "temporal" ? "temporal" : `dc-${event.datacenter} ${event.process}`} was started again, process ${event.pid}`,
    );
}

function printCluster(view: ClusterView, folder: string): void {
  line(
    table(
      ["id", "name", "status", "api", "redis"],
      view.datacenters.map((each) => [each.id, each.name, each.status, each.api, each.redis]),
    ),
  );
  line("");
  line(`console      ${view.console}`);
  line(`Temporal UI  ${view.temporal.ui}`);
  line(`data, logs   ${folder}`);
  const [first, ...others] = view.datacenters;
  const last = others.at(-1) ?? first;
  // From a checkout the command has no name of its own.
  const epoxy = (process.env as { npm_command?: string }).npm_command === undefined ? "epoxy" : "npx epoxy";
  line(`Try: ${epoxy} --api ${first?.api} put greeting hello, then ${epoxy} --api ${last?.api} get greeting. Ctrl-C ends it all.`);
}
