import type { ProposalAnswer, ResultJson } from "../../client/types.ts";
import { type ExitCode, exit } from "../exit.ts";
import { json, line, note, quote } from "../output.ts";

/** Prints the answer to a proposal of one command; the exit code tells whether it did what was asked. */
export function printProposal(answer: ProposalAnswer, asJson: boolean): ExitCode {
  if (asJson) json(answer);
  const failed = answer.results.find((result) => !result.ok);
  if (failed === undefined) {
    const version = answer.results.map((result) => (result.ok ? result.version : undefined)).find((each) => each !== undefined);
    if (!asJson) line(`ok${version === undefined ? "" : `, version ${version}`}, instance ${answer.instance}, ${answer.path} path`);
    return exit.done;
  }
  if (!asJson) note(`not done: ${reason(failed)}`);
  return failed.ok === false && failed.error === "notACounter" ? exit.error : exit.conditionNotMet;
}

function reason(result: ResultJson): string {
  if (result.ok) return "";
  switch (result.error) {
    case "expectedValueDoesNotMatch":
      return `the key is ${quote(result.current)}, version ${result.version}`;
    case "checkFailed":
      return `check ${result.failed} failed: its key is ${quote(result.current)}, version ${result.version}`;
    case "notACounter":
      return "the key holds something that is not a 64-bit whole number";
    default:
      return JSON.stringify(result);
  }
}
