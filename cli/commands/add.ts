import { withClient } from "../context.ts";
import { UsageError } from "../exit.ts";
import { printProposal } from "./print-proposal.ts";

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

export const add = withClient<{ readonly idempotencyKey?: string }>(async ({ client, options, json }, [key = "", text = ""]) => {
  if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`N must be a whole number, not ${JSON.stringify(text)}`);
  const delta = BigInt(text.replace(/^\+/, ""));
  if (delta < int64.min || delta > int64.max) throw new UsageError("N must fit in 64 bits");
  const answer = await client.add(key, delta, options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey });
  return printProposal(answer, json);
});
