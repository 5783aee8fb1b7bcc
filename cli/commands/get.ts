import { fromWire } from "../../client/bytes.ts";
import type { ReadMode } from "../../client/types.ts";
import { withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { json, note } from "../output.ts";

export const get = withClient<{ readonly read?: ReadMode }>(async ({ client, options, json: asJson }, [key = ""]) => {
  const found = await client.get(key, options.read === undefined ? {} : { read: options.read });
  if (found === null) {
    if (asJson) json({ error: { code: "notFound", message: "the key is absent" } });
    else note(`${JSON.stringify(key)} is absent`);
    return exit.conditionNotMet;
  }
  if (asJson) json(found);
  else process.stdout.write(Buffer.concat([fromWire(found.value ?? ""), Buffer.from("\n")]));
  return exit.done;
});
