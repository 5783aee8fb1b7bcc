/** Server-sent events, as much of them as `/v1/watch` uses. */
import type { WatchEvent } from "./types.ts";

/** What a stream carries beside changes: `position` only moves on, `cut` says that the server ends the stream, and why. */
export type StreamEvent = WatchEvent | { readonly id: string; readonly event: "position" | "cut"; readonly data: null };

/** One line of an event stream holds one change at most: a key and a value in JSON. */
const lineCharsMax = 8 * 1024 * 1024;

export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let fields: Record<string, string> = {};
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    if (rest.length > lineCharsMax) throw new Error("a line of the event stream is too long");
    for (const line of lines) {
      if (line === "") {
        if (Object.keys(fields).length > 0) yield toEvent(fields);
        fields = {};
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        fields[name] = name === "data" && fields["data"] !== undefined ? `${fields["data"]}\n${value}` : value;
      }
    }
  }
}

function toEvent(fields: Record<string, string>): StreamEvent {
  const { id = "", event, data } = fields as { id?: string; event?: string; data?: string };
  // An id alone is no event to a browser either: it is where a new connection goes on.
  if (event === undefined || event === "cut") return { id, event: event ?? "position", data: null };
  return { id, event: event as WatchEvent["event"], data: event === "gap" || data === undefined ? null : JSON.parse(data) };
}
