import { RequestError } from "../../client/errors.ts";
import type { InstanceAnswer } from "../../client/types.ts";
import { withClient } from "../context.ts";
import { exit, UsageError } from "../exit.ts";
import { json, line, note, quote, table } from "../output.ts";

const TEXT_MAX = 60;

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
    if (decided !== null) note(`decided: ${commandsText(decided)}, after ${depsText(decided.deps)}`);
    line(table(["replica", "name", "status", "epoch", "ballot", "after", "commands"], seen.map(row)));
  }
  return seen.some((each) => each.instance !== null) ? exit.done : exit.conditionNotMet;
});

/** One line a replica: the log's own words are in --json. */
function row({ id, name, instance: found, error }: Seen): (string | number)[] {
  if (found === null) return [id, name, error ?? "unknown here", "-", "-", "-", "-"];
  const moved = found.resubmittedAs === undefined || found.resubmittedAs === null ? "" : ` (again as ${found.resubmittedAs})`;
  return [id, name, `${found.status}${moved}`, found.epoch ?? "-", ballotText(found.ballot), depsText(found.deps), commandsText(found)];
}

function ballotText(ballot: InstanceAnswer["ballot"]): string {
  return ballot === undefined ? "-" : ballot.counter === 0 ? "the owner's" : `${ballot.counter} of ${ballot.replica}`;
}

function depsText(deps: InstanceAnswer["deps"]): string {
  if (deps === undefined) return "-";
  const all = [...deps.floor.map((name) => `all to ${name}`), ...deps.explicit];
  return all.length === 0 ? "none" : all.join(", ");
}

function commandsText({ commands, nop }: InstanceAnswer): string {
  if (nop === true) return "Nop";
  if (commands === undefined || commands === null) return "not known here";
  return commands.map((command) => ("key" in command ? `${command.kind} ${shortened(quote(command.key))}` : command.kind)).join(", ");
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
