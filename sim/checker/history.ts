/** What clients asked and were told, as they recorded it. Commands and results have the shapes of the public API. */

/** null is an absent key. Bytes that are no text have to be given a text of their own by whoever records. */
export type Value = string | null;
/** One clock for all clients. Either numbers or bigints throughout one history. */
export type Nanoseconds = bigint | number;

export type Expectation = { readonly expectOneOf: readonly Value[] } | { readonly expectVersion: number };
export type Delta = bigint | number | string;
export type SimpleCommand =
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "set"; readonly key: string; readonly value: Value }
  | { readonly kind: "delete"; readonly key: string }
  | ({ readonly kind: "checkAndSet"; readonly key: string; readonly newValue: Value } & Expectation)
  | { readonly kind: "add"; readonly key: string; readonly delta: Delta };
export type Check = { readonly key: string } & Expectation;
export type TxnCommand = { readonly kind: "txn"; readonly checks?: readonly Check[]; readonly commands: readonly SimpleCommand[] };
export type Command = SimpleCommand | TxnCommand;

/**
 * What the API answered; a field that is left out is not checked. Needed where the status is ok: `value` of a get,
 * `ok` of checkAndSet, add and txn, `results` of a proposal.
 */
export type Result = {
  readonly ok?: boolean;
  readonly value?: Value;
  /** After a write, at a get or of what did not match. Compared only where CheckOptions.versions says so. */
  readonly version?: number;
  readonly error?: string;
  /** What a checkAndSet or a check of a txn met instead. */
  readonly current?: Value;
  /** Of a txn: index of the check that failed. */
  readonly failed?: number;
  readonly results?: readonly Result[];
  /** Of a set or delete, for stores that tell: what was there before. */
  readonly existed?: boolean;
  readonly previous?: Value;
};

type Call =
  | { readonly op: "get"; readonly key: string; readonly args?: object }
  /** May be stale by promise: only a value that nobody can have written yet is a violation. */
  | { readonly op: "getLocal" | "getOptimistic"; readonly key: string; readonly args?: object }
  | { readonly op: "set"; readonly key: string; readonly args: { readonly value: Value } }
  | { readonly op: "delete"; readonly key: string; readonly args?: object }
  | { readonly op: "checkAndSet"; readonly key: string; readonly args: Expectation & { readonly newValue: Value } }
  | { readonly op: "add"; readonly key: string; readonly args: { readonly delta: Delta } }
  /** All or nothing over several keys. */
  | { readonly op: "txn"; readonly args: { readonly checks?: readonly Check[]; readonly commands: readonly SimpleCommand[] } }
  /** Several commands ordered together at one point, each with its own result. */
  | { readonly op: "proposal"; readonly args: { readonly commands: readonly Command[] } };

/**
 * ok: answered; that a condition was not met is an answer too. happened: nobody heard an answer, and yet it is known that
 * it happened by its end. fail: promised never to have happened, so a later sighting of its value is a violation. info:
 * unknown; it may happen at any time after its call, or never.
 * Write another value in each attempt, retries included: equal values make the check slower and forgive more.
 */
export type Status = "ok" | "happened" | "fail" | "info";

export type Operation = Call & {
  readonly client: string | number;
  readonly result?: Result | null;
  readonly status: Status;
  readonly startNs: Nanoseconds;
  /** Needed where the status is ok or happened, without meaning elsewhere. */
  readonly endNs?: Nanoseconds | null;
};

/** The record itself is wrong: an answer without its result, an end before its start. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** The commands of an operation, as a proposal of them would have been. */
export function commandsOf(operation: Operation): readonly Command[] {
  switch (operation.op) {
    case "get":
    case "getLocal":
    case "getOptimistic":
      return [{ kind: "get", key: operation.key }];
    case "delete":
      return [{ kind: "delete", key: operation.key }];
    case "set":
      return [{ kind: "set", key: operation.key, value: operation.args.value }];
    case "add":
      return [{ kind: "add", key: operation.key, delta: operation.args.delta }];
    case "checkAndSet":
      return [{ ...operation.args, kind: "checkAndSet", key: operation.key }];
    case "txn":
      return [{ ...operation.args, kind: "txn" }];
    case "proposal":
      return operation.args.commands;
    default:
      throw new HistoryError(`unknown op ${JSON.stringify((operation as { op: unknown }).op)}`);
  }
}
