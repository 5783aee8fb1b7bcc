import { withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { json, line } from "../output.ts";
import { conditions } from "./put.ts";

export const del = withClient<{ readonly ifVersion?: string; readonly idempotencyKey?: string }>(
  async ({ client, options, json: asJson }, [key = ""]) => {
    const answer = await client.delete(key, conditions(options));
    if (asJson) json(answer);
    else line(`ok, version ${answer.version}, instance ${answer.instance}`);
    return exit.done;
  },
);
