import { withClient } from "../context.ts";
import { CommandError, exit } from "../exit.ts";
import { json, line, note, show } from "../output.ts";

export const watch = withClient<{ readonly after?: string }>(async ({ client, options, json: asJson }, [prefix]) => {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  try {
    const filter = { ...(prefix === undefined ? {} : { prefix }), ...(options.after === undefined ? {} : { after: options.after }) };
    for await (const event of client.watch({ ...filter, signal: stop.signal })) {
      if (asJson) json(event);
      else if (event.event === "gap") note("changes before this point are no longer kept");
      else if (event.data !== null) {
        const { key, value, version, instance } = event.data;
        line(
          [event.event, show(key), ...(event.event === "put" ? [show(value)] : []), `version ${version}`, `instance ${instance}`].join(
            "\t",
          ),
        );
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw new CommandError(`the stream broke: ${(error as Error).message}`, exit.unreachable, { cause: error });
  }
  if (!stop.signal.aborted) throw new CommandError("the server ended the stream", exit.unreachable);
  return exit.done;
});
