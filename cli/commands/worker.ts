import type { Flags } from "../../server/config.ts";
import { settingsOf } from "./config.ts";
import { endOnFailure } from "./end-on-failure.ts";

export async function worker(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  await endOnFailure(async () => (await import("../../server/run-worker.ts")).runWorker(settings));
}
