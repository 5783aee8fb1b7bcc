import type { Flags } from "../../server/config.ts";
import { settingsOf } from "./config.ts";

export async function server(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  const { runServer } = await import("../../server/main.ts");
  await runServer(settings);
}
