import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from "pino";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Never in a log, whoever passes them: values are the users', the rest are secrets. */
const REDACTED = [
  "authorization",
  "*.authorization",
  "req.headers.authorization",
  'req.headers["epoxy-signature"]',
  "headers.authorization",
  "password",
  "*.password",
  "token",
  "*.token",
  "secret",
  "*.secret",
  "value",
  "*.value",
];

export type LogOptions = {
  readonly level: LogLevel;
  /** In each line. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Whose process this is, as it is when a line is written: `replica` and `epoch` of each line that does not tell of another epoch. */
  readonly self?: () => { readonly self: number | null; readonly epoch: number } | null;
};

/** JSON lines on stderr (stdout belongs to what commands print), or to `destination`. */
export function createLogger(options: LogOptions, destination?: DestinationStream): PinoLogger {
  return pino(
    {
      level: options.level,
      base: { ...options.fields },
      mixin: () => {
        const found = options.self?.() ?? null;
        return found === null || found.self === null ? {} : { replica: found.self, epoch: found.epoch };
      },
      // Of an error that is under another name only "{}" would be left.
      serializers: { error: (error: unknown) => (error instanceof Error ? stdSerializers.err(error) : error) },
      redact: { paths: REDACTED, censor: "[secret]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination ?? pino.destination({ dest: 2, sync: false }),
  );
}

/** A URL as it may be printed: without the user and password it may carry. */
export function printableUrl(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = "";
    parsed.password = "";
    return parsed.toString();
  } catch {
    return "[not a URL]";
  }
}
