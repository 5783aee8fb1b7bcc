import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

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

/** JSON lines on stderr (stdout belongs to what commands print), or to `destination`. */
export function createLogger(
  options: { readonly level: LogLevel; readonly fields?: Readonly<Record<string, unknown>> },
  destination?: DestinationStream,
): PinoLogger {
  return pino(
    {
      level: options.level,
      base: { ...options.fields },
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
