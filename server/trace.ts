/** W3C trace context: the caller's trace, from his request into our log lines and on to the other datacenters. */
import type { IncomingHttpHeaders } from "node:http";

/** What a message carries of the traces of all callers it is for; a batch may have more of them than are worth naming. */
const TRACES_MAX = 8;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** A message for callers of several traces names them here: `traceparent` has room for one. */
const TRACES_HEADER = "epoxy-traces";

/** The request's traceparent; null without one, and for one that is malformed, as W3C asks. */
export function traceOf({ traceparent }: IncomingHttpHeaders): string | null {
  return typeof traceparent === "string" && TRACEPARENT.test(traceparent) ? traceparent : null;
}

/** For a message between datacenters. */
export function traceHeaders(traces: ReadonlySet<string>): Record<string, string> {
  if (traces.size === 0) return {};
  const named = [...traces].slice(0, TRACES_MAX);
  return traces.size === 1 ? { traceparent: named[0] as string } : { [TRACES_HEADER]: named.join(",") };
}

/** What `traceHeaders` said. */
export function tracesOf(headers: IncomingHttpHeaders): readonly string[] {
  const one = traceOf(headers);
  const { [TRACES_HEADER]: several } = headers;
  if (typeof several !== "string") return one === null ? [] : [one];
  return several.split(",", TRACES_MAX).filter((trace) => TRACEPARENT.test(trace));
}
