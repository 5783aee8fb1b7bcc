/** Thrown when our own code is wrong. Never caught, except by the process, which stops. */
export class InvariantViolation extends Error {
  override readonly name: string = "InvariantViolation";
}

/**
 * Another replica calls something decided that is decided otherwise here. One of the two is wrong, and it need not be this
 * one: what it says is refused whole, and the process goes on (decision 0014).
 */
export class Contradiction extends InvariantViolation {
  override readonly name = "Contradiction";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

/** A `switch` that forgot a case does not compile. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}
