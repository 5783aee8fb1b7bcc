import { integer, withClient } from "../context.ts";
import { exit } from "../exit.ts";
import { json, line, readInput } from "../output.ts";

type Options = { readonly ifAbsent?: boolean; readonly ifVersion?: string; readonly idempotencyKey?: string };

export const put = withClient<Options>(async ({ client, options, json: asJson }, [key = "", value = ""]) => {
  const bytes = value === "-" ? await readInput("-") : value;
  const answer = await client.put(key, bytes, conditions(options));
  if (asJson) json(answer);
  else line(`ok, version ${answer.version}, instance ${answer.instance}`);
  return exit.done;
});

/** Options as the client takes them. */
export function conditions(options: Options): { ifAbsent?: boolean; ifVersion?: number; idempotencyKey?: string } {
  return {
    ...(options.ifAbsent === true ? { ifAbsent: true } : {}),
    ...(options.ifVersion === undefined
      ? {}
      : { ifVersion: integer("--if-version", options.ifVersion, { min: 0, max: Number.MAX_SAFE_INTEGER }) }),
    ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
  };
}
