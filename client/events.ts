/** Server-sent events, as much of them as `/v1/watch` uses. */
import type { WatchEvent } from "./types.ts";

/** One line of an event stream holds one change at most: a key and a value in JSON. */
const lineCharsMax = 8 * 1024 * 1024;

export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let fields: Record<string, string> = {};
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    if (rest.length > lineCharsMax) throw new Error("a line of the event stream is too long");
    for (const line of lines) {
      if (line === "") {
        if (fields["event"] !== undefined || fields["data"] !== undefined) yield toEvent(fields);
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

function toEvent(fields: Record<string, string>): WatchEvent {
  const data = fields["data"];
  return {
    id: fields["id"] ?? "",
    event: (fields["event"] ?? "put") as WatchEvent["event"],
    data: data === undefined || data === "" ? null : JSON.parse(data),
  };
}
