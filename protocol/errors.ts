/** Every error that may leave a process, once: routes, docs and tests read this table. See interface.md for the meaning of 503 and 504. */
export const ERRORS = {
  badRequest: { status: 400, retryable: false },
  unauthenticated: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  notFound: { status: 404, retryable: false },
  unsupportedVersion: { status: 404, retryable: false },
  methodNotAllowed: { status: 405, retryable: false },
  requestTimeout: { status: 408, retryable: true },
  generationMismatch: { status: 409, retryable: false },
  idempotencyKeyReused: { status: 409, retryable: false },
  idempotencyKeyExpired: { status: 409, retryable: false },
  preconditionFailed: { status: 412, retryable: false },
  tooLarge: { status: 413, retryable: false },
  unsupportedMediaType: { status: 415, retryable: false },
  overloaded: { status: 429, retryable: true },
  internal: { status: 500, retryable: false },
  /** Nothing was proposed and nothing ever will come of it. */
  noQuorum: { status: 503, retryable: true },
  notReady: { status: 503, retryable: true },
  reconfiguring: { status: 503, retryable: true },
  coordinatorUnreachable: { status: 503, retryable: true },
  /** It may have happened or may still happen: never to be taken for a failure. */
  outcomeUnknown: { status: 504, retryable: false },
  storageFull: { status: 507, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>;
export type ErrorCode = keyof typeof ERRORS;

/** An error a caller can act on. `details` are merged into the body beside code and message. */
export class EpoxyError extends Error {
  override readonly name = "EpoxyError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** A message or record that is not what its schema says. The one error of every decoder. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}
