/** `npm run demo`: a cluster of 3 datacenters, what it can do and what it survives, told as it happens. */
import { startCluster } from "../dev/cluster.ts";
import { createProgress } from "../dev/progress.ts";
import { type ExitCode, exit } from "../exit.ts";
import { note } from "../output.ts";
import { createStage, DemoFailure, type Stage, say, title } from "./stage.ts";
import { addDatacenter, loseAndHeal, raceForKeys, verifyAll, writeEverywhere } from "./steps.ts";

const steps = [writeEverywhere, raceForKeys, addDatacenter, loseAndHeal, verifyAll];

export async function runDemo(options: { readonly port?: number; readonly stay: boolean }): Promise<ExitCode> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort(new DemoFailure("stopped")));
  title("Epoxy: one key-value store in several datacenters, and no leader");
  say("   Starting 3 datacenters on this machine: each a Redis, a server and a worker, and one Temporal for them all.");
  const progress = createProgress(process.stdout);
  const { stay, ...size } = options;
  const cluster = await startCluster(
    { ...size, datacenters: 3, restart: true, signal: stopping.signal },
    { onProgress: progress.say, onDied: ({ name, how, tail }) => note(`   ${name} died (${how})\n${tail}`) },
  );
  progress.done();
  const stage = createStage(cluster, stopping.signal);
  try {
    const code = await tour(stage);
    if (!stay || stopping.signal.aborted) return code;
    const { console: page, temporal } = await cluster.describe();
    title("The cluster stays up for you until Ctrl-C");
    say(`   console      ${page}`);
    say(`   Temporal UI  ${temporal.ui}`);
    say(`   API          ${stage.places.map((place) => `http://127.0.0.1:${place.servers[0]?.apiPort}`).join("  ")}`);
    await new Promise<void>((resolve) => {
      const alive = setInterval(() => undefined, 60_000);
      stopping.signal.addEventListener("abort", () => {
        clearInterval(alive);
        resolve();
      });
    });
    return code;
  } finally {
    say("   Stopping.");
    await Promise.all([...stage.clients.values()].map((client) => client.close()));
    await cluster.stop();
  }
}

async function tour(stage: Stage): Promise<ExitCode> {
  for (const step of steps) {
    try {
      await step(stage);
    } catch (error) {
      if (stage.signal.aborted) return exit.error;
      say(`   FAILED: ${error instanceof Error ? error.message : String(error)}`);
      if (!(error instanceof DemoFailure) && error instanceof Error) note(String(error.stack));
      note(`   The logs are in ${stage.cluster.folder}/logs`);
      return exit.error;
    }
  }
  title("Every step did what it says.");
  return exit.done;
}
