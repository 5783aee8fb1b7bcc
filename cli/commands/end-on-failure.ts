import { exit } from "../exit.ts";

/**
 * Ends the process when the work is over: what is still open then is nobody's. A server that failed has connections open that
 * would keep it alive: half a server is worse than none.
 */
export async function endOnFailure(run: () => Promise<void>): Promise<void> {
  try {
    await run();
    process.exit(exit.done);
  } catch (error) {
    const expected = error instanceof Error && "code" in error && error.name === "EpoxyError";
    process.stderr.write(`epoxy: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`, () =>
      process.exit(exit.error),
    );
  }
}
