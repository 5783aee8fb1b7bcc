/** A worker process: the replica's side of its workflows. A server need not load what this needs, nor the other way round. */
import type { Settings } from "./config.ts";
import { assemble, close, refuseForeignData, stopOnSignals, temporalSettings, watchDurability } from "./parts.ts";
import { startWorker } from "./worker.ts";

/** Runs `epoxy worker` until a signal ends it. */
export async function runWorker(settings: Settings): Promise<void> {
  const parts = await assemble(settings, "worker");
  const { log, replica } = parts;
  const stopping = stopOnSignals(log);
  await watchDurability(parts, stopping.signal);
  await replica.start();
  refuseForeignData(parts);
  await startWorker({ settings: temporalSettings(settings), replica, log, signal: stopping.signal });
  await close(parts);
}
