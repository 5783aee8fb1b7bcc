import { integer, withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { json, line, showShort, table } from "../output.ts";

const pageEntries = 1_000;

export const list = withClient<{ readonly limit?: string; readonly keysOnly?: boolean }>(
  async ({ client, options, json: asJson }, [prefix]) => {
    let left = options.limit === undefined ? Number.POSITIVE_INFINITY : integer("--limit", options.limit, { min: 1, max: 1_000_000_000 });
    let cursor: string | null = null;
    do {
      const page = await client.list({
        ...(prefix === undefined ? {} : { prefix }),
        limit: Math.min(left, pageEntries),
        ...(cursor === null ? {} : { cursor }),
      });
      left -= page.entries.length;
      cursor = page.entries.length === 0 || left <= 0 ? null : (page.cursor ?? null);
      if (asJson) json(page);
      else if (page.entries.length > 0) {
        if (options.keysOnly === true) for (const entry of page.entries) line(showShort(entry.key));
        else
          line(
            table(
              ["key", "version", "value"],
              page.entries.map((entry) => [showShort(entry.key), entry.version, showShort(entry.value)]),
            ),
          );
      }
    } while (cursor !== null);
    return exit.done;
  },
);
