/** How a command ends. Scripts rely on these numbers. */
import { RequestError } from "../client/errors.ts";

export const exit = { done: 0, error: 1, usage: 2, conditionNotMet: 3, unreachable: 4, outcomeUnknown: 5 } as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

/** The command line itself is wrong: nothing was tried. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something expected went wrong: one sentence for a person, no stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = exit.error, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exit.usage;
  if (error instanceof CommandError) return error.exitCode;
  if (!(error instanceof RequestError)) return exit.error;
  if (error.outcome === "unknown") return exit.outcomeUnknown;
  if (error.status === 412) return exit.conditionNotMet;
  // No answer at all, or 503: nothing was proposed.
  return error.status === null || error.status === 503 ? exit.unreachable : exit.error;
}

/** What a person should know beside the message. */
export function hintOf(error: unknown): string | null {
  if (!(error instanceof RequestError)) return null;
  const instance = error.details["instance"];
  if (error.outcome === "unknown") {
    return typeof instance === "string"
      ? `It may have happened, or may still. See what became of it: epoxy instance ${instance}`
      : "It may have happened, or may still: read the key before writing again.";
  }
  if (error.code === "unreachable")
    return "Is a server running there? Choose another with --api URL or EPOXY_API; `epoxy dev` starts a cluster on this machine.";
  if (error.code === "coordinatorUnreachable")
    return "Nothing was changed, and keys are served all the same. Look at the coordinator's datacenter: does Temporal run there, and a worker?";
  if (error.status === 503) return "Nothing was written. `epoxy status` shows which datacenters answer.";
  if (error.status === 401) return "Give a token with --token-file FILE or EPOXY_TOKEN.";
  return null;
}
