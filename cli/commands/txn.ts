import type { TxnJson } from "../../client/types.ts";
import { withClient } from "../context.ts";
import { CommandError, UsageError } from "../exit.ts";
import { readInput, whyUnreadable } from "../output.ts";
import { printProposal } from "./print-proposal.ts";

export const txn = withClient<{ readonly idempotencyKey?: string }>(async ({ client, options, json }, [file = "-"]) => {
  const parsed = await readJson(file);
  if (!Array.isArray(parsed["commands"])) throw new UsageError('a transaction is {"checks":[…],"commands":[…]}');
  const { checks = [], commands } = parsed as unknown as TxnJson;
  return printProposal(
    await client.txn({ checks, commands }, options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
    json,
  );
});

/** @throws CommandError, UsageError */
export async function readJson(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = (await readInput(file)).toString("utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${whyUnreadable(error)}`);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`${file === "-" ? "standard input" : file} is not JSON: ${(error as Error).message}`);
  }
  throw new UsageError(`${file === "-" ? "standard input" : file} must hold a JSON object`);
}
