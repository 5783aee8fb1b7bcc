import { RequestError } from "../../client/errors.ts";
import type { InstanceAnswer } from "../../client/types.ts";
import { withClient } from "../context.ts";
import { exit, UsageError } from "../exit.ts";
import { json, line, note, table } from "../output.ts";

type Seen = { readonly id: number; readonly name: string; readonly instance: InstanceAnswer | null; readonly error: string | null };

export const instance = withClient<{ readonly recover?: boolean }>(async ({ client, at, options, json: asJson }, [id = ""]) => {
  if (!/^\d+\.\d+$/.test(id)) throw new UsageError(`an instance is written R.SLOT, as in 1.7, not ${JSON.stringify(id)}`);
  const decided = options.recover === true ? await client.recover(id) : null;
  const { replicas } = await client.cluster();
  const seen = await Promise.all(
    replicas.map(async (each): Promise<Seen> => {
      try {
        return { id: each.id, name: each.name, instance: await at(each.apiUrl).instance(id), error: null };
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        return { id: each.id, name: each.name, instance: null, error: error.message };
      }
    }),
  );
  if (asJson) json({ id, ...(decided === null ? {} : { recovered: decided }), replicas: seen });
  else {
    if (decided !== null) note(`recovered: ${JSON.stringify(decided)}`);
    line(table(["replica", "name", "status", "epoch", "ballot", "seq", "deps", "commands"], seen.map(row)));
  }
  return seen.some((each) => each.instance !== null) ? exit.done : exit.conditionNotMet;
});

function row({ id, name, instance: found, error }: Seen): (string | number)[] {
  if (found === null) return [id, name, error ?? "unknown here", "-", "-", "-", "-", "-"];
  const text = (value: unknown) =>
    value === undefined || value === null ? "-" : typeof value === "string" ? value : JSON.stringify(value);
  const moved = found.resubmittedAs === undefined || found.resubmittedAs === null ? "" : ` (again as ${found.resubmittedAs})`;
  return [
    id,
    name,
    `${found.status}${moved}`,
    text(found.epoch),
    text(found.ballot),
    text(found.seq),
    text(found.deps),
    text(found.commands),
  ];
}
