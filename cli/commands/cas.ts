import { toWire } from "../../client/bytes.ts";
import type { Expect } from "../../client/types.ts";
import { integer, withClient } from "../context.ts";
import { UsageError } from "../exit.ts";
import { readInput } from "../output.ts";
import { printProposal } from "./print-proposal.ts";
import { conditions } from "./put.ts";

type Options = {
  readonly expect?: readonly string[];
  readonly absent?: boolean;
  readonly version?: string;
  readonly value?: string;
  readonly delete?: boolean;
  readonly idempotencyKey?: string;
};

export const cas = withClient<Options>(async ({ client, options, json }, [key = ""]) => {
  const expect = expectation(options);
  if ((options.value === undefined) === (options.delete !== true)) throw new UsageError("give either --value VALUE or --delete");
  const value = options.value === "-" ? await readInput("-") : (options.value ?? null);
  const { idempotencyKey } = conditions(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey });
  const answer = await client.checkAndSet(key, expect, value, idempotencyKey === undefined ? {} : { idempotencyKey });
  return printProposal(answer, json);
});

function expectation(options: Options): Expect {
  const values = [...(options.expect ?? []).map(toWire), ...(options.absent === true ? [null] : [])];
  if (options.version !== undefined) {
    if (values.length > 0) throw new UsageError("--version does not go with --expect or --absent");
    return { expectVersion: integer("--version", options.version, { min: 0, max: Number.MAX_SAFE_INTEGER }) };
  }
  if (values.length === 0) throw new UsageError("say what is expected: --expect VALUE, --absent or --version V");
  return { expectOneOf: values };
}
