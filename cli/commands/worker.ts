import type { Flags } from "../../server/config.ts";
import { settingsOf } from "./config.ts";

export async function worker(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  const { runWorker } = await import("../../server/main.ts");
  await runWorker(settings);
}
