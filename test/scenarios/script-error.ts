/** What is wrong with a script, or with the code it is replayed on, and at which line. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

/** For expectations: both sides in the words of the scripts. */
export function differs(what: string, expected: string, got: string): ScriptError {
  return new ScriptError(`${what}\n    expected: ${expected}\n    got:      ${got}`);
}
