/** What the server said of an error, or what became of the connection. */
export type Failure = {
  readonly code: string;
  readonly message: string;
  /** null: there was no answer. */
  readonly status: number | null;
  readonly endpoint: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** What was answered, as it stood in JSON; left out where nothing of that kind was. */
  readonly answer?: unknown;
};

/** Any error of a request. Catch its two kinds: they ask for different things of the caller. */
export abstract class RequestError extends Error {
  readonly code: string;
  readonly status: number | null;
  readonly endpoint: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** The server's JSON as it was; null where it sent none. */
  readonly answer: unknown;
  /** Whether the write may have happened, or may happen yet. */
  abstract readonly outcome: "nothing" | "unknown";
  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.code = failure.code;
    this.status = failure.status;
    this.endpoint = failure.endpoint;
    this.details = failure.details;
    this.answer = failure.answer ?? null;
  }
}

/** Nothing was written and nothing ever will come of it: it may be asked again. */
export class NothingHappened extends RequestError {
  override readonly name = "NothingHappened";
  readonly outcome = "nothing";
}

/** It may have happened, and may happen minutes later: never to be taken for a failure. `details.instance` tells where, if known. */
export class OutcomeUnknown extends RequestError {
  override readonly name = "OutcomeUnknown";
  readonly outcome = "unknown";
}
