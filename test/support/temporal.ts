import { findTemporal } from "../../scripts/tools.mjs";

/** The Temporal CLI to run dev servers with. @throws Error that says what to do */
export function temporalCli(): string {
  const program = findTemporal();
  if (program === null) throw new Error("the Temporal CLI is missing: npm run setup");
  return program;
}
