import { ConfigError, type Flags, loadSettings, type Settings } from "../../server/config.ts";
import { printableUrl } from "../../server/log.ts";
import { exit, UsageError } from "../exit.ts";
import { json, line, table } from "../output.ts";

/** @throws UsageError naming every setting that is wrong */
export function settingsOf(flags: Flags): Settings {
  try {
    return loadSettings({ flags, environment: process.env });
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message);
    throw error;
  }
}

export async function check(options: Flags & { readonly json?: boolean }): Promise<void> {
  const { json: asJson, ...flags } = options;
  const { redisUrl, wanOneWayMs, peerSecrets, tokens, ...plain } = settingsOf(flags);
  const shown = {
    ...plain,
    redisUrl: printableUrl(redisUrl),
    peerSecrets: peerSecrets.length,
    tokens: tokens.length,
    wanOneWayMs: Object.fromEntries(wanOneWayMs),
  };
  if (asJson === true) json(shown);
  else
    line(
      table(
        ["setting", "value"],
        Object.entries(shown).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
      ),
    );
  process.exitCode = exit.done;
}
